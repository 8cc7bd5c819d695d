//! Brokers: addresses that clients cannot reach, and partitions without a leader or a copy.

use super::{Context, server};
use crate::facts::{Broker, Cluster, Partition};
use crate::finding::{Finding, Hop, HopKind, KAFKA};
use crate::words::{count, phrase};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn find(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(cluster) = context.cluster() else { return };
    for broker in &cluster.brokers {
        if let Some(Err(why)) = &broker.reached {
            findings.push(unreached(context, cluster, broker, why));
        }
    }
    let live: BTreeSet<i32> = cluster.brokers.iter().map(|broker| broker.id).collect();
    let harm = harm(cluster, &live);
    for (broker, harm) in &harm {
        findings.push(fewer_copies(context, cluster, *broker, harm));
    }
    if harm.values().all(|harm| harm.leaderless.is_empty()) {
        leaderless(cluster, findings);
    }
}

fn unreached(context: &Context<'_>, cluster: &Cluster, broker: &Broker, why: &str) -> Finding {
    let Broker { id, advertised, .. } = broker;
    let (address, why) = (&context.facts.kafka.address, phrase(why));
    let others = cluster.brokers.iter().any(|broker| broker.reached == Some(Ok(())));
    if others && !why.contains("no such host") {
        return Finding::cause("broker-away", server(KAFKA))
            .says(format!(
                "Broker {id} cannot be reached at {advertised} ({why}), while other brokers can: \
                 it is down, or advertises a wrong address."
            ))
            .next(format!("start broker {id}, or correct its advertised.listeners"));
    }
    let next = if context.facts.kafka.embedded {
        "set broker.advertised_host in millstream.toml to a name that clients reach, or to \"\""
            .to_owned()
    } else {
        format!("set advertised.listeners of broker {id} to an address that clients reach")
    };
    Finding::cause("wrong-advertised-address", server(KAFKA))
        .says(format!(
            "Kafka answers at {address}, but broker {id} tells clients to come to {advertised}, \
             which cannot be reached from here: {why}."
        ))
        .next(next)
}

/// What the absence of a broker does.
#[derive(Default)]
struct Harm<'a> {
    partitions: u64,
    topics: BTreeSet<&'a str>,
    /// Partitions without a leader, by topic.
    leaderless: BTreeMap<&'a str, u64>,
}

/// By the broker that is missing from a partition's in-sync replicas.
fn harm<'a>(cluster: &'a Cluster, live: &BTreeSet<i32>) -> BTreeMap<i32, Harm<'a>> {
    let mut harm: BTreeMap<i32, Harm<'a>> = BTreeMap::new();
    for (name, topic) in &cluster.topics {
        for partition in &topic.partitions {
            for broker in missing(partition, live) {
                let harm = harm.entry(broker).or_default();
                harm.partitions += 1;
                harm.topics.insert(name);
                if partition.leader.is_none() {
                    *harm.leaderless.entry(name).or_default() += 1;
                }
            }
        }
    }
    harm
}

fn missing(partition: &Partition, live: &BTreeSet<i32>) -> Vec<i32> {
    let absent = |broker: &&i32| !partition.isr.contains(broker) || !live.contains(broker);
    partition.replicas.iter().filter(absent).copied().collect()
}

fn fewer_copies(context: &Context<'_>, cluster: &Cluster, broker: i32, harm: &Harm<'_>) -> Finding {
    let Harm { partitions, topics, leaderless } = harm;
    let lives = cluster.brokers.iter().any(|one| one.id == broker);
    let state = if lives { "lags behind" } else { "is down" };
    let topics = count(topics.len() as u64, "topic");
    let what = format!("{} of {topics}", count(*partitions, "partition"));
    let next = if lives {
        format!("look at the load and the log of broker {broker}")
    } else {
        format!("start broker {broker}")
    };
    let lost: u64 = leaderless.values().sum();
    if lost > 0 {
        let of = if lost == *partitions {
            format!("{what} {} no leader", have(lost))
        } else {
            format!("of {what}, {lost} {} no leader", have(lost))
        };
        let ours = |topic: &&str| {
            topic.starts_with("__") || context.uses(&Hop::new(HopKind::Topic, *topic))
        };
        let finding = if leaderless.keys().any(ours) {
            Finding::cause("no-leader", server(KAFKA))
        } else {
            Finding::remark("no-leader", server(KAFKA)).warn()
        };
        return finding
            .says(format!("Broker {broker} {state}: {of} and can be neither read nor written."))
            .next(next);
    }
    let partitions_of = cluster.topics.values().flat_map(|topic| &topic.partitions);
    let lonely = partitions_of.filter(|partition| partition.isr.len() < 2);
    let risk = if lonely.count() > 0 { ", some of them only one" } else { "" };
    Finding::remark("under-replicated", server(KAFKA))
        .warn()
        .says(format!(
            "Broker {broker} {state}: {what} {} fewer copies than they should{risk}; all can still \
             be read and written.",
            have(*partitions)
        ))
        .next(next)
}

fn have(number: u64) -> &'static str {
    if number == 1 { "has" } else { "have" }
}

/// Partitions without a leader though no broker is known to be missing.
fn leaderless(cluster: &Cluster, findings: &mut Vec<Finding>) {
    for (name, topic) in &cluster.topics {
        let lost: Vec<&Partition> =
            topic.partitions.iter().filter(|partition| partition.leader.is_none()).collect();
        if let Some(first) = lost.first() {
            findings.push(
                Finding::cause("no-leader", Hop::new(HopKind::Topic, name))
                    .says(format!(
                        "{} of topic {name} {} no leader, the first is partition {}: it can be \
                         neither read nor written.",
                        count(lost.len() as u64, "partition"),
                        have(lost.len() as u64),
                        first.index
                    ))
                    .next(
                        "ask again in some seconds: a leader may be on its way; else look at the \
                         brokers' logs",
                    ),
            );
        }
    }
}
