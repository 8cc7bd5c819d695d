//! `system.size_estimates`: how many partitions lie between two tokens. Spark plans its scans by it.
//!
//! Partitions are counted in a sample of each table and scaled to the engine's own count of rows.

use super::local::tokens;
use super::{Named, text};
use crate::disk::engine::Snapshot;
use crate::execute::call::Call;
use crate::execute::failure::Outcome;
use crate::table::key;
use crate::table::schema::Table;
use bytes::Bytes;
use cql::Value;

/// Rows looked at per table.
const SAMPLE_ROWS: usize = 512;

/// The rows.
pub(super) fn size_estimates(call: &Call) -> Outcome<Vec<Named>> {
    let snapshot = call.node.engine.snapshot();
    let starts: Vec<i64> = tokens().collect();
    let mut rows = Vec::new();
    for table in call.schema.user_keyspaces().flat_map(|keyspace| keyspace.tables.values()) {
        let (partitions, mean_bytes) = estimate(&snapshot, table)?;
        let count = i64::try_from(starts.len()).unwrap_or(1);
        for (at, start) in starts.iter().enumerate() {
            let end = starts[(at + 1) % starts.len()];
            rows.push(vec![
                ("keyspace_name", text(&table.keyspace)),
                ("table_name", text(&table.name)),
                ("range_start", text(start.to_string())),
                ("range_end", text(end.to_string())),
                ("partitions_count", Value::Bigint((partitions + count - 1) / count)),
                ("mean_partition_size", Value::Bigint(mean_bytes)),
            ]);
        }
    }
    Ok(rows)
}

/// Partitions and mean bytes of one.
fn estimate(snapshot: &Snapshot, table: &Table) -> Outcome<(i64, i64)> {
    let Some(storage) = &table.storage else { return Ok((0, 0)) };
    let (mut seen, mut bytes, mut partitions) = (0_u64, 0_u64, 0_u64);
    let mut last = Bytes::new();
    for entry in snapshot.range(storage, &[], &[0xFF; 9]).take(SAMPLE_ROWS) {
        let (key, value) = entry?;
        seen += 1;
        bytes += (key.len() + value.len()) as u64;
        let partition = key::split(&key).map(|split| split.partition).unwrap_or_default();
        if *last != *partition {
            partitions += 1;
            last = key.slice_ref(partition);
        }
    }
    if seen == 0 {
        return Ok((0, 0));
    }
    let rows =
        if (seen as usize) < SAMPLE_ROWS { seen } else { storage.approximate_rows().max(seen) };
    let total = rows.saturating_mul(partitions) / seen;
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Ok((whole(total.max(1)), whole(bytes / partitions.max(1))))
}
