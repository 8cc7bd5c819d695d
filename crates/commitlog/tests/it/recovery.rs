//! Recovery from torn tails, damage and power cuts.

use crate::world::{Fixture, append, append_durably, block_on, one, sent, values};
use commitlog::{Log, OpenError};
use runtime::Disk;
use std::path::Path;

const FIRST: &str = "00000000000000000000.log";

/// A disk that holds nothing but `bytes` as the first segment.
fn with_log(bytes: &[u8]) -> Fixture {
    let fixture = Fixture::default();
    fixture.disk.create_dir_all(&fixture.directory()).unwrap();
    let file = fixture.disk.create(&fixture.directory().join(FIRST)).unwrap();
    file.write_at(bytes, 0).unwrap();
    file.sync().unwrap();
    fixture
}

fn four_batches() -> (Vec<u8>, Vec<usize>) {
    let fixture = Fixture::default();
    let (log, _) = fixture.open();
    let mut ends = vec![0];
    for batch in [one("a"), sent(4, 0, 0, 3, false), one("c"), sent(4, 0, 3, 2, false)] {
        ends.push(ends.last().unwrap() + batch.len());
        append_durably(&log, batch);
    }
    (fixture.file(FIRST), ends)
}

#[test]
fn a_log_cut_at_any_byte_keeps_the_whole_batches_before_the_cut() {
    let (bytes, ends) = four_batches();
    assert_eq!(bytes.len(), ends[4]);
    let ends_at = [0, 1, 4, 5, 7];
    for cut in ends[2]..=bytes.len() {
        let fixture = with_log(&bytes[..cut]);
        let (log, recovery) = fixture.open();
        let whole = ends.iter().rposition(|end| *end <= cut).unwrap();
        assert_eq!(recovery.log_end, ends_at[whole], "cut at {cut}");
        assert_eq!(recovery.bytes_dropped as usize, cut - ends[whole]);
        assert_eq!(fixture.file(FIRST), bytes[..ends[whole]]);
        assert_eq!(values(&log).len() as i64, ends_at[whole]);
        // The log goes on where it was cut, in a new leader epoch.
        assert_eq!(append_durably(&log, one("next")).base_offset, ends_at[whole]);
        assert_eq!(log.leader_epoch(), 1);
        drop(log);
        let (log, _) = fixture.open();
        assert_eq!(values(&log).last().unwrap().1, "next");
    }
}

#[test]
fn a_changed_bit_in_the_tail_cuts_the_log_before_it() {
    let (bytes, ends) = four_batches();
    let ends_at = [0, 1, 4, 5, 7];
    for at in ends[2]..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let whole = ends.iter().rposition(|end| *end <= at).unwrap();
            let within = at - ends[whole];
            let (log, _) = with_log(&changed).open();
            let end = log.offsets().log_end;
            // Offset and leader epoch are outside the checksum: a change that keeps them rising
            // cannot be seen.
            if within < 8 || (12..16).contains(&within) {
                assert!(end >= ends_at[whole]);
            } else {
                assert_eq!(end, ends_at[whole], "bit {bit} of byte {at}");
            }
            let kept = values(&log);
            assert!(kept.len() as i64 >= ends_at[whole]);
        }
    }
}

#[test]
fn no_acknowledged_batch_is_lost_in_a_power_cut() {
    for seed in 0..100u64 {
        let fixture = Fixture::with_segments(700);
        let (log, _) = fixture.open();
        let mut acknowledged = Vec::new();
        for at in 0..(5 + seed % 25) {
            let value = format!("{seed}/{at}");
            let appended = match at % 3 {
                0 => append(&log, one(&value)).unwrap(),
                1 => append(&log, sent(9, 0, at as i32 / 3, 1, false)).unwrap(),
                _ => append(&log, sent(8, 0, at as i32 / 3, 1, true)).unwrap(),
            };
            if (seed + at).is_multiple_of(4) {
                block_on(log.durable(appended.last_offset)).unwrap();
            }
            acknowledged.push(appended.last_offset);
            if (seed + at).is_multiple_of(7) {
                log.roll().unwrap();
            }
        }
        let shown = log.offsets().high_watermark;
        let after = fixture.on(fixture.disk.after_power_cut(seed));
        let before = values(&log);
        let (log, recovery) = after.open();
        assert!(recovery.log_end >= shown, "seed {seed}: {recovery:?}, shown {shown}");
        let kept = values(&log);
        let both = before.len().min(kept.len());
        assert_eq!(kept[..both], before[..both], "seed {seed}");
        // What recovery kept is durable: a second cut takes nothing.
        let again = after.on(after.disk.after_power_cut(seed + 1));
        assert_eq!(again.open().1.log_end, recovery.log_end, "seed {seed}");
    }
}

#[test]
fn a_former_segment_that_lost_its_end_takes_the_later_ones_with_it() {
    let fixture = Fixture::with_segments(300);
    let (log, _) = fixture.open();
    for at in 0..12 {
        append_durably(&log, one(&at.to_string()));
    }
    assert!(log.segment_count() >= 3);
    drop(log);
    let size = one("0").len() as u64;
    let file = fixture.disk.create(&fixture.directory().join(FIRST)).unwrap();
    file.set_len(size).unwrap();
    let (log, recovery) = fixture.open();
    assert_eq!((recovery.log_end, log.segment_count()), (1, 1));
    for at in 0..12 {
        append_durably(&log, one(&format!("new {at}")));
    }
    assert_eq!(values(&log).len(), 13);
}

#[test]
fn lost_indexes_are_built_again() {
    let fixture = Fixture::with_segments(2_000);
    let (log, _) = fixture.open();
    for at in 0..60 {
        append_durably(&log, one(&format!("value {at}")));
    }
    log.append_marker(1, 0, false, 0).unwrap();
    let before = values(&log);
    log.close().unwrap();
    let names = fixture.names();
    let kinds = ["index", "timeindex", "snapshot"];
    for name in names.iter().filter(|name| kinds.iter().any(|kind| name.ends_with(kind))) {
        let kept = fixture.file(name);
        assert!(name.ends_with("snapshot") || !kept.is_empty(), "{name}");
        let path = fixture.directory().join(name);
        fixture.disk.remove(&path).unwrap();
        let (log, _) = fixture.open();
        assert_eq!(values(&log), before, "without {name}");
        log.close().unwrap();
        assert!(name.ends_with("snapshot") || fixture.file(name) == kept, "{name}");
    }
    // One that has no log is removed.
    let orphan = fixture.directory().join("00000000000000000777.index");
    fixture.disk.create(&orphan).unwrap();
    fixture.open();
    assert!(!fixture.disk.exists(&orphan));
}

#[test]
fn damage_below_the_recovery_point_is_reported_and_nothing_is_cut() {
    let fixture = Fixture::default();
    let directory =
        || commitlog::LogDirectory::open_unlocked("/data".into(), fixture.world()).unwrap();
    let first = directory();
    let (log, _) = first.open_log("orders-0", fixture.settings.clone()).unwrap();
    for at in 0..5 {
        append_durably(&log, one(&at.to_string()));
    }
    first.checkpoint().unwrap();
    drop((first, log));
    let file = fixture.disk.create(&fixture.directory().join(FIRST)).unwrap();
    file.write_at(b"damage", 100).unwrap();
    let before = fixture.file(FIRST);
    let error = directory().open_log("orders-0", fixture.settings.clone()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains(FIRST), "{error}");
    assert_eq!(fixture.file(FIRST), before);
    // The way out that the error names.
    fixture.disk.remove(Path::new("/data/recovery-point-offset-checkpoint")).unwrap();
    let (log, _) = directory().open_log("orders-0", fixture.settings.clone()).unwrap();
    assert!(values(&log).len() < 5);
}

#[test]
fn a_consumer_learns_where_a_lost_epoch_ended() {
    let fixture = Fixture::default();
    let (log, _) = fixture.open();
    append_durably(&log, one("kept"));
    drop(log);
    let file = fixture.disk.create(&fixture.directory().join(FIRST)).unwrap();
    let length = file.length().unwrap();
    file.write_at(&[0; 100], length).unwrap();
    let (log, recovery) = fixture.open();
    assert_eq!((recovery.leader_epoch, recovery.bytes_dropped), (1, 100));
    append_durably(&log, one("new"));
    assert_eq!(log.offset_for_leader_epoch(0), Some((0, 1)));
    assert_eq!(log.offset_for_leader_epoch(1), Some((1, 2)));
    assert_eq!(log.offset_for_leader_epoch(2), None);
}

#[test]
fn any_bytes_in_the_directory_are_opened_or_refused_but_never_a_panic() {
    let mut random = 7u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as u8
    };
    for _ in 0..100 {
        let bytes: Vec<u8> = (0..200).map(|_| next()).collect();
        let fixture = with_log(&bytes);
        for name in [
            "leader-epoch-checkpoint",
            "00000000000000000000.index",
            "00000000000000000000.snapshot",
            "00000000000000000000.txnindex",
            "00000000000000000000.timeindex",
        ] {
            let file = fixture.disk.create(&fixture.directory().join(name)).unwrap();
            file.write_at(&bytes[..(next() as usize).min(200)], 0).unwrap();
        }
        let opened = Log::open(fixture.directory(), fixture.settings.clone(), fixture.world());
        let (log, recovery) = opened.unwrap();
        assert_eq!(recovery.log_end, 0);
        append_durably(&log, one("a"));
    }
}
