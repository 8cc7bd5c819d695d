//! The consumer protocol's rules, without clock, files or sockets.

use super::assign::{Subscriber, range, uniform};
use super::heartbeat::{Beat, JOINS, LEAVES, LEFT_FOR_NOW, Told};
use super::subscription::Pattern;
use super::{Assignor, Catalog, ConsumerGroup, SESSION_TIMEOUT, Share};
use crate::error::ErrorCode;
use kafka_wire_core::Uuid;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const REBALANCE: Duration = Duration::from_secs(30);

fn topic(number: u8) -> Uuid {
    Uuid::from_bytes([number; 16])
}

fn catalog(topics: &[(&str, u8, i32)]) -> Catalog {
    topics.iter().map(|(name, id, count)| ((*name).into(), (topic(*id), *count))).collect()
}

fn share(partitions: &[i32]) -> Share {
    partitions.iter().map(|index| (topic(1), *index)).collect()
}

fn join(id: &str) -> Beat {
    Beat {
        member_id: id.to_owned(),
        epoch: JOINS,
        instance_id: None,
        rack_id: None,
        client_id: "c".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        rebalance_timeout: Some(REBALANCE),
        names: Some(BTreeSet::from(["t".to_owned()])),
        pattern: None,
        assignor: None,
        owned: Some(Share::new()),
    }
}

fn stay(id: &str, epoch: i32, owned: Option<&Share>) -> Beat {
    Beat { epoch, rebalance_timeout: None, names: None, owned: owned.cloned(), ..join(id) }
}

/// A group on topic `t`, whose members are heard in turn.
struct Scene {
    group: ConsumerGroup,
    topics: Catalog,
    now: Duration,
}

impl Scene {
    fn new(partitions: i32) -> Self {
        let topics = catalog(&[("t", 1, partitions)]);
        Self { group: ConsumerGroup::new(0, SECOND), topics, now: SECOND }
    }

    fn beat(&mut self, beat: &Beat) -> Result<Told, ErrorCode> {
        self.now += SECOND;
        let told = self.group.heartbeat(beat, self.now, || self.topics.clone());
        told.map_err(|refused| refused.code)
    }

    /// Lets members, who give back what they must at once, heartbeat until all is quiet.
    fn settle(&mut self, ids: &[&str]) {
        for _ in 0..8 {
            for id in ids {
                let member = &self.group.members[*id];
                let (epoch, owned) = (member.epoch, member.assigned.clone());
                self.beat(&stay(id, epoch, Some(&owned))).unwrap();
            }
        }
        assert_eq!(self.group.state(), "Stable");
    }

    fn assigned(&self, id: &str) -> usize {
        self.group.members[id].assigned.len()
    }
}

#[test]
fn the_first_member_gets_everything_at_epoch_one() {
    let mut scene = Scene::new(3);
    let told = scene.beat(&join("a")).unwrap();
    assert_eq!((told.epoch, told.assignment), (1, Some(share(&[0, 1, 2]))));
    let told = scene.beat(&stay("a", 1, None)).unwrap();
    assert_eq!((told.epoch, told.assignment), (1, None), "nothing new, nothing told");
}

#[test]
fn a_partition_is_given_only_after_it_was_given_back() {
    let mut scene = Scene::new(4);
    scene.beat(&join("a")).unwrap();
    let all = share(&[0, 1, 2, 3]);
    let told = scene.beat(&join("b")).unwrap();
    assert_eq!((told.epoch, told.assignment), (2, Some(Share::new())), "all are owned by a");
    let told = scene.beat(&stay("a", 1, Some(&all))).unwrap();
    let kept = told.assignment.unwrap();
    assert_eq!((told.epoch, kept.len()), (1, 2), "a stays in its epoch while it gives back");
    assert_eq!(scene.beat(&stay("b", 2, None)).unwrap().assignment, None);
    assert_eq!(scene.beat(&stay("a", 1, None)).unwrap().epoch, 1, "silence gives nothing back");
    let told = scene.beat(&stay("a", 1, Some(&kept))).unwrap();
    assert_eq!(told.epoch, 2);
    let told = scene.beat(&stay("b", 2, None)).unwrap();
    let gained = told.assignment.unwrap();
    assert_eq!(gained.len(), 2);
    assert!(gained.is_disjoint(&kept));
    assert_eq!(scene.group.state(), "Stable");
}

#[test]
fn three_members_share_evenly_and_the_others_take_over_when_one_leaves() {
    let mut scene = Scene::new(6);
    for id in ["a", "b", "c"] {
        scene.beat(&join(id)).unwrap();
    }
    scene.settle(&["a", "b", "c"]);
    for id in ["a", "b", "c"] {
        assert_eq!(scene.assigned(id), 2);
    }
    let told = scene.beat(&stay("b", LEAVES, None)).unwrap();
    assert_eq!(told.epoch, LEAVES);
    assert_eq!(scene.group.state(), "Assigning");
    scene.settle(&["a", "c"]);
    assert_eq!((scene.assigned("a"), scene.assigned("c")), (3, 3));
}

#[test]
fn a_member_that_is_not_heard_from_is_given_up() {
    let mut scene = Scene::new(2);
    scene.beat(&join("a")).unwrap();
    scene.group.expire(scene.now + SESSION_TIMEOUT - SECOND);
    assert_eq!(scene.group.members.len(), 1);
    scene.group.expire(scene.now + SESSION_TIMEOUT);
    assert_eq!(scene.group.state(), "Empty");
    assert_eq!(scene.beat(&stay("a", 1, None)), Err(ErrorCode::UnknownMemberId));
}

#[test]
fn a_member_that_does_not_give_back_in_time_is_given_up() {
    let mut scene = Scene::new(2);
    scene.beat(&join("a")).unwrap();
    scene.beat(&join("b")).unwrap();
    let owned = share(&[0, 1]);
    scene.beat(&stay("a", 1, Some(&owned))).unwrap();
    scene.group.expire(scene.now + REBALANCE);
    assert_eq!(scene.group.members.keys().collect::<Vec<_>>(), ["b"]);
    scene.settle(&["b"]);
    assert_eq!(scene.assigned("b"), 2);
}

#[test]
fn an_epoch_out_of_date_is_fenced_and_a_missed_answer_is_not() {
    let mut scene = Scene::new(2);
    scene.beat(&join("a")).unwrap();
    assert_eq!(scene.beat(&stay("a", 7, None)), Err(ErrorCode::FencedMemberEpoch));
    assert_eq!(scene.beat(&stay("z", 1, None)), Err(ErrorCode::UnknownMemberId));
    scene.topics = catalog(&[("t", 1, 3)]);
    assert_eq!(scene.beat(&stay("a", 1, None)).unwrap().epoch, 2);
    assert_eq!(scene.beat(&stay("a", 1, None)), Err(ErrorCode::FencedMemberEpoch));
    let owned = share(&[0, 1]);
    assert_eq!(scene.beat(&stay("a", 1, Some(&owned))).unwrap().epoch, 2);
    assert_eq!(scene.group.check_member("a", 1), Err(ErrorCode::StaleMemberEpoch));
    assert_eq!(scene.group.check_member("a", 2), Ok(()));
}

#[test]
fn a_fenced_member_joins_again_under_its_id() {
    let mut scene = Scene::new(2);
    scene.beat(&join("a")).unwrap();
    let told = scene.beat(&join("a")).unwrap();
    assert_eq!((told.epoch, told.assignment), (1, Some(share(&[0, 1]))));
}

#[test]
fn a_topic_that_grows_moves_the_epoch_once() {
    let mut scene = Scene::new(1);
    scene.beat(&join("a")).unwrap();
    scene.topics = catalog(&[("other", 2, 9), ("t", 1, 2)]);
    let told = scene.beat(&stay("a", 1, None)).unwrap();
    assert_eq!((told.epoch, told.assignment), (2, Some(share(&[0, 1]))));
    assert_eq!(scene.beat(&stay("a", 2, None)).unwrap().epoch, 2);
}

#[test]
fn a_static_member_comes_back_to_its_partitions_without_a_rebalance() {
    let mut scene = Scene::new(2);
    let named = |beat: Beat| Beat { instance_id: Some("i".to_owned()), ..beat };
    scene.beat(&named(join("a"))).unwrap();
    assert_eq!(scene.beat(&named(join("b"))), Err(ErrorCode::UnreleasedInstanceId));
    let told = scene.beat(&named(stay("a", LEFT_FOR_NOW, None))).unwrap();
    assert_eq!(told.epoch, LEFT_FOR_NOW);
    let told = scene.beat(&named(join("b"))).unwrap();
    assert_eq!((told.epoch, told.assignment), (1, Some(share(&[0, 1]))));
    assert_eq!(scene.beat(&named(stay("a", 1, None))), Err(ErrorCode::FencedInstanceId));
    assert_eq!(scene.group.remove_instance("i", scene.now), ErrorCode::None);
    assert_eq!(scene.group.state(), "Empty");
}

#[test]
fn a_pattern_follows_new_topics_and_fits_internal_ones_too() {
    let mut scene = Scene::new(1);
    let pattern = Pattern::parse("t.*|__.*").unwrap();
    let told = scene.beat(&Beat { names: None, pattern: Some(pattern), ..join("a") }).unwrap();
    assert_eq!(told.assignment, Some(share(&[0])));
    scene.topics =
        catalog(&[("t", 1, 1), ("t2", 2, 1), ("at", 3, 1), ("__consumer_offsets", 4, 1)]);
    let told = scene.beat(&stay("a", 1, None)).unwrap();
    let fitting = [(topic(1), 0), (topic(2), 0), (topic(4), 0)];
    assert_eq!(told.assignment, Some(Share::from(fitting)));
}

#[test]
fn a_pattern_that_is_none_is_refused() {
    for bad in ["(", "a)(b", "[z-a]", "*"] {
        assert!(Pattern::parse(bad).is_err(), "{bad}");
    }
    assert!(Pattern::parse("").unwrap().is_none());
}

#[test]
fn the_assignor_is_the_one_most_members_ask_for() {
    let mut scene = Scene::new(1);
    scene.beat(&join("a")).unwrap();
    assert_eq!(scene.group.assignor(), Assignor::Uniform);
    scene.beat(&Beat { assignor: Some(Assignor::Range), ..join("b") }).unwrap();
    assert_eq!(scene.group.assignor(), Assignor::Range);
    assert_eq!(Assignor::named("sticky"), None);
}

fn subscriber(topics: &[u8], had: &Share) -> Subscriber {
    Subscriber { topics: topics.iter().map(|id| topic(*id)).collect(), had: had.clone() }
}

#[test]
fn range_gives_runs_and_the_first_members_one_more() {
    let none = Share::new();
    let members = [subscriber(&[1], &none), subscriber(&[1], &none), subscriber(&[1], &none)];
    let shares = range(&members, &BTreeMap::from([(topic(1), 7)]));
    assert_eq!(shares, [share(&[0, 1, 2]), share(&[3, 4]), share(&[5, 6])]);
}

#[test]
fn uniform_moves_no_more_than_evenness_needs() {
    let (first, second, none) = (share(&[0, 1, 2]), share(&[3, 4, 5]), Share::new());
    let members = [subscriber(&[1], &first), subscriber(&[1], &second), subscriber(&[1], &none)];
    let shares = uniform(&members, &BTreeMap::from([(topic(1), 6)]));
    for (now, before) in shares.iter().zip([&first, &second]) {
        assert_eq!(now.len(), 2);
        assert!(now.is_subset(before));
    }
    assert_eq!(shares[2].len(), 2);
}

#[test]
fn uniform_gives_every_partition_to_one_of_its_subscribers() {
    let none = Share::new();
    let members = [subscriber(&[1, 2], &none), subscriber(&[2], &none), subscriber(&[3], &none)];
    let counts = BTreeMap::from([(topic(1), 4), (topic(2), 4), (topic(3), 1)]);
    let shares = uniform(&members, &counts);
    assert_eq!(shares.iter().map(BTreeSet::len).collect::<Vec<_>>(), [4, 4, 1]);
    assert!(shares[1].iter().all(|(id, _)| *id == topic(2)));
    assert!(shares[2].iter().all(|(id, _)| *id == topic(3)));
}
