//! Consumers that are not ours: stuck on one record, ahead of a wiped topic, gone.

use super::Context;
use crate::facts::{Cluster, Group, GroupPartition, Topic};
use crate::finding::{Finding, Hop, HopKind};
use crate::words::{count, natural, time};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// A record that has waited for less is on its way: clients commit every five seconds by default.
const STUCK_SECONDS: i64 = 6;
/// Records of this age were sent while a group that has their partition was there, seconds.
const YOUNG_SECONDS: i64 = 600;
/// A consumer with less before it keeps up.
const BEHIND: u64 = 1_000;

pub(super) fn find(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(cluster) = context.cluster() else { return };
    for group in cluster.groups.iter().flatten() {
        // Streams commit under groups of their own, which tell of their position at a source too.
        if group.id.starts_with("millstream.") {
            continue;
        }
        let mut topics: BTreeMap<&str, Vec<&GroupPartition>> = BTreeMap::new();
        for at in &group.partitions {
            topics.entry(&at.topic).or_default().push(at);
        }
        for (name, parts) in topics {
            let Some(topic) = cluster.topics.get(name) else { continue };
            let of = Of { context, cluster, group, name, topic };
            let found = of.ahead(&parts).or_else(|| of.stuck(&parts)).or_else(|| of.rest(&parts));
            findings.extend(found);
        }
    }
}

/// A group and one of its topics.
struct Of<'a> {
    context: &'a Context<'a>,
    cluster: &'a Cluster,
    group: &'a Group,
    name: &'a str,
    topic: &'a Topic,
}

impl Of<'_> {
    fn hop(&self) -> Hop {
        Hop::new(HopKind::Group, &self.group.id)
    }

    /// The records that a group has before it in a partition.
    fn lag(&self, at: &GroupPartition) -> Option<i64> {
        Some(self.topic.partition(at.partition)?.end? - at.committed)
    }

    fn ahead(&self, parts: &[&GroupPartition]) -> Option<Finding> {
        if self.cluster.sampled_ms == 0 {
            return None;
        }
        let Self { group, name, .. } = self;
        let at = parts.iter().find(|at| self.lag(at).is_some_and(|lag| lag < 0))?;
        let end = self.topic.partition(at.partition)?.end?;
        Some(
            Finding::cause("group-ahead", self.hop())
                .warn()
                .says(format!(
                    "Consumer group {} has committed offset {} of topic {name} partition {}, which \
                     ends at {end}: the topic was wiped or made anew, and the group reads nothing \
                     until it is reset.",
                    group.id, at.committed, at.partition
                ))
                .next(format!("stop its consumers and reset group {} on the console", group.id)),
        )
    }

    /// One partition stands still before a record that others would have passed.
    fn stuck(&self, parts: &[&GroupPartition]) -> Option<Finding> {
        let Self { group, name, .. } = self;
        let now = self.context.facts.now;
        if group.members == 0 || self.cluster.sampled_ms == 0 {
            return None;
        }
        let stands = |at: &&&GroupPartition| {
            at.committed_before == Some(at.committed) && self.lag(at).is_some_and(|lag| lag > 0)
        };
        // What was never committed may be old records that the group was not meant to read.
        let meant = |at: &GroupPartition, since: DateTime<Utc>| {
            let grows =
                self.topic.partition(at.partition).is_some_and(|one| one.end > one.end_before);
            !at.never || grows || (now - since).num_seconds() < YOUNG_SECONDS
        };
        let waited = |at: &&GroupPartition| {
            let place = ((*name).to_owned(), at.partition, at.committed);
            let since = self.cluster.records.get(&place)?.at?;
            ((now - since).num_seconds() >= STUCK_SECONDS && meant(at, since)).then_some(since)
        };
        let (at, since) = parts
            .iter()
            .filter(stands)
            .filter_map(|at| Some((*at, waited(at)?)))
            .max_by_key(|(at, _)| self.lag(at))?;
        let lag = natural(self.lag(at)?);
        let moves = |other: &&&GroupPartition| {
            other.partition != at.partition
                && (other.committed_before != Some(other.committed)
                    || self.lag(other).is_some_and(|left| natural(left) * 10 <= lag))
        };
        let others = parts.iter().filter(moves).count();
        // All of them stand: the consumer is slow, or does not run.
        if others == 0 && parts.len() > 1 {
            return None;
        }
        let more = count(lag.saturating_sub(1), "record");
        let others = match others {
            0 => "",
            _ => ", while it goes on with other partitions",
        };
        Some(
            Finding::cause("consumer-stuck", self.hop())
                .warn()
                .says(format!(
                    "Consumer group {} does not get past offset {} of topic {name} partition {}{others}: \
                     that record has waited since {}, and {more} behind it.",
                    group.id,
                    at.committed,
                    at.partition,
                    time(since, now)
                ))
                .next(format!(
                    "look at the record with `millstream consume {name} --partition {} --from {} \
                     --count 1 --headers`; mend the consumer, or move the group past it",
                    at.partition, at.committed
                )),
        )
    }

    /// A group that is behind, or has no member.
    fn rest(&self, parts: &[&GroupPartition]) -> Option<Finding> {
        let Self { group, name, .. } = self;
        let begun = parts.iter().filter(|at| !at.never);
        let lag: u64 = begun.filter_map(|at| self.lag(at)).map(natural).sum();
        let records = count(lag, "record");
        if group.members == 0 && lag > 0 {
            return Some(
                Finding::remark("group-without-members", self.hop())
                    .says(format!(
                        "Consumer group {} has no member, and {records} of topic {name} wait for it.",
                        group.id
                    ))
                    .next("start its consumer, or delete the group if nobody needs it"),
            );
        }
        (lag >= BEHIND).then(|| {
            Finding::remark("group-behind", self.hop())
                .says(format!("Consumer group {} is {records} behind topic {name}.", group.id))
                .next("if it grows, start more consumers of the group")
        })
    }
}
