//! The classic group protocol: join, sync, heartbeat, leave, and the passing of time.
//!
//! Pure: no clock, no files, no channels. Called by [`super::coordinator`], which carries out the
//! returned effects. Source: KIP-62, KIP-345 (static members), KIP-394 (member id required),
//! KIP-814 (skip assignment).

use super::state::{Effect, Group, Join, Joined, Member, Phase, Rebalance, Reply, Sync, Synced};
use crate::error::ErrorCode;
use bytes::Bytes;
use std::time::Duration;

/// How long a new member whose join waits is kept without being heard from.
pub(super) const NEW_MEMBER_PATIENCE: Duration = Duration::from_secs(300);

impl Group {
    /// Decides a join.
    pub(crate) fn join(&mut self, join: Join, now: Duration) -> (Reply<Joined>, Vec<Effect>) {
        let mut effects = Vec::new();
        let reply = self.decide_join(join, now, &mut effects);
        (reply, effects)
    }

    fn decide_join(
        &mut self,
        join: Join,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) -> Reply<Joined> {
        let refuse = |error| Reply::Now(Joined::refused(error, &join.member_id));
        if !self.supports(&join) {
            return refuse(ErrorCode::InconsistentGroupProtocol);
        }
        if join.member_id.is_empty() {
            return self.join_unknown(join, now, effects);
        }
        if self.promised.remove(&join.member_id).is_some() {
            let id = join.member_id.clone();
            self.add_member(&id, &join, now);
            return self.wait_for_rebalance(&id, &join, now, effects);
        }
        if let Err(error) = self.check_member(&join.member_id, join.instance_id.as_deref()) {
            return refuse(error);
        }
        let id = join.member_id.clone();
        let same = self.members.get(&id).is_some_and(|member| member.protocols == join.protocols);
        let leads = self.leader.as_deref() == Some(&id);
        match self.phase {
            Phase::CompletingRebalance if same => Reply::Now(self.joined(&id)),
            Phase::Stable if same && !leads => Reply::Now(self.joined(&id)),
            Phase::Empty => refuse(ErrorCode::UnknownMemberId),
            _ => {
                self.update_member(&id, &join, now);
                self.wait_for_rebalance(&id, &join, now, effects)
            }
        }
    }

    fn join_unknown(
        &mut self,
        join: Join,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) -> Reply<Joined> {
        let id = join.new_member_id.clone();
        if let Some(instance) = join.instance_id.clone() {
            if let Some(old) = self.instances.get(&instance).cloned() {
                return self.replace_static(&old, &id, &join, now, effects);
            }
        } else if join.id_required {
            self.promised.insert(id.clone(), now + join.session_timeout);
            return Reply::Now(Joined::refused(ErrorCode::MemberIdRequired, &id));
        }
        self.add_member(&id, &join, now);
        self.wait_for_rebalance(&id, &join, now, effects)
    }

    /// A static member came back under a new id: the old id is fenced (KIP-345).
    fn replace_static(
        &mut self,
        old: &str,
        id: &str,
        join: &Join,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) -> Reply<Joined> {
        let Some(mut member) = self.members.remove(old) else {
            return Reply::Now(Joined::refused(ErrorCode::UnknownMemberId, id));
        };
        for effect in fence(&member) {
            effects.push(effect);
        }
        let selected = self.protocol.clone().unwrap_or_default();
        let before = member.metadata(&selected);
        let led = self.leader.as_deref() == Some(old);
        (member.joining, member.syncing) = (false, false);
        id.clone_into(&mut member.id);
        self.members.insert(id.to_owned(), member);
        if let Some(instance) = &join.instance_id {
            self.instances.insert(instance.clone(), id.to_owned());
        }
        if self.unsynced.remove(old) {
            self.unsynced.insert(id.to_owned());
        }
        let old_leader = self.leader.clone().unwrap_or_default();
        if led {
            self.leader = Some(id.to_owned());
        }
        self.update_member(id, join, now);
        let unchanged = self.select_protocol().as_deref() == Some(selected.as_str())
            && self.members.get(id).is_some_and(|member| member.metadata(&selected) == before);
        if self.phase != Phase::Stable || !unchanged {
            return self.wait_for_rebalance(id, join, now, effects);
        }
        effects.push(Effect::Persist);
        let mut joined = self.joined(id);
        if led && join.can_skip_assignment {
            joined.skip_assignment = true;
        } else if led {
            // An older client that sees itself as leader would assign: it is told the old id.
            joined.leader = old_leader;
            joined.members.clear();
        }
        Reply::Now(joined)
    }

    /// Parks a member's join, and starts or completes the rebalance.
    fn wait_for_rebalance(
        &mut self,
        id: &str,
        join: &Join,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) -> Reply<Joined> {
        if let Some(member) = self.members.get_mut(id) {
            member.joining = true;
        }
        if self.phase == Phase::PreparingRebalance {
            if let Some(rebalance) = &mut self.rebalance {
                rebalance.joined_meanwhile = true;
            }
            self.complete_if_all_joined(now, effects);
        } else {
            self.prepare_rebalance(now, join.initial_delay, effects);
        }
        Reply::Wait(id.to_owned())
    }

    /// Asks every member to join again.
    pub(super) fn prepare_rebalance(
        &mut self,
        now: Duration,
        initial_delay: Duration,
        effects: &mut Vec<Effect>,
    ) {
        for member in self.members.values_mut() {
            if member.syncing {
                member.syncing = false;
                member.deadline = now + member.session_timeout;
                let refused = Synced::refused(ErrorCode::RebalanceInProgress);
                effects.push(Effect::Sync(member.id.clone(), refused));
            }
        }
        self.sync_deadline = None;
        self.unsynced.clear();
        let patience = self.rebalance_timeout();
        self.rebalance = Some(if self.phase == Phase::Empty {
            Rebalance {
                deadline: now + initial_delay.min(patience),
                initial: Some((now + patience, initial_delay)),
                joined_meanwhile: false,
            }
        } else {
            Rebalance { deadline: now + patience, initial: None, joined_meanwhile: false }
        });
        let first = self.phase == Phase::Empty;
        self.phase = Phase::PreparingRebalance;
        if first && initial_delay.is_zero() {
            self.complete_join(now, effects);
        } else {
            self.complete_if_all_joined(now, effects);
        }
    }

    pub(super) fn complete_if_all_joined(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        let Some(rebalance) = self.rebalance else { return };
        // The first rebalance waits for its delay even if all have joined.
        if rebalance.initial.is_some() && !self.members.is_empty() {
            return;
        }
        if self.promised.is_empty() && self.members.values().all(|member| member.joining) {
            self.complete_join(now, effects);
        }
    }

    /// Ends the joining: those who did not come are out, the rest are the next generation.
    pub(super) fn complete_join(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        let absent: Vec<String> = self
            .members
            .values()
            .filter(|member| !member.joining && member.instance_id.is_none())
            .map(|member| member.id.clone())
            .collect();
        for id in absent {
            self.forget_member(&id);
        }
        if self.members.is_empty() {
            self.become_empty(effects);
            return;
        }
        if !self.elect_leader() {
            // Only static members that have not come back are left: wait for them once more.
            let patience = self.rebalance_timeout();
            if let Some(rebalance) = &mut self.rebalance {
                rebalance.deadline = now + patience;
            }
            return;
        }
        self.rebalance = None;
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.protocol = self.select_protocol();
        self.phase = Phase::CompletingRebalance;
        self.sync_deadline = Some(now + self.rebalance_timeout());
        self.unsynced = self.members.keys().cloned().collect();
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let joined = self.joined(&id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.deadline = now + member.session_timeout;
            if member.joining {
                member.joining = false;
                effects.push(Effect::Join(id, joined));
            }
        }
    }

    pub(super) fn become_empty(&mut self, effects: &mut Vec<Effect>) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.phase = Phase::Empty;
        self.rebalance = None;
        self.sync_deadline = None;
        self.unsynced.clear();
        self.protocol = None;
        self.leader = None;
        effects.push(Effect::Persist);
    }

    /// Decides a sync.
    pub(crate) fn sync(&mut self, sync: Sync, now: Duration) -> (Reply<Synced>, Vec<Effect>) {
        let mut effects = Vec::new();
        let reply = self.decide_sync(sync, now, &mut effects);
        (reply, effects)
    }

    fn decide_sync(
        &mut self,
        sync: Sync,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) -> Reply<Synced> {
        let refuse = |error| Reply::Now(Synced::refused(error));
        if let Err(error) = self.check_member(&sync.member_id, sync.instance_id.as_deref()) {
            return refuse(error);
        }
        if sync.generation != self.generation {
            return refuse(ErrorCode::IllegalGeneration);
        }
        let differs = |told: &Option<String>, ours: &Option<String>| told.is_some() && told != ours;
        if differs(&sync.protocol_type, &self.protocol_type)
            || differs(&sync.protocol, &self.protocol)
        {
            return refuse(ErrorCode::InconsistentGroupProtocol);
        }
        match self.phase {
            Phase::Empty => refuse(ErrorCode::UnknownMemberId),
            Phase::PreparingRebalance => refuse(ErrorCode::RebalanceInProgress),
            Phase::Stable => {
                self.unsynced.remove(&sync.member_id);
                self.heard_from(&sync.member_id, now);
                Reply::Now(self.synced(&sync.member_id))
            }
            Phase::CompletingRebalance => {
                self.unsynced.remove(&sync.member_id);
                if let Some(member) = self.members.get_mut(&sync.member_id) {
                    member.syncing = true;
                }
                if self.leader.as_deref() == Some(&sync.member_id) {
                    self.assign(&sync.assignments, now, effects);
                }
                Reply::Wait(sync.member_id)
            }
        }
    }

    /// The leader's assignment makes the generation stable.
    fn assign(
        &mut self,
        assignments: &[(String, Bytes)],
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        for member in self.members.values_mut() {
            let assigned = assignments.iter().find(|(id, _)| *id == member.id);
            member.assignment = assigned.map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        }
        self.phase = Phase::Stable;
        if self.unsynced.is_empty() {
            self.sync_deadline = None;
        }
        effects.push(Effect::Persist);
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let synced = self.synced(&id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            if member.syncing {
                member.syncing = false;
                member.deadline = now + member.session_timeout;
                effects.push(Effect::Sync(id, synced));
            }
        }
    }

    /// Decides a heartbeat.
    pub(crate) fn heartbeat(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now: Duration,
    ) -> ErrorCode {
        if let Err(error) = self.check_member(member_id, instance_id) {
            return error;
        }
        if generation != self.generation {
            return ErrorCode::IllegalGeneration;
        }
        self.heard_from(member_id, now);
        match self.phase {
            Phase::Empty => ErrorCode::UnknownMemberId,
            Phase::PreparingRebalance => ErrorCode::RebalanceInProgress,
            Phase::CompletingRebalance | Phase::Stable => ErrorCode::None,
        }
    }

    /// Decides one member's leaving. A static member may be named by its instance id alone.
    pub(crate) fn leave(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        now: Duration,
    ) -> (ErrorCode, Vec<Effect>) {
        let mut effects = Vec::new();
        let id = match instance_id {
            Some(instance) if member_id.is_empty() => match self.instances.get(instance) {
                Some(id) => id.clone(),
                None => return (ErrorCode::UnknownMemberId, effects),
            },
            _ => member_id.to_owned(),
        };
        if self.promised.remove(&id).is_some() {
            self.complete_if_all_joined(now, &mut effects);
            return (ErrorCode::None, effects);
        }
        if let Err(error) = self.check_member(&id, instance_id) {
            return (error, effects);
        }
        self.remove_member(&id, now, &mut effects);
        (ErrorCode::None, effects)
    }

    /// Decides what the passing of time means: dead members, ended waits.
    pub(crate) fn expire(&mut self, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        let before = self.promised.len();
        self.promised.retain(|_, deadline| *deadline > now);
        if self.promised.len() != before {
            self.complete_if_all_joined(now, &mut effects);
        }
        let dead: Vec<String> = self
            .members
            .values()
            .filter(|member| !member.joining && !member.syncing && member.deadline <= now)
            .map(|member| member.id.clone())
            .collect();
        for id in dead {
            self.remove_member(&id, now, &mut effects);
        }
        if let Some(rebalance) = self.rebalance.filter(|rebalance| rebalance.deadline <= now) {
            match rebalance.initial {
                Some((until, delay)) if rebalance.joined_meanwhile && now < until => {
                    self.rebalance = Some(Rebalance {
                        deadline: until.min(now + delay),
                        joined_meanwhile: false,
                        ..rebalance
                    });
                }
                _ => self.complete_join(now, &mut effects),
            }
        }
        if self.sync_deadline.is_some_and(|deadline| deadline <= now) {
            self.sync_deadline = None;
            let late: Vec<String> = std::mem::take(&mut self.unsynced).into_iter().collect();
            for id in late {
                self.remove_member(&id, now, &mut effects);
            }
        }
        effects
    }
}

/// The answers to what a fenced member still waits for.
fn fence(member: &Member) -> Vec<Effect> {
    let mut effects = Vec::new();
    if member.joining {
        let refused = Joined::refused(ErrorCode::FencedInstanceId, &member.id);
        effects.push(Effect::Join(member.id.clone(), refused));
    }
    if member.syncing {
        let refused = Synced::refused(ErrorCode::FencedInstanceId);
        effects.push(Effect::Sync(member.id.clone(), refused));
    }
    effects
}
