//! How far consumer groups are behind, looked at every few seconds: many questions, so they delay nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafkaadmin::{Admin, Error, Isolation, OffsetSpec, TopicPartition};
use runtime::Clock;
use tokio::sync::watch;

use crate::charts::Charts;
use crate::model::approximate;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// Groups that are looked at.
const GROUPS_MAX: usize = 100;

/// Records that each group has not read.
pub(crate) type Lags = BTreeMap<String, u64>;

/// Looks until nobody holds the receiver.
pub(crate) async fn run(
    admin: Admin,
    clock: Arc<dyn Clock>,
    charts: Arc<Charts>,
    out: watch::Sender<Arc<Lags>>,
) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = out.closed() => return,
        }
        // A broker that does not answer is said by the other watcher.
        let Ok(Ok(lags)) = tokio::time::timeout(EVERY, look(&admin)).await else { continue };
        let named = lags.iter().map(|(group, lag)| (format!("group.{group}.lag"), *lag));
        charts.add(clock.wall_millis(), named.map(|(name, lag)| (name, approximate(lag))));
        out.send_replace(Arc::new(lags));
    }
}

async fn look(admin: &Admin) -> Result<Lags, Error> {
    let mut committed = BTreeMap::new();
    for group in admin.list_groups().await?.into_iter().take(GROUPS_MAX) {
        // A group that went away meanwhile is left out.
        if let Ok(offsets) = admin.list_consumer_group_offsets(&group.group_id).await {
            committed.insert(group.group_id, offsets);
        }
    }
    let mut asked: Vec<TopicPartition> =
        committed.values().flatten().map(|one| one.at.clone()).collect();
    asked.sort();
    asked.dedup();
    let asked: Vec<_> = asked.into_iter().map(|at| (at, OffsetSpec::Latest)).collect();
    let ends = admin.list_offsets(&asked, Isolation::ReadUncommitted).await?;
    let end = |at: &TopicPartition| ends.get(at)?.as_ref().ok()?.offset;
    let lag = |offsets: Vec<kafkaadmin::CommittedOffset>| {
        let behind =
            offsets.iter().filter_map(|one| Some(end(&one.at)?.saturating_sub(one.offset)));
        behind.map(|behind| u64::try_from(behind).unwrap_or(0)).sum()
    };
    Ok(committed.into_iter().map(|(group, offsets)| (group, lag(offsets))).collect())
}
