//! Lets old records, idle groups and spent offsets go, at `log.retention.check.interval.ms`.
//!
//! The world's clock decides what is old; a timer only wakes.

use crate::service::Node;
use std::sync::Arc;
use std::time::Duration;

/// Looks at every log for as long as the broker runs.
pub(crate) async fn watch(node: Arc<Node>) {
    let interval = Duration::from_millis(node.settings.retention_check_interval_ms.max(100));
    loop {
        tokio::time::sleep(interval).await;
        node.groups.expire_offsets(&node);
        let node = Arc::clone(&node);
        let done = tokio::task::spawn_blocking(move || retain_all(&node)).await;
        if let Err(error) = done {
            tracing::warn!("retention ended early: {error}");
        }
    }
}

fn retain_all(node: &Node) {
    let now_ms = node.world.clock.wall_millis();
    for partition in node.topics.all_partitions() {
        if let Err(error) = partition.log.retain(now_ms) {
            tracing::warn!("{error}");
        }
        if partition.log.settings().cleanup_policy.compacts()
            && let Err(error) = partition.log.compact()
        {
            tracing::warn!(log = partition.log.name(), "not compacted: {error}");
        }
    }
}
