//! What is known of a cluster: its brokers, who controls it and who leads what.
//!
//! It is a memory, not a truth: a broker that says that it does not lead makes it ask again.

use std::collections::{BTreeMap, HashMap};

use kafka_wire::MetadataResponse;
use serde::Serialize;

/// Partitions whose leaders are remembered at most.
const LEADERS_MAX: usize = 200_000;

/// A broker of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broker {
    /// Its node id.
    pub id: i32,
    /// The host that it advertises.
    pub host: String,
    /// The port that it advertises.
    pub port: i32,
    /// Its rack, if it says one.
    pub rack: Option<String>,
}

impl Broker {
    /// `host:port`, a host with colons in brackets.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) brokers: BTreeMap<i32, Broker>,
    pub(crate) controller: Option<i32>,
    leaders: HashMap<String, BTreeMap<i32, i32>>,
    count: usize,
}

impl Known {
    /// The leader of a partition.
    pub(crate) fn leader(&self, topic: &str, partition: i32) -> Option<i32> {
        self.leaders.get(topic)?.get(&partition).copied()
    }

    /// Forgets who leads.
    pub(crate) fn forget_leaders(&mut self) {
        self.leaders.clear();
        self.count = 0;
    }

    /// Learns from an answer.
    pub(crate) fn learn(&mut self, answer: &MetadataResponse) {
        let brokers = answer.brokers.iter().map(|broker| {
            let known = Broker {
                id: broker.node_id,
                host: broker.host.to_string(),
                port: broker.port,
                rack: broker.rack.as_ref().map(ToString::to_string),
            };
            (broker.node_id, known)
        });
        self.brokers = brokers.collect();
        self.controller = Some(answer.controller_id).filter(|id| *id >= 0);
        if self.count > LEADERS_MAX {
            self.forget_leaders();
        }
        for topic in &answer.topics {
            let Some(name) = &topic.name else { continue };
            let leads = topic.partitions.iter().filter(|partition| partition.leader_id >= 0);
            let leaders = leads.map(|partition| (partition.partition_index, partition.leader_id));
            let leaders: BTreeMap<i32, i32> = leaders.take(LEADERS_MAX).collect();
            self.count += leaders.len();
            self.leaders.insert(name.to_string(), leaders);
        }
    }
}
