//! Winners must not depend on how records arrive.

use super::*;
use std::collections::BTreeMap;

const HORIZON: i64 = 10;

fn arrival(key: &str, time: i64, partition: i32, offset: i64) -> Arrival {
    Arrival {
        key: key.into(),
        origin: Origin { event_time: time, partition, offset },
        row: Some(format!("{key}@{time}/{partition}/{offset}").into_bytes()),
    }
}

/// The rule, said in the plainest way: over all records of a key, sorted.
fn winners(records: &[(&str, i64, i32, i64)]) -> BTreeSet<String> {
    let mut by_key: BTreeMap<&str, Vec<(i64, i32, i64)>> = BTreeMap::new();
    for (key, time, partition, offset) in records {
        by_key.entry(key).or_default().push((*time, *partition, *offset));
    }
    let mut won = BTreeSet::new();
    for (key, mut all) in by_key {
        all.sort_unstable();
        let mut last: Option<i64> = None;
        for (time, partition, offset) in all {
            if last.is_none_or(|winner| time - winner > HORIZON) {
                won.insert(format!("{key}@{time}/{partition}/{offset}"));
                last = Some(time);
            }
        }
    }
    won
}

#[test]
fn an_earlier_record_takes_the_place_of_a_later_one() {
    let mut operator = Deduplicate::new(HORIZON);
    let mut ledger = Ledger::default();
    let first = operator.apply(vec![arrival("a", 100, 0, 7)], &mut ledger);
    assert_eq!(first[0].added.len(), 1);
    let second = operator.apply(vec![arrival("a", 95, 1, 3)], &mut ledger);
    assert_eq!(second[0].removed[0].0.offset, 7);
    assert_eq!(second[0].added[0].0.offset, 3);
    assert_eq!(second[0].last, Last::Row(b"a@95/1/3".to_vec()));
    assert_eq!((ledger.of(0).duplicate, ledger.of(1).written), (1, 1));
}

#[test]
fn a_record_beyond_the_horizon_wins_again() {
    let mut operator = Deduplicate::new(HORIZON);
    let mut ledger = Ledger::default();
    let changes = operator.apply(vec![arrival("a", 0, 0, 0), arrival("a", 11, 0, 1)], &mut ledger);
    assert_eq!(changes[0].added.len(), 2);
    assert_eq!(ledger.of(0).written, 2);
}

/// Two partitions, each with its own watermark; every interleaving and cut gives the same winners,
/// while the state is pruned as the lower of the two watermarks moves.
#[test]
fn winners_are_the_same_for_any_cut_and_interleaving() {
    for seed in 0..300_u64 {
        let mut random = seed;
        let mut next = |bound: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % bound
        };
        let delay = 10;
        let mut partitions: Vec<Vec<(&str, i64, i32, i64)>> = vec![Vec::new(), Vec::new()];
        let mut late = 0;
        for partition in 0..2_i32 {
            let mut top = i64::MIN;
            for offset in 0..60 {
                let time = offset + i64::try_from(next(30)).unwrap();
                if top != i64::MIN && time < top - delay {
                    late += 1;
                    continue;
                }
                top = top.max(time);
                let key = ["a", "b", "c"][usize::try_from(next(3)).unwrap()];
                partitions[usize::try_from(partition).unwrap()]
                    .push((key, time, partition, offset));
            }
        }
        let all: Vec<_> = partitions.concat();
        assert!(late < 120);

        let mut operator = Deduplicate::new(HORIZON);
        let mut ledger = Ledger::default();
        let mut standing = BTreeSet::new();
        let mut at = [0_usize; 2];
        let mut top = [i64::MIN; 2];
        while at[0] < partitions[0].len() || at[1] < partitions[1].len() {
            let mut batch = Vec::new();
            for p in 0..2 {
                let count = usize::try_from(next(7)).unwrap().min(partitions[p].len() - at[p]);
                for (key, time, partition, offset) in &partitions[p][at[p]..at[p] + count] {
                    top[p] = top[p].max(*time);
                    batch.push(arrival(key, *time, *partition, *offset));
                }
                at[p] += count;
            }
            for change in operator.apply(batch, &mut ledger) {
                for (_, row) in change.removed {
                    assert!(standing.remove(&String::from_utf8(row).unwrap()));
                }
                for (_, row) in change.added {
                    assert!(standing.insert(String::from_utf8(row).unwrap()));
                }
            }
            operator.advance(top[0].min(top[1]).saturating_sub(delay));
            let state = operator.snapshot();
            let mut restored = Deduplicate::new(HORIZON);
            for (key, value) in state {
                restored.restore(&key, &value).unwrap();
            }
            restored.watermark = operator.watermark;
            operator = restored;
        }
        assert_eq!(standing, winners(&all), "seed {seed}");
        assert!(ledger.of(0).balanced() && ledger.of(1).balanced());
    }
}

#[test]
fn state_below_the_watermark_is_forgotten() {
    let mut operator = Deduplicate::new(HORIZON);
    operator.apply(vec![arrival("a", 0, 0, 0), arrival("b", 50, 0, 1)], &mut Ledger::default());
    operator.drain_changes();
    operator.advance(40);
    assert_eq!(operator.len(), 1);
    assert_eq!(operator.drain_changes(), vec![(b"a".to_vec(), None)]);
}

#[test]
fn a_row_is_gone_when_its_winner_loses_to_a_record_that_a_filter_refuses() {
    let mut operator = Deduplicate::new(HORIZON);
    let mut ledger = Ledger::default();
    operator.apply(vec![arrival("a", 50, 0, 0)], &mut ledger);
    let refused = Arrival { row: None, ..arrival("a", 45, 1, 0) };
    let changes = operator.apply(vec![refused], &mut ledger);
    assert_eq!(changes[0].last, Last::Gone(b"a".to_vec()));
    assert_eq!((ledger.of(0).duplicate, ledger.of(1).filtered), (1, 1));
}
