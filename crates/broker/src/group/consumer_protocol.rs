//! The consumer group protocol of KIP-848: members heartbeat, the broker assigns.
//!
//! | epoch | moves when |
//! |---|---|
//! | the group's | a member comes, goes or changes its subscription; a subscribed topic appears, grows or goes |
//! | the assignment's | the group's moved and a member heartbeats: the target is computed anew |
//! | a member's | it has given back what the target takes away from it |
//!
//! [`heartbeat`] decides one heartbeat, [`reconcile`] moves one member towards its target, and
//! [`assign`] computes the target; all are pure. [`coordinator`] holds them under the groups' lock.
//!
//! Kept over a restart: the group's type and epoch, and its committed offsets. Not kept: members and
//! assignments. A member that heartbeats or commits after a restart is told `UNKNOWN_MEMBER_ID`; it
//! gives up its partitions, joins again under its id at epoch 0, and reads on from the committed
//! offsets, as after a session that ended. A static member finds its instance id free.
//!
//! Groups move between the protocols only while they are empty (in Kafka's words:
//! `group.consumer.migration.policy=disabled`). Source: KIP-848, KIP-1082 (ids made by members).

mod assign;
pub(super) mod coordinator;
pub(crate) mod heartbeat;
mod reconcile;
pub(crate) mod subscription;

use kafka_wire_core::Uuid;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use subscription::Pattern;

#[cfg(test)]
mod tests;

/// `group.consumer.session.timeout.ms`.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(45);
/// `group.consumer.heartbeat.interval.ms`.
pub(crate) const HEARTBEAT_INTERVAL_MS: i32 = 5_000;
/// Members of one group at most, so that one assignment stays short. Kafka sets no limit.
const MEMBERS_MAX: usize = 10_000;

/// Partitions by topic id.
pub(crate) type Share = BTreeSet<(Uuid, i32)>;
/// Topics by name: id and number of partitions.
pub(crate) type Catalog = BTreeMap<Arc<str>, (Uuid, i32)>;

/// How the broker divides partitions among members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Assignor {
    /// Even numbers of partitions; a member keeps what it has where that stays even.
    Uniform,
    /// Of every topic a run of consecutive partitions.
    Range,
}

impl Assignor {
    /// In Kafka's order: the first is the default.
    const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    /// Kafka's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// The assignor of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }
}

/// How far a member is on the way to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It has what the target of its epoch gives it.
    Stable,
    /// It owes partitions, and stays in its epoch until it gave them back.
    Unrevoked,
    /// It waits for partitions that others have not given back.
    Unreleased,
}

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) rack_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) names: BTreeSet<String>,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) assignor: Option<Assignor>,
    rebalance_timeout: Duration,
    /// [`heartbeat::LEFT_FOR_NOW`] for a static member that will come back.
    pub(crate) epoch: i32,
    previous_epoch: i32,
    progress: Progress,
    /// What it may read.
    pub(crate) assigned: Share,
    /// What it has been asked to give back and may still read.
    revoking: Share,
    /// What the present target gives it.
    pub(crate) target: Share,
    /// When it is given up, unless it is heard from.
    deadline: Duration,
    /// When it is given up unless it gave back what it owes.
    revoke_deadline: Option<Duration>,
}

/// A group of the consumer protocol.
#[derive(Debug)]
pub(crate) struct ConsumerGroup {
    pub(crate) epoch: i32,
    pub(crate) assignment_epoch: i32,
    pub(crate) members: BTreeMap<String, Member>,
    /// Member ids by `group.instance.id`.
    instances: BTreeMap<String, String>,
    /// The topics that somebody subscribes to, as they were at the last look.
    subscribed: Catalog,
    looked_at: Option<Duration>,
    /// When the last member went.
    empty_since: Duration,
}

impl ConsumerGroup {
    /// A group without members, at an epoch.
    pub(super) const fn new(epoch: i32, now: Duration) -> Self {
        Self {
            epoch,
            assignment_epoch: epoch,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            subscribed: BTreeMap::new(),
            looked_at: None,
            empty_since: now,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How long it has been without members.
    pub(super) fn empty_for(&self, now: Duration) -> Option<Duration> {
        self.is_empty().then(|| now.saturating_sub(self.empty_since))
    }

    /// Kafka's name of the state.
    pub(crate) fn state(&self) -> &'static str {
        let settled = |member: &Member| {
            member.progress == Progress::Stable && member.epoch == self.assignment_epoch
        };
        if self.is_empty() {
            "Empty"
        } else if self.epoch > self.assignment_epoch {
            "Assigning"
        } else if self.members.values().all(settled) {
            "Stable"
        } else {
            "Reconciling"
        }
    }

    /// The assignor most members ask for; without a wish, the default.
    pub(crate) fn assignor(&self) -> Assignor {
        let votes = |wanted: Assignor| {
            self.members.values().filter(|member| member.assignor == Some(wanted)).count()
        };
        if votes(Assignor::Range) > votes(Assignor::Uniform) {
            Assignor::Range
        } else {
            Assignor::Uniform
        }
    }

    /// Whether a member reads this topic.
    pub(crate) fn subscribes(&self, topic: &str) -> bool {
        self.members.values().any(|member| member.wants(topic))
    }

    fn next_epoch(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
    }

    /// Takes a member out; its partitions are free at once.
    fn remove(&mut self, id: &str, now: Duration) {
        let Some(member) = self.members.remove(id) else { return };
        if let Some(instance) = &member.instance_id
            && self.instances.get(instance).is_some_and(|current| current == id)
        {
            self.instances.remove(instance);
        }
        self.next_epoch();
        if self.is_empty() {
            self.empty_since = now;
            self.subscribed.clear();
            self.assignment_epoch = self.epoch;
        }
    }

    /// Gives up members that were not heard from, or did not give back in time.
    pub(super) fn expire(&mut self, now: Duration) {
        let overdue = |member: &&Member| {
            member.deadline <= now || member.revoke_deadline.is_some_and(|until| until <= now)
        };
        let gone: Vec<String> =
            self.members.values().filter(overdue).map(|member| member.id.clone()).collect();
        for id in gone {
            self.remove(&id, now);
        }
    }

    /// The next moment at which [`ConsumerGroup::expire`] has something to do.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let members = self.members.values();
        members.flat_map(|m| std::iter::once(m.deadline).chain(m.revoke_deadline)).min()
    }
}
