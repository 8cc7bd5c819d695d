//! Old records go; readers and restarts see the new start.

use crate::world::{Fixture, append_durably, one, sent, values};
use commitlog::{Isolation, Log, TrimError};
use std::sync::Arc;

fn filled(fixture: &Fixture) -> Arc<Log> {
    let (log, _) = fixture.open();
    for at in 0..12 {
        append_durably(&log, one(&at.to_string()));
    }
    log
}

#[test]
fn retention_by_size_deletes_the_oldest_segments() {
    let mut fixture = Fixture::with_segments(300);
    fixture.settings.retention_ms = None;
    let log = filled(&fixture);
    let size = log.size_bytes();
    assert_eq!(log.retain(1_000_000).unwrap(), 0);
    log.set_settings(commitlog::LogSettings {
        retention_bytes: Some(size / 2),
        ..fixture.settings.clone()
    });
    assert!(log.retain(1_000_000).unwrap() > 0);
    let start = log.offsets().log_start;
    assert!(start > 0 && log.size_bytes() <= size / 2 + 300);
    assert_eq!(values(&log).first().unwrap().0, start);
    assert!(log.read(0, 100, Isolation::Uncommitted, true).is_err());
    assert!(!fixture.names().iter().any(|name| name.starts_with("00000000000000000000")));
    drop(log);
    assert_eq!(fixture.open().0.offsets().log_start, start);
}

#[test]
fn retention_by_time_deletes_the_active_segment_too_and_offsets_go_on() {
    let fixture = Fixture::with_segments(300);
    let log = filled(&fixture);
    // The records are of the first second of 1970.
    let week = 7 * 24 * 3_600_000;
    assert_eq!(log.retain(week).unwrap(), 0);
    assert!(log.retain(week + 2_000).unwrap() > 0);
    assert_eq!((log.offsets().log_start, log.size_bytes(), log.segment_count()), (12, 0, 1));
    assert_eq!(append_durably(&log, one("next")).base_offset, 12);
    drop(log);
    assert_eq!(values(&fixture.open().0), [(12, "next".to_owned())]);
}

#[test]
fn records_are_deleted_by_request_up_to_the_high_watermark() {
    let fixture = Fixture::with_segments(300);
    let log = filled(&fixture);
    let segments = log.segment_count();
    assert_eq!(log.delete_records_before(7).unwrap(), 7);
    assert!(log.segment_count() < segments);
    assert_eq!(values(&log).first().unwrap().0, 7);
    // The start never moves back.
    assert_eq!(log.delete_records_before(3).unwrap(), 7);
    let error = log.delete_records_before(13).unwrap_err();
    assert!(matches!(error, TrimError::OffsetOutOfRange { .. }), "{error}");
    assert_eq!(log.delete_records_before(-1).unwrap(), 12);
    assert!(values(&log).is_empty());
    append_durably(&log, one("next"));
    assert_eq!(values(&log), [(12, "next".to_owned())]);
}

#[test]
fn a_silent_producer_is_forgotten_but_not_in_its_transaction() {
    let (log, _) = Fixture::default().open();
    append_durably(&log, sent(1, 0, 0, 1, false));
    append_durably(&log, sent(2, 0, 0, 1, true));
    log.retain(24 * 3_600_000 + 500).unwrap();
    assert_eq!(log.active_producers().len(), 2);
    log.retain(24 * 3_600_000 + 2_000).unwrap();
    let left: Vec<_> = log.active_producers().iter().map(|known| known.producer_id).collect();
    assert_eq!(left, [2]);
}
