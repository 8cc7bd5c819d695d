//! Moves one member towards its target: it gives back first, and gets what others gave back.
//!
//! A partition is free once nobody may read it any more, so no two members read it in one group.

use super::{ConsumerGroup, Member, Progress, Share};
use std::time::Duration;

impl ConsumerGroup {
    /// Takes the member as far as it gets with what it says it owns; says whether its assignment
    /// changed.
    pub(super) fn reconcile(&mut self, id: &str, owned: Option<&Share>, now: Duration) -> bool {
        let Some(member) = self.members.get(id) else { return false };
        match member.progress {
            Progress::Stable
                if member.epoch == self.assignment_epoch && member.assigned == member.target =>
            {
                return false;
            }
            Progress::Unrevoked if still_owns(&member.revoking, owned) => return false,
            _ => {}
        }
        let before = member.assigned.clone();
        let kept: Share = before.intersection(&member.target).copied().collect();
        let revoking: Share = before.difference(&member.target).copied().collect();
        let mut gained: Share = member.target.difference(&before).copied().collect();
        let wanted = gained.len();
        if wanted > 0 {
            for other in self.members.values().filter(|other| other.id != id) {
                gained.retain(|one| !other.assigned.contains(one) && !other.revoking.contains(one));
            }
        }
        let epoch = self.assignment_epoch;
        let Some(member) = self.members.get_mut(id) else { return false };
        if !revoking.is_empty() && still_owns(&revoking, owned) {
            member.assigned = kept;
            member.revoking = revoking;
            member.progress = Progress::Unrevoked;
            member.revoke_deadline = Some(now + member.rebalance_timeout);
        } else {
            member.progress =
                if gained.len() < wanted { Progress::Unreleased } else { Progress::Stable };
            member.assigned = kept;
            member.assigned.append(&mut gained);
            member.revoking.clear();
            member.revoke_deadline = None;
            member.advance_to(epoch);
        }
        member.assigned != before
    }
}

impl Member {
    fn advance_to(&mut self, epoch: i32) {
        if self.epoch != epoch {
            self.previous_epoch = self.epoch;
            self.epoch = epoch;
        }
    }
}

/// Whether a member that says what it owns, or does not say, still has one of these.
fn still_owns(these: &Share, owned: Option<&Share>) -> bool {
    owned.is_none_or(|owned| these.iter().any(|one| owned.contains(one)))
}
