//! Appending and reading back.

use crate::world::{Fixture, append, append_durably, block_on, one, read, sent, values};
use commitlog::batch::{Batch, Builder};
use commitlog::{AppendError, CleanupPolicy, Isolation, Origin, ReadError, TimestampType};

#[test]
fn what_is_appended_is_read_back_from_memory_and_from_files() {
    let fixture = Fixture::with_segments(400);
    let (log, _) = fixture.open();
    for at in 0..40 {
        let appended = append_durably(&log, one(&format!("value {at}")));
        assert_eq!((appended.base_offset, appended.last_offset), (at, at));
    }
    assert!(log.segment_count() > 5);
    let expected: Vec<_> = (0..40).map(|at| (at, format!("value {at}"))).collect();
    assert_eq!(values(&log), expected);
    log.close().unwrap();
    let (log, recovery) = fixture.open();
    assert_eq!((recovery.log_end, recovery.bytes_dropped), (40, 0));
    assert_eq!(values(&log), expected);
    for from in 0..40 {
        let bytes = read(&log, from).records;
        assert_eq!(Batch::first_of(&bytes).unwrap().base_offset(), from);
    }
}

#[test]
fn only_offset_and_leader_epoch_of_a_batch_change() {
    let (log, _) = Fixture::default().open();
    append_durably(&log, one("first"));
    let batch = one("second");
    append_durably(&log, batch.clone());
    let kept = read(&log, 1).records;
    assert_eq!(kept[8..12], batch[8..12]);
    assert_eq!(kept[16..], batch[16..]);
    assert_eq!(Batch::first_of(&kept).unwrap().leader_epoch(), log.leader_epoch());
}

#[test]
fn several_batches_in_one_append_get_successive_offsets() {
    let (log, _) = Fixture::default().open();
    let two = [one("a"), one("b"), Builder::plain(&[(1, None, None), (2, None, None)])].concat();
    let appended = append_durably(&log, two.into());
    assert_eq!((appended.base_offset, appended.last_offset), (0, 3));
    // An offset in the middle of what was appended together starts at its own batch.
    assert_eq!(Batch::first_of(&read(&log, 1).records).unwrap().base_offset(), 1);
    assert_eq!(Batch::first_of(&read(&log, 3).records).unwrap().base_offset(), 2);
}

#[test]
fn a_read_takes_whole_batches_up_to_its_size_but_at_least_one_if_asked() {
    let (log, _) = Fixture::default().open();
    for value in ["a", "b", "c"] {
        append_durably(&log, one(value));
    }
    let size = one("a").len() as u32;
    let take = |max, at_least_one| {
        log.read(0, max, Isolation::Uncommitted, at_least_one).unwrap().records.len() as u32
    };
    assert_eq!(take(2 * size + 1, true), 2 * size);
    assert_eq!(take(2 * size, false), 2 * size);
    assert_eq!(take(1, true), size);
    assert_eq!(take(1, false), 0);
    assert_eq!(take(0, true), size);
}

#[test]
fn an_offset_outside_the_log_is_refused_with_its_range() {
    let (log, _) = Fixture::default().open();
    append_durably(&log, one("a"));
    assert!(read(&log, 1).records.is_empty());
    for from in [-1, 2] {
        let error = log.read(from, 100, Isolation::Uncommitted, true).unwrap_err();
        let ReadError::OffsetOutOfRange { offsets, .. } = error else { panic!("{error}") };
        assert_eq!((offsets.log_start, offsets.log_end), (0, 1));
    }
}

#[test]
fn a_bad_batch_is_refused_and_leaves_nothing() {
    let mut fixture = Fixture::default();
    fixture.settings.max_message_bytes = 1_000;
    let (log, _) = fixture.open();
    let good = one("good");
    let changed = |at: usize, to: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = to;
        bytes.into()
    };
    let large = one(&"x".repeat(1_000));
    let marker = {
        let other = Fixture::default();
        let (other, _) = other.open();
        other.append_marker(1, 0, true, 0).unwrap();
        block_on(other.durable(0)).unwrap();
        read(&other, 0).records
    };
    for (name, bytes) in [
        ("nothing", bytes::Bytes::new()),
        ("magic", changed(16, 1)),
        ("checksum", changed(70, 0xff)),
        ("length", changed(11, 3)),
        ("cut", good.slice(..good.len() - 1)),
        ("rest", [&good[..], &good[..20]].concat().into()),
        ("size", large),
        ("marker", marker),
        ("two of a producer", [sent(1, 0, 0, 1, false), sent(1, 0, 1, 1, false)].concat().into()),
        ("producer without sequence", sent(1, 0, -1, 1, false)),
    ] {
        let error = append(&log, bytes).unwrap_err();
        assert!(error.to_string().contains("orders-0"), "{name}: {error}");
        assert_eq!(log.offsets().log_end, 0, "{name}");
    }
    append_durably(&log, good);
}

#[test]
fn a_compacted_log_refuses_records_without_a_key() {
    let mut fixture = Fixture::default();
    fixture.settings.cleanup_policy = CleanupPolicy::Compact;
    let (log, _) = fixture.open();
    let batch = Builder::plain(&[(1, Some(b"k"), None), (1, None, None), (1, None, Some(b"v"))]);
    let AppendError::KeyMissing { records, .. } = append(&log, batch).unwrap_err() else {
        panic!("another error")
    };
    assert_eq!(records, [1, 2]);
}

#[test]
fn the_log_stamps_records_if_its_time_counts() {
    let mut fixture = Fixture::default();
    fixture.settings.message_timestamp_type = TimestampType::LogAppendTime;
    let (log, _) = fixture.open();
    let appended = append_durably(&log, one("a"));
    assert_eq!(appended.log_append_time, 1_000_000);
    let bytes = read(&log, 0).records;
    let batch = Batch::first_of(&bytes).unwrap();
    batch.check().unwrap();
    assert_eq!(batch.records().unwrap().next().unwrap().unwrap().timestamp, 1_000_000);
}

#[test]
fn a_retry_gets_the_first_answer_and_a_gap_is_refused() {
    let fixture = Fixture::default();
    let (log, _) = fixture.open();
    for sequence in 0..6 {
        append_durably(&log, sent(7, 0, sequence * 2, 2, false));
    }
    let check = |log: &commitlog::Log| {
        let again = append(log, sent(7, 0, 4, 2, false)).unwrap();
        assert_eq!((again.base_offset, again.last_offset, again.duplicate), (4, 5, true));
        for (epoch, sequence) in [(0, 0), (0, 14), (1, 3)] {
            let error = append(log, sent(7, epoch, sequence, 2, false)).unwrap_err();
            assert!(matches!(error, AppendError::OutOfOrderSequence { .. }), "{error}");
        }
        assert_eq!(log.offsets().log_end, 12);
    };
    check(&log);
    // The same after a restart, from the snapshot and from the batches alone.
    log.close().unwrap();
    check(&fixture.open().0);
    check(&fixture.on(fixture.disk.after_power_cut(3)).open().0);

    append_durably(&log_of(&fixture), sent(7, 1, 0, 1, false));
    let error = append(&log_of(&fixture), sent(7, 0, 12, 1, false)).unwrap_err();
    assert!(matches!(error, AppendError::InvalidProducerEpoch { current: 1, .. }), "{error}");
}

fn log_of(fixture: &Fixture) -> std::sync::Arc<commitlog::Log> {
    fixture.open().0
}

#[test]
fn many_threads_append_and_no_offset_is_given_twice() {
    let fixture = Fixture::with_segments(2_000);
    let (log, _) = fixture.open();
    let mut offsets: Vec<i64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let log = &log;
                scope.spawn(move || {
                    let append = |at| append_durably(log, one(&format!("{thread}/{at}")));
                    (0..50).map(append).map(|appended| appended.base_offset).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    offsets.sort_unstable();
    assert_eq!(offsets, (0..200).collect::<Vec<_>>());
    assert_eq!(values(&log).len(), 200);
}

#[test]
fn a_record_is_found_by_its_time() {
    let fixture = Fixture::with_segments(300);
    let (log, _) = fixture.open();
    for at in 0..20i64 {
        let records = [(at * 100, None, None), (at * 100 + 50, None, None)];
        append_durably(&log, Builder::plain(&records));
    }
    let check = |log: &commitlog::Log| {
        for (timestamp, offset) in [(0, 0), (1, 1), (50, 1), (51, 2), (1_000, 20), (1_950, 39)] {
            let found = log.offset_for_timestamp(timestamp).unwrap().unwrap();
            assert_eq!(found.offset, offset, "at {timestamp}");
            assert!(found.timestamp >= timestamp);
        }
        assert_eq!(log.offset_for_timestamp(1_951).unwrap(), None);
        let largest = log.max_timestamp().unwrap().unwrap();
        assert_eq!((largest.offset, largest.timestamp), (39, 1_950));
    };
    check(&log);
    log.close().unwrap();
    check(&fixture.open().0);
}

#[test]
fn with_the_system_durability_a_batch_is_shown_at_once() {
    let fixture = Fixture { durability: runtime::Durability::Os, ..Fixture::default() };
    let (log, _) = fixture.open();
    fixture.disk.fail_sync_after(0);
    log.append(one("a"), Origin::Coordinator).unwrap();
    assert_eq!(log.offsets().high_watermark, 1);
    block_on(log.durable(0)).unwrap();
}
