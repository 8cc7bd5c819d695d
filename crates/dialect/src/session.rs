//! The DataFusion session that lowered expressions and plans run in.
//!
//! Owns the settings that make plans repeatable: no dynamic filters, no skipped partial
//! aggregation, ANSI errors, UTC. Memory is bounded, and what does not
//! fit goes to `spill_dir`.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::error::DialectError;

/// What a session may use.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Bytes of memory for sorting, joining and grouping, shared by all plans of the session.
    pub memory_bytes: usize,
    /// Folder for what does not fit in memory; made by DataFusion when needed.
    pub spill_dir: PathBuf,
    /// Parts that a plan is cut into; 1 for small batches.
    pub target_partitions: usize,
}

/// Opens a session that runs plans of [`crate::plan_query`]. It looks up no names: the plans hold their
/// functions.
///
/// # Errors
/// [`DialectError::Planning`] if the spill folder cannot be used.
pub fn session(options: &SessionOptions) -> Result<SessionContext, DialectError> {
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![options.spill_dir.clone()]));
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_bytes)))
        .with_disk_manager_builder(disk)
        .build_arc()?;
    let state =
        SessionStateBuilder::new().with_config(config(options)).with_runtime_env(runtime).build();
    Ok(SessionContext::new_with_state(state))
}

/// Of the memory that a plan's part may use, what a sort keeps back to merge what it spilled: 1 in so many.
const MERGE_SHARE: usize = 4;
/// Rows of a batch. Merging holds a batch of every spilled file, so they are small.
const BATCH_ROWS: usize = 2_048;

fn config(session: &SessionOptions) -> SessionConfig {
    let parts = session.target_partitions.max(1);
    let mut config = SessionConfig::new().with_target_partitions(parts).with_batch_size(BATCH_ROWS);
    let options = config.options_mut();
    options.execution.time_zone = Some("UTC".into());
    options.execution.enable_ansi_mode = true;
    options.execution.sort_spill_reservation_bytes = session.memory_bytes / parts / MERGE_SHARE;
    // A plan runs again on every batch: nothing may be learnt from the last one.
    options.execution.skip_partial_aggregation_probe_rows_threshold = usize::MAX;
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.optimizer.enable_join_dynamic_filter_pushdown = false;
    options.optimizer.enable_topk_dynamic_filter_pushdown = false;
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    config
}
