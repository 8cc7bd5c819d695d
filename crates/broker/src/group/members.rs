//! The members of a classic group: added, updated, checked, forgotten; leader and protocol chosen.

use super::decide::NEW_MEMBER_PATIENCE;
use super::state::{Effect, Group, Join, Joined, Member, Phase, Synced};
use crate::error::ErrorCode;
use std::collections::BTreeMap;
use std::time::Duration;

impl Group {
    /// Whether the joining member shares the protocol type and one protocol with all others.
    pub(super) fn supports(&self, join: &Join) -> bool {
        if join.protocol_type.is_empty() || join.protocols.is_empty() {
            return false;
        }
        if self.members.is_empty() {
            return true;
        }
        self.protocol_type.as_deref() == Some(&join.protocol_type)
            && join.protocols.iter().any(|(name, _)| {
                self.members
                    .values()
                    .filter(|member| member.id != join.member_id)
                    .all(|member| member.protocols.iter().any(|(other, _)| other == name))
            })
    }

    /// Whether a member id is known and, for a static member, not fenced by a newer one.
    pub(crate) fn check_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = instance_id {
            match self.instances.get(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(id) if id != member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    pub(super) fn add_member(&mut self, id: &str, join: &Join, now: Duration) {
        if self.members.is_empty() {
            self.protocol_type = Some(join.protocol_type.clone());
        }
        self.joined += 1;
        let member = Member {
            id: id.to_owned(),
            instance_id: join.instance_id.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            rebalance_timeout: join.rebalance_timeout,
            session_timeout: join.session_timeout,
            protocols: join.protocols.clone(),
            assignment: bytes::Bytes::new(),
            joining: false,
            syncing: false,
            deadline: now + NEW_MEMBER_PATIENCE.max(join.session_timeout),
            order: self.joined,
        };
        if let Some(instance) = &join.instance_id {
            self.instances.insert(instance.clone(), id.to_owned());
        }
        if self.leader.is_none() {
            self.leader = Some(id.to_owned());
        }
        self.members.insert(id.to_owned(), member);
    }

    pub(super) fn update_member(&mut self, id: &str, join: &Join, now: Duration) {
        if let Some(member) = self.members.get_mut(id) {
            member.protocols.clone_from(&join.protocols);
            member.rebalance_timeout = join.rebalance_timeout;
            member.session_timeout = join.session_timeout;
            member.client_id.clone_from(&join.client_id);
            member.client_host.clone_from(&join.client_host);
            member.deadline = now + join.session_timeout;
        }
    }

    /// Takes a member out without consequences.
    pub(super) fn forget_member(&mut self, id: &str) -> Option<Member> {
        let member = self.members.remove(id)?;
        if let Some(instance) = &member.instance_id
            && self.instances.get(instance).is_some_and(|current| current == id)
        {
            self.instances.remove(instance);
        }
        self.unsynced.remove(id);
        if self.leader.as_deref() == Some(id) {
            let oldest = self.members.values().min_by_key(|member| member.order);
            self.leader = oldest.map(|member| member.id.clone());
        }
        Some(member)
    }

    /// Takes a member out; the others rebalance.
    pub(super) fn remove_member(&mut self, id: &str, now: Duration, effects: &mut Vec<Effect>) {
        let Some(member) = self.forget_member(id) else { return };
        if member.joining {
            let refused = Joined::refused(ErrorCode::UnknownMemberId, id);
            effects.push(Effect::Join(id.to_owned(), refused));
        }
        if member.syncing {
            effects.push(Effect::Sync(id.to_owned(), Synced::refused(ErrorCode::UnknownMemberId)));
        }
        match self.phase {
            Phase::Empty => {}
            Phase::PreparingRebalance => self.complete_if_all_joined(now, effects),
            Phase::CompletingRebalance | Phase::Stable => {
                self.prepare_rebalance(now, Duration::ZERO, effects);
            }
        }
    }

    /// Makes sure that the leader has joined; false if nobody has.
    pub(super) fn elect_leader(&mut self) -> bool {
        let present = self
            .leader
            .as_ref()
            .and_then(|leader| self.members.get(leader))
            .is_some_and(|leader| leader.joining);
        if present {
            return true;
        }
        let next = self.members.values().filter(|member| member.joining).min_by_key(|m| m.order);
        let Some(next) = next else { return false };
        self.leader = Some(next.id.clone());
        true
    }

    /// The protocol most members prefer among those all support.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let common = |name: &str| {
            self.members
                .values()
                .all(|member| member.protocols.iter().any(|(other, _)| other == name))
        };
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let choice = member.protocols.iter().find(|(name, _)| common(name));
            if let Some((name, _)) = choice {
                *votes.entry(name).or_default() += 1;
            }
        }
        votes.into_iter().max_by_key(|(_, count)| *count).map(|(name, _)| name.to_owned())
    }

    pub(super) fn heard_from(&mut self, id: &str, now: Duration) {
        if let Some(member) = self.members.get_mut(id) {
            member.deadline = now + member.session_timeout;
        }
    }

    /// The answer to a member of the present generation.
    pub(super) fn joined(&self, id: &str) -> Joined {
        let leader = self.leader.clone().unwrap_or_default();
        let protocol = self.protocol.clone().unwrap_or_default();
        let members = if leader == id {
            self.members
                .values()
                .map(|m| (m.id.clone(), m.instance_id.clone(), m.metadata(&protocol)))
                .collect()
        } else {
            Vec::new()
        };
        Joined {
            error: ErrorCode::None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader,
            member_id: id.to_owned(),
            members,
            skip_assignment: false,
        }
    }

    pub(super) fn synced(&self, id: &str) -> Synced {
        Synced {
            error: ErrorCode::None,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: self.members.get(id).map(|m| m.assignment.clone()).unwrap_or_default(),
        }
    }
}
