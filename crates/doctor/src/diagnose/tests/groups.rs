//! Consumers that are not ours.

use super::*;

fn group(parts: &[(i32, i64)]) -> Group {
    let parts = parts.iter().map(|(partition, committed)| GroupPartition {
        topic: "users_created".into(),
        partition: *partition,
        committed: *committed,
        committed_before: Some(*committed),
        never: false,
    });
    Group { id: "billing".into(), members: 1, partitions: parts.collect() }
}

#[test]
fn a_consumer_that_is_stuck_on_one_record_is_told_which() {
    let mut facts = users();
    let cluster = cluster(&mut facts);
    let known = cluster.topics.get_mut("users_created").unwrap();
    known.partitions.push(Partition { index: 1, ..known.partitions[0].clone() });
    cluster.groups = Some(vec![group(&[(0, 1_000), (1, 17)])]);
    cluster.records.insert(("users_created".into(), 1, 17), peek(45));
    let found = found(&facts, "consumer-stuck");
    assert_eq!(
        found.sentence,
        "Consumer group billing does not get past offset 17 of topic users_created partition 1, while it goes on with other partitions: that record has waited since 11:59:15 UTC, and 982 records behind it."
    );
    assert!(found.next.contains("--partition 1 --from 17 --count 1"), "{}", found.next);
}

#[test]
fn a_consumer_that_is_stuck_on_the_first_record_has_committed_nothing() {
    let mut facts = users();
    let cluster = cluster(&mut facts);
    let known = cluster.topics.get_mut("users_created").unwrap();
    known.partitions.push(Partition { index: 1, ..known.partitions[0].clone() });
    let mut billing = group(&[(0, 1_000), (1, 0)]);
    billing.partitions[1].never = true;
    cluster.groups = Some(vec![billing]);
    cluster.records.insert(("users_created".into(), 1, 0), peek(45));
    let stuck = found(&facts, "consumer-stuck");
    assert!(stuck.sentence.contains("does not get past offset 0"), "{}", stuck.sentence);
    // Records from long before the group are none that it was meant to read.
    self::cluster(&mut facts).records.insert(("users_created".into(), 1, 0), peek(90_000));
    assert!(diagnose(&facts).0.iter().all(|finding| finding.hop.kind != HopKind::Group));
}

#[test]
fn a_consumer_that_is_slow_everywhere_is_behind_and_not_stuck() {
    let mut facts = users();
    let cluster = cluster(&mut facts);
    let known = cluster.topics.get_mut("users_created").unwrap();
    known.partitions[0].end = Some(5_000);
    known.partitions.push(Partition { index: 1, ..known.partitions[0].clone() });
    cluster.groups = Some(vec![group(&[(0, 20), (1, 17)])]);
    cluster.records.insert(("users_created".into(), 1, 17), peek(45));
    cluster.records.insert(("users_created".into(), 0, 20), peek(45));
    assert_eq!(
        found(&facts, "group-behind").sentence,
        "Consumer group billing is 9963 records behind topic users_created."
    );
}

#[test]
fn a_group_ahead_of_a_wiped_topic_and_one_without_members_are_told() {
    let mut facts = users();
    cluster(&mut facts).groups = Some(vec![group(&[(0, 1_200)])]);
    assert_eq!(
        found(&facts, "group-ahead").sentence,
        "Consumer group billing has committed offset 1200 of topic users_created partition 0, which ends at 1000: the topic was wiped or made anew, and the group reads nothing until it is reset."
    );
    let mut gone = group(&[(0, 900)]);
    gone.members = 0;
    cluster(&mut facts).groups = Some(vec![gone]);
    assert_eq!(
        found(&facts, "group-without-members").sentence,
        "Consumer group billing has no member, and 100 records of topic users_created wait for it."
    );
}
