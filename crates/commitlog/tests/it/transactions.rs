//! Transactions: what a committed reader sees, and what survives a restart.

use crate::world::{Fixture, append, append_durably, block_on, one, sent};
use commitlog::batch::{Batch, Marker};
use commitlog::{AbortedTransaction, AppendError, Isolation, Log};

fn end(log: &Log, id: i64, commit: bool) -> i64 {
    let appended = log.append_marker(id, 0, commit, 1).unwrap();
    block_on(log.durable(appended.last_offset)).unwrap();
    appended.base_offset
}

fn committed(log: &Log, from: i64) -> commitlog::Read {
    log.read(from, u32::MAX, Isolation::Committed, true).unwrap()
}

#[test]
fn the_last_stable_offset_waits_for_the_first_open_transaction() {
    let (log, _) = Fixture::default().open();
    let stable = || log.offsets().last_stable;
    append_durably(&log, one("plain"));
    assert_eq!(stable(), 1);
    append_durably(&log, sent(1, 0, 0, 2, true));
    append_durably(&log, sent(2, 0, 0, 1, true));
    append_durably(&log, one("plain"));
    assert_eq!(stable(), 1);
    assert_eq!(end(&log, 1, true), 5);
    assert_eq!(stable(), 3);
    assert_eq!(end(&log, 2, false), 6);
    assert_eq!(stable(), 7);
    assert_eq!(log.open_transaction(2), None);
}

#[test]
fn a_committed_reader_is_told_of_the_aborted_transactions_in_its_range() {
    let fixture = Fixture::default();
    let (log, _) = fixture.open();
    append_durably(&log, sent(1, 0, 0, 2, true));
    append_durably(&log, sent(2, 0, 0, 2, true));
    end(&log, 1, false);
    end(&log, 2, true);
    append_durably(&log, sent(1, 0, 2, 1, true));
    end(&log, 1, false);
    let aborted = |first_offset| AbortedTransaction { producer_id: 1, first_offset };
    let check = |log: &Log| {
        assert_eq!(committed(log, 0).aborted, [aborted(0), aborted(6)]);
        assert_eq!(committed(log, 5).aborted, [aborted(6)]);
        assert!(log.read(0, u32::MAX, Isolation::Uncommitted, true).unwrap().aborted.is_empty());
        let one = log.read(2, 1, Isolation::Committed, true).unwrap();
        assert_eq!(one.aborted, [aborted(0)]);
        let records = committed(log, 4).records;
        let marker = Batch::first_of(&records).unwrap();
        assert_eq!(Marker::of(&marker), Some(Marker { commit: false, coordinator_epoch: 1 }));
    };
    check(&log);
    for seed in 0..5 {
        check(&fixture.on(fixture.disk.after_power_cut(seed)).open().0);
    }
    log.close().unwrap();
    check(&fixture.open().0);
}

#[test]
fn an_open_transaction_survives_a_restart() {
    let fixture = Fixture::with_segments(400);
    let (log, _) = fixture.open();
    append_durably(&log, one("plain"));
    append_durably(&log, sent(1, 0, 0, 2, true));
    for at in 0..20 {
        append_durably(&log, one(&at.to_string()));
    }
    let check = |log: &Log| {
        assert_eq!(log.offsets().last_stable, 1);
        assert_eq!(log.open_transaction(1), Some(1));
        assert_eq!(log.active_producers()[0].current_txn_start_offset, 1);
        let error = append(log, sent(1, 0, 2, 1, false)).unwrap_err();
        assert!(matches!(error, AppendError::TransactionOpen { .. }), "{error}");
        let marker = end(log, 1, false);
        assert_eq!(log.offsets().last_stable, marker + 1);
        assert_eq!(committed(log, 0).aborted.len(), 1);
    };
    check(&fixture.on(fixture.disk.after_power_cut(1)).open().0);
    log.close().unwrap();
    check(&fixture.open().0);
}

#[test]
fn a_marker_of_an_old_producer_or_coordinator_is_refused() {
    let (log, _) = Fixture::default().open();
    append_durably(&log, sent(1, 5, 0, 1, true));
    let error = log.append_marker(1, 4, true, 3).unwrap_err();
    assert!(matches!(error, AppendError::InvalidProducerEpoch { current: 5, .. }), "{error}");
    log.append_marker(1, 5, true, 3).unwrap();
    let error = log.append_marker(1, 5, true, 2).unwrap_err();
    assert!(matches!(error, AppendError::CoordinatorFenced { current: 3, .. }), "{error}");
    // A marker may bring a newer epoch (KIP-890); sequences then begin anew.
    log.append_marker(1, 6, true, 3).unwrap();
    append_durably(&log, sent(1, 6, 0, 1, true));
    let error = append(&log, sent(1, 5, 1, 1, true)).unwrap_err();
    assert!(matches!(error, AppendError::InvalidProducerEpoch { current: 6, .. }), "{error}");
}
