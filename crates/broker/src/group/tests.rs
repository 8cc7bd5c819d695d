//! The classic protocol's rules, without clock, files or sockets.

use super::state::{Effect, Group, Join, Joined, Phase, Reply, Sync, Synced};
use crate::error::ErrorCode;
use bytes::Bytes;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn join(member: &str, new: &str) -> Join {
    Join {
        member_id: member.to_owned(),
        new_member_id: new.to_owned(),
        instance_id: None,
        client_id: "c".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout: 10 * SECOND,
        rebalance_timeout: 60 * SECOND,
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), Bytes::from_static(b"m"))],
        id_required: false,
        can_skip_assignment: true,
        initial_delay: Duration::ZERO,
    }
}

fn sync(member: &str, generation: i32, assignments: &[&str]) -> Sync {
    let assign = |id: &&str| ((*id).to_owned(), Bytes::from((*id).to_owned()));
    Sync {
        member_id: member.to_owned(),
        instance_id: None,
        generation,
        protocol_type: None,
        protocol: None,
        assignments: assignments.iter().map(assign).collect(),
    }
}

fn joined_in<'a>(effects: &'a [Effect], id: &str) -> Option<&'a Joined> {
    effects.iter().find_map(|effect| match effect {
        Effect::Join(to, joined) if to == id => Some(joined),
        _ => None,
    })
}

fn synced_in<'a>(effects: &'a [Effect], id: &str) -> Option<&'a Synced> {
    effects.iter().find_map(|effect| match effect {
        Effect::Sync(to, synced) if to == id => Some(synced),
        _ => None,
    })
}

/// A stable group of one member, `a`.
fn stable() -> Group {
    let mut group = Group::new("g", 0);
    let (_, effects) = group.join(join("", "a"), SECOND);
    assert_eq!(joined_in(&effects, "a").unwrap().generation, 1);
    let (_, effects) = group.sync(sync("a", 1, &["a"]), SECOND);
    assert_eq!(synced_in(&effects, "a").unwrap().assignment, "a");
    assert_eq!(group.phase, Phase::Stable);
    group
}

#[test]
fn the_first_member_leads_the_first_generation_at_once_without_a_delay() {
    let mut group = Group::new("g", 0);
    let (reply, effects) = group.join(join("", "a"), SECOND);
    assert_eq!(reply, Reply::Wait("a".to_owned()));
    let joined = joined_in(&effects, "a").unwrap();
    assert_eq!((joined.error, joined.generation), (ErrorCode::None, 1));
    assert_eq!((joined.leader.as_str(), joined.members.len()), ("a", 1));
}

#[test]
fn with_a_delay_the_first_rebalance_waits_for_more_members() {
    let mut group = Group::new("g", 0);
    let delayed = |new| Join { initial_delay: 3 * SECOND, ..join("", new) };
    let (_, effects) = group.join(delayed("a"), SECOND);
    assert!(effects.is_empty());
    let (_, effects) = group.join(delayed("b"), 2 * SECOND);
    assert!(effects.is_empty());
    // b came meanwhile: the wait is prolonged once.
    assert!(group.expire(4 * SECOND).is_empty());
    let effects = group.expire(7 * SECOND);
    assert_eq!(joined_in(&effects, "a").unwrap().members.len(), 2);
    assert_eq!(joined_in(&effects, "b").unwrap().members.len(), 0);
}

#[test]
fn a_new_client_is_told_its_id_first_and_the_id_expires() {
    let mut group = Group::new("g", 0);
    let (reply, _) = group.join(Join { id_required: true, ..join("", "a") }, SECOND);
    assert_eq!(reply, Reply::Now(Joined::refused(ErrorCode::MemberIdRequired, "a")));
    assert_eq!(group.next_deadline(), Some(11 * SECOND));
    group.expire(11 * SECOND);
    let (reply, _) = group.join(Join { id_required: true, ..join("a", "x") }, 12 * SECOND);
    assert_eq!(reply, Reply::Now(Joined::refused(ErrorCode::UnknownMemberId, "a")));
}

#[test]
fn a_second_member_makes_the_first_join_again() {
    let mut group = stable();
    let (reply, effects) = group.join(join("", "b"), SECOND);
    assert_eq!(reply, Reply::Wait("b".to_owned()));
    assert!(effects.is_empty());
    assert_eq!(group.heartbeat("a", None, 1, SECOND), ErrorCode::RebalanceInProgress);
    let (_, effects) = group.join(join("a", ""), 2 * SECOND);
    assert_eq!(joined_in(&effects, "b").unwrap().generation, 2);
    assert_eq!(joined_in(&effects, "a").unwrap().members.len(), 2);
    // The follower's sync waits for the leader's.
    let (reply, effects) = group.sync(sync("b", 2, &[]), 3 * SECOND);
    assert_eq!((reply, effects.len()), (Reply::Wait("b".to_owned()), 0));
    let (_, effects) = group.sync(sync("a", 2, &["a", "b"]), 3 * SECOND);
    assert_eq!(synced_in(&effects, "b").unwrap().assignment, "b");
    assert!(effects.contains(&Effect::Persist));
}

#[test]
fn a_silent_member_is_taken_out_after_its_session() {
    let mut group = stable();
    assert_eq!(group.heartbeat("a", None, 1, 5 * SECOND), ErrorCode::None);
    assert!(group.expire(14 * SECOND).is_empty());
    let effects = group.expire(15 * SECOND);
    assert_eq!(group.phase, Phase::Empty);
    assert!(effects.contains(&Effect::Persist));
    assert_eq!(group.heartbeat("a", None, 2, 15 * SECOND), ErrorCode::UnknownMemberId);
}

#[test]
fn who_does_not_join_again_in_time_is_left_out() {
    let mut group = stable();
    group.join(join("", "b"), SECOND);
    for at in 2..60 {
        group.heartbeat("a", None, 1, at * SECOND);
        assert!(group.expire(at * SECOND).is_empty(), "second {at}");
    }
    let effects = group.expire(61 * SECOND);
    let joined = joined_in(&effects, "b").unwrap();
    assert_eq!((joined.generation, joined.members.len()), (2, 1));
    assert!(!group.members.contains_key("a"));
}

#[test]
fn who_does_not_sync_in_time_is_left_out() {
    let mut group = Group::new("g", 0);
    group.join(join("", "a"), SECOND);
    for at in 2..61 {
        group.heartbeat("a", None, 1, at * SECOND);
        group.expire(at * SECOND);
    }
    assert_eq!(group.phase, Phase::CompletingRebalance);
    group.expire(61 * SECOND);
    assert_eq!(group.phase, Phase::Empty);
}

#[test]
fn a_static_member_that_comes_back_keeps_its_assignment_and_fences_its_old_self() {
    let mut group = Group::new("g", 0);
    let with_instance =
        |member, new| Join { instance_id: Some("i".to_owned()), ..join(member, new) };
    group.join(with_instance("", "a"), SECOND);
    group.sync(sync("a", 1, &["a"]), SECOND);
    let (reply, effects) = group.join(with_instance("", "a2"), 2 * SECOND);
    let Reply::Now(joined) = reply else { panic!("it need not wait") };
    assert_eq!((joined.error, joined.generation), (ErrorCode::None, 1));
    assert!(joined.skip_assignment);
    assert!(effects.contains(&Effect::Persist));
    assert_eq!(group.heartbeat("a", Some("i"), 1, SECOND), ErrorCode::FencedInstanceId);
    assert_eq!(group.heartbeat("a2", Some("i"), 1, SECOND), ErrorCode::None);
    let (reply, _) = group.sync(sync("a2", 1, &[]), 2 * SECOND);
    assert_eq!(reply, Reply::Now(group.synced("a2")));
    assert_eq!(group.members["a2"].assignment, "a");
}

#[test]
fn a_member_without_a_common_protocol_is_refused() {
    let mut group = stable();
    let other = vec![("sticky".to_owned(), Bytes::new())];
    let (reply, _) = group.join(Join { protocols: other, ..join("", "b") }, SECOND);
    let refused = Joined::refused(ErrorCode::InconsistentGroupProtocol, "");
    assert_eq!(reply, Reply::Now(refused));
}

#[test]
fn a_rebalance_answers_a_waiting_sync() {
    let mut group = Group::new("g", 0);
    group.join(join("", "a"), SECOND);
    group.join(join("", "b"), SECOND);
    group.join(join("a", ""), SECOND);
    assert_eq!(group.phase, Phase::CompletingRebalance);
    group.sync(sync("b", 2, &[]), SECOND);
    let (_, effects) = group.join(join("", "c"), SECOND);
    assert_eq!(synced_in(&effects, "b").unwrap().error, ErrorCode::RebalanceInProgress);
}

#[test]
fn a_leaving_member_makes_the_rest_rebalance() {
    let mut group = stable();
    assert_eq!(group.leave("x", None, SECOND).0, ErrorCode::UnknownMemberId);
    assert_eq!(group.leave("a", None, SECOND).0, ErrorCode::None);
    assert_eq!(group.phase, Phase::Empty);
}

#[test]
fn a_group_is_read_back_as_it_was_written() {
    let group = stable();
    let value = super::records::group_value(&group);
    let back = super::records::parse_group("g", &value, SECOND).unwrap();
    assert_eq!((back.generation, back.phase), (1, Phase::Stable));
    assert_eq!(back.leader.as_deref(), Some("a"));
    assert_eq!(back.members["a"].assignment, "a");
    for cut in 0..value.len() {
        assert!(super::records::parse_group("g", &value[..cut], SECOND).is_none(), "{cut}");
    }
}
