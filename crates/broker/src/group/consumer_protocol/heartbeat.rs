//! Decides a heartbeat: joins, stays, leaves; fences what is out of date.
//!
//! Pure. Source: KIP-848, "`ConsumerGroupHeartbeat` API".

use super::subscription::Pattern;
use super::{
    Assignor, Catalog, ConsumerGroup, MEMBERS_MAX, Member, Progress, SESSION_TIMEOUT, Share,
};
use crate::error::ErrorCode;
use crate::topics::Refused;
use std::collections::BTreeSet;
use std::time::Duration;

/// The epoch of a member that joins.
pub(crate) const JOINS: i32 = 0;
/// The epoch of a member that leaves.
pub(crate) const LEAVES: i32 = -1;
/// The epoch of a static member that leaves and will come back.
pub(crate) const LEFT_FOR_NOW: i32 = -2;

/// A heartbeat. None in a field means that it is as before.
#[derive(Debug, Clone)]
pub(crate) struct Beat {
    pub(crate) member_id: String,
    pub(crate) epoch: i32,
    pub(crate) instance_id: Option<String>,
    pub(crate) rack_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout: Option<Duration>,
    pub(crate) names: Option<BTreeSet<String>>,
    pub(crate) pattern: Option<Option<Pattern>>,
    pub(crate) assignor: Option<Assignor>,
    /// What the member says it reads.
    pub(crate) owned: Option<Share>,
}

impl Beat {
    /// Whether the member told everything, and so is told everything.
    const fn full(&self) -> bool {
        self.epoch == JOINS
            || (self.rebalance_timeout.is_some()
                && (self.names.is_some() || self.pattern.is_some())
                && self.owned.is_some())
    }
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) member_id: String,
    pub(crate) epoch: i32,
    /// What it may read, if that is new to it.
    pub(crate) assignment: Option<Share>,
}

impl ConsumerGroup {
    /// Decides a heartbeat. `topics` lists every topic of the broker.
    ///
    /// # Errors
    /// Kafka's refusal; nothing has changed then.
    pub(crate) fn heartbeat(
        &mut self,
        beat: &Beat,
        now: Duration,
        topics: impl FnOnce() -> Catalog,
    ) -> Result<Told, Refused> {
        if beat.epoch < JOINS {
            return self.leave(beat, now);
        }
        let joins = beat.epoch == JOINS;
        let admitted = self.admit(beat, now)?;
        let Some(member) = self.members.get_mut(&beat.member_id) else {
            return Err(unknown(&beat.member_id));
        };
        let changed = member.update(beat, now);
        let other_topics = self.look_at_topics(now, joins || changed, topics);
        if admitted || changed || other_topics {
            self.next_epoch();
        }
        self.retarget();
        let moved = self.reconcile(&beat.member_id, beat.owned.as_ref(), now);
        let member = self.members.get(&beat.member_id).ok_or_else(|| unknown(&beat.member_id))?;
        Ok(Told {
            member_id: member.id.clone(),
            epoch: member.epoch,
            assignment: (moved || beat.full()).then(|| member.assigned.clone()),
        })
    }

    /// Finds the member or, if it joins, makes it one; says whether it is new.
    fn admit(&mut self, beat: &Beat, now: Duration) -> Result<bool, Refused> {
        let known = self.members.contains_key(&beat.member_id);
        if beat.epoch != JOINS {
            self.check_instance(beat)?;
            let member = self.members.get(&beat.member_id);
            member.ok_or_else(|| unknown(&beat.member_id))?.check_epoch(beat)?;
            return Ok(false);
        }
        if let Some(instance) = &beat.instance_id
            && let Some(old) = self.instances.get(instance).cloned()
            && old != beat.member_id
        {
            self.replace_static(&old, instance, &beat.member_id, now)?;
            return Ok(false);
        }
        if known {
            return Ok(false);
        }
        if self.members.len() >= MEMBERS_MAX {
            let message = format!("The consumer group has reached its maximum of {MEMBERS_MAX}.");
            return Err(Refused::new(ErrorCode::GroupMaxSizeReached, message));
        }
        if let Some(instance) = &beat.instance_id {
            self.instances.insert(instance.clone(), beat.member_id.clone());
        }
        self.members.insert(beat.member_id.clone(), Member::new(beat, now));
        Ok(true)
    }

    /// A static member came back under another id: it takes over what it had.
    fn replace_static(
        &mut self,
        old: &str,
        instance: &str,
        id: &str,
        now: Duration,
    ) -> Result<(), Refused> {
        if self.members.get(old).is_some_and(|member| member.epoch != LEFT_FOR_NOW) {
            let message = format!(
                "Static member {id} with instance id {instance} cannot join the group because the \
                 instance id is owned by member {old}."
            );
            return Err(Refused::new(ErrorCode::UnreleasedInstanceId, message));
        }
        if let Some(mut member) = self.members.remove(old) {
            id.clone_into(&mut member.id);
            member.deadline = now + SESSION_TIMEOUT;
            self.members.insert(id.to_owned(), member);
        }
        self.instances.insert(instance.to_owned(), id.to_owned());
        Ok(())
    }

    /// Whether an instance id, if given, is the member's own.
    fn check_instance(&self, beat: &Beat) -> Result<(), Refused> {
        let Some(instance) = &beat.instance_id else { return Ok(()) };
        match self.instances.get(instance) {
            None => {
                let message = format!("Instance id {instance} is unknown.");
                Err(Refused::new(ErrorCode::UnknownMemberId, message))
            }
            Some(id) if *id != beat.member_id => {
                let message = format!(
                    "Static member {} with instance id {instance} was fenced by member {id}.",
                    beat.member_id
                );
                Err(Refused::new(ErrorCode::FencedInstanceId, message))
            }
            Some(_) => Ok(()),
        }
    }

    fn leave(&mut self, beat: &Beat, now: Duration) -> Result<Told, Refused> {
        self.check_instance(beat)?;
        let member =
            self.members.get_mut(&beat.member_id).ok_or_else(|| unknown(&beat.member_id))?;
        if beat.epoch == LEFT_FOR_NOW {
            // Its partitions stay its own until its session ends.
            member.epoch = LEFT_FOR_NOW;
            member.progress = Progress::Stable;
            member.revoking.clear();
            member.revoke_deadline = None;
        } else {
            self.remove(&beat.member_id, now);
        }
        Ok(Told { member_id: beat.member_id.clone(), epoch: beat.epoch, assignment: None })
    }

    /// Takes a static member out by its instance id alone, as administrators do.
    pub(crate) fn remove_instance(&mut self, instance: &str, now: Duration) -> ErrorCode {
        let Some(id) = self.instances.get(instance).cloned() else {
            return ErrorCode::UnknownMemberId;
        };
        self.remove(&id, now);
        ErrorCode::None
    }

    /// Whether a member of this epoch may commit or read its offsets.
    ///
    /// # Errors
    /// `UNKNOWN_MEMBER_ID`, `STALE_MEMBER_EPOCH`.
    pub(crate) fn check_member(&self, id: &str, epoch: i32) -> Result<(), ErrorCode> {
        let member = self.members.get(id).ok_or(ErrorCode::UnknownMemberId)?;
        if member.epoch == epoch { Ok(()) } else { Err(ErrorCode::StaleMemberEpoch) }
    }
}

impl Member {
    fn new(beat: &Beat, now: Duration) -> Self {
        Self {
            id: beat.member_id.clone(),
            instance_id: beat.instance_id.clone(),
            rack_id: None,
            client_id: String::new(),
            client_host: String::new(),
            names: BTreeSet::new(),
            pattern: None,
            assignor: None,
            rebalance_timeout: Duration::ZERO,
            epoch: JOINS,
            previous_epoch: JOINS,
            progress: Progress::Stable,
            assigned: Share::new(),
            revoking: Share::new(),
            target: Share::new(),
            deadline: now + SESSION_TIMEOUT,
            revoke_deadline: None,
        }
    }

    /// Takes over what the heartbeat says; says whether the subscription is another one.
    fn update(&mut self, beat: &Beat, now: Duration) -> bool {
        self.deadline = now + SESSION_TIMEOUT;
        self.client_id.clone_from(&beat.client_id);
        self.client_host.clone_from(&beat.client_host);
        if beat.rack_id.is_some() {
            self.rack_id.clone_from(&beat.rack_id);
        }
        if beat.assignor.is_some() {
            self.assignor = beat.assignor;
        }
        if let Some(timeout) = beat.rebalance_timeout {
            self.rebalance_timeout = timeout;
        }
        let mut changed = false;
        if let Some(names) = beat.names.as_ref().filter(|names| **names != self.names) {
            self.names.clone_from(names);
            changed = true;
        }
        if let Some(pattern) = &beat.pattern {
            let text = |one: &Option<Pattern>| one.as_ref().map(|one| one.text.clone());
            changed |= text(pattern) != text(&self.pattern);
            self.pattern.clone_from(pattern);
        }
        changed
    }

    /// The epoch must be the member's, or the one before if the member missed the answer that told
    /// it the new one: it then owns nothing beyond its assignment.
    fn check_epoch(&self, beat: &Beat) -> Result<(), Refused> {
        let missed = beat.epoch == self.previous_epoch
            && beat.owned.as_ref().is_some_and(|owned| owned.is_subset(&self.assigned));
        if beat.epoch == self.epoch || (beat.epoch < self.epoch && missed) {
            return Ok(());
        }
        let side = if beat.epoch > self.epoch { "greater" } else { "smaller" };
        let message = format!(
            "The consumer group member has a {side} member epoch ({}) than the one known by the \
             group coordinator ({}). The member must abandon all its partitions and rejoin.",
            beat.epoch, self.epoch
        );
        Err(Refused::new(ErrorCode::FencedMemberEpoch, message))
    }
}

fn unknown(id: &str) -> Refused {
    Refused::new(ErrorCode::UnknownMemberId, format!("Member {id} is not a member of the group."))
}
