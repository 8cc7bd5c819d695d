//! What a classic group is, and what its members are answered.
//!
//! Times are `Clock::elapsed`: they never step backwards. Source: KIP-62, KIP-345, KIP-394.

use crate::error::ErrorCode;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A group's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No members; offsets may be kept.
    Empty,
    /// Members are asked to join again.
    PreparingRebalance,
    /// Members joined; the leader owes the assignment.
    CompletingRebalance,
    /// Every member has its assignment.
    Stable,
}

impl Phase {
    /// Kafka's name of the state.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) session_timeout: Duration,
    /// Assignment protocols by preference, with the member's metadata for each.
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) assignment: Bytes,
    /// Whether its join request waits.
    pub(crate) joining: bool,
    /// Whether its sync request waits.
    pub(crate) syncing: bool,
    /// When it is given up, unless it is heard from.
    pub(crate) deadline: Duration,
    /// Place in the order of joining; the first is the leader.
    pub(crate) order: u64,
}

impl Member {
    /// Its metadata for a protocol.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|(name, _)| name == protocol)
            .map(|(_, metadata)| metadata.clone())
            .unwrap_or_default()
    }
}

/// A rebalance under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rebalance {
    /// When it goes on without those who have not joined.
    pub(crate) deadline: Duration,
    /// For the first rebalance of an empty group: when the waiting for more members ends for good,
    /// and by how much each new member prolongs it.
    pub(crate) initial: Option<(Duration, Duration)>,
    /// Whether a member came during the present wait, which prolongs it.
    pub(crate) joined_meanwhile: bool,
}

/// A classic group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) phase: Phase,
    /// Wall time of the last change of phase, milliseconds.
    pub(crate) phase_since_ms: i64,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) generation: i32,
    pub(crate) leader: Option<String>,
    pub(crate) members: BTreeMap<String, Member>,
    /// Member ids by `group.instance.id`.
    pub(crate) instances: BTreeMap<String, String>,
    /// Member ids given out and not used yet, with their deadlines (KIP-394).
    pub(crate) promised: BTreeMap<String, Duration>,
    pub(crate) rebalance: Option<Rebalance>,
    /// When members that have not synced are given up.
    pub(crate) sync_deadline: Option<Duration>,
    pub(crate) unsynced: BTreeSet<String>,
    pub(crate) joined: u64,
}

impl Group {
    pub(crate) fn new(id: &str, now_ms: i64) -> Self {
        Self {
            id: id.to_owned(),
            phase: Phase::Empty,
            phase_since_ms: now_ms,
            protocol_type: None,
            protocol: None,
            generation: 0,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            promised: BTreeMap::new(),
            rebalance: None,
            sync_deadline: None,
            unsynced: BTreeSet::new(),
            joined: 0,
        }
    }

    /// Whether nothing of the group is worth keeping but its offsets.
    pub(crate) fn vacant(&self) -> bool {
        self.members.is_empty() && self.promised.is_empty()
    }

    /// The longest rebalance timeout of the members.
    pub(crate) fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }

    /// The next moment at which [`Group::expire`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let members = self.members.values().filter(|member| !member.syncing && !member.joining);
        members
            .map(|member| member.deadline)
            .chain(self.promised.values().copied())
            .chain(self.rebalance.map(|rebalance| rebalance.deadline))
            .chain(self.sync_deadline)
            .min()
    }
}

/// A request to join.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) member_id: String,
    /// The id to give to a member that has none yet.
    pub(crate) new_member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocol_type: String,
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// Whether a new member must come back with the id it is told (request version 4 and later).
    pub(crate) id_required: bool,
    /// Whether a static leader can be told to skip the assignment (request version 9 and later).
    pub(crate) can_skip_assignment: bool,
    /// `group.initial.rebalance.delay.ms`.
    pub(crate) initial_delay: Duration,
}

/// The answer to a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) error: ErrorCode,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) leader: String,
    pub(crate) member_id: String,
    /// All members, for the leader alone: id, instance id, metadata.
    pub(crate) members: Vec<(String, Option<String>, Bytes)>,
    pub(crate) skip_assignment: bool,
}

impl Joined {
    pub(crate) fn refused(error: ErrorCode, member_id: &str) -> Self {
        Self {
            error,
            generation: -1,
            protocol_type: None,
            protocol: None,
            leader: String::new(),
            member_id: member_id.to_owned(),
            members: Vec::new(),
            skip_assignment: false,
        }
    }
}

/// A request for the assignment, which the leader's brings.
#[derive(Debug, Clone)]
pub(crate) struct Sync {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) assignments: Vec<(String, Bytes)>,
}

/// The answer to a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) error: ErrorCode,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) assignment: Bytes,
}

impl Synced {
    pub(crate) fn refused(error: ErrorCode) -> Self {
        Self { error, protocol_type: None, protocol: None, assignment: Bytes::new() }
    }
}

/// What follows from a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Answer the join that waits for this member.
    Join(String, Joined),
    /// Answer the sync that waits for this member.
    Sync(String, Synced),
    /// Write the group down.
    Persist,
}

/// An answer now, or a request that waits for an [`Effect`] of this member's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply<T> {
    Now(T),
    Wait(String),
}
