//! Compaction keeps the last value of each key, and everything a restart needs.

use crate::world::{Fixture, append_durably, block_on, sent, values};
use commitlog::batch::Builder;
use commitlog::{Log, LogSettings};
use std::time::Duration;

fn put(log: &Log, key: &str, value: Option<&str>) {
    let record = (1_000, Some(key.as_bytes()), value.map(str::as_bytes));
    append_durably(log, Builder::plain(&[record]));
}

#[test]
fn the_last_value_of_each_key_stays_and_offsets_do_not_change() {
    let fixture = Fixture::with_segments(600);
    let (log, _) = fixture.open();
    for round in 0..5 {
        for key in ["a", "b", "c"] {
            put(&log, key, Some(&format!("{key}{round}")));
        }
    }
    log.roll().unwrap();
    let size = log.size_bytes();
    let freed = log.compact().unwrap();
    assert!(freed > 0 && log.size_bytes() == size - freed);
    let expected: Vec<_> =
        [(12, "a4"), (13, "b4"), (14, "c4")].map(|(o, v)| (o, v.to_owned())).into();
    assert_eq!(values(&log), expected);
    assert_eq!(log.compact().unwrap(), 0);
    put(&log, "a", Some("a5"));
    log.close().unwrap();
    for fixture in [fixture.on(fixture.disk.after_power_cut(1)), fixture] {
        let (log, recovery) = fixture.open();
        assert_eq!((recovery.log_end, recovery.bytes_dropped), (16, 0));
        assert_eq!(values(&log).len(), 4);
    }
}

#[test]
fn a_tombstone_outlives_its_retention_and_then_goes() {
    let mut fixture = Fixture::default();
    fixture.settings = LogSettings { delete_retention_ms: 1_000, ..fixture.settings };
    let (log, _) = fixture.open();
    put(&log, "a", Some("old"));
    put(&log, "a", None);
    put(&log, "b", Some("last of the segment"));
    log.roll().unwrap();
    log.compact().unwrap();
    assert_eq!(values(&log)[0], (1, "-".to_owned()));
    fixture.clock.advance(Duration::from_millis(999));
    log.compact().unwrap();
    assert_eq!(values(&log).len(), 2);
    fixture.clock.advance(Duration::from_millis(2));
    log.compact().unwrap();
    assert_eq!(values(&log), [(2, "last of the segment".to_owned())]);
}

#[test]
fn an_aborted_value_does_not_replace_a_committed_one_nor_an_open_one_any() {
    let (log, _) = Fixture::default().open();
    put(&log, "key", Some("committed"));
    append_durably(&log, sent(1, 0, 0, 1, true));
    let marker = log.append_marker(1, 0, false, 0).unwrap();
    block_on(log.durable(marker.last_offset)).unwrap();
    log.roll().unwrap();
    assert_eq!(log.compact().unwrap(), 0);
    append_durably(&log, sent(2, 0, 0, 1, true));
    log.roll().unwrap();
    assert_eq!(log.compact().unwrap(), 0);
    assert_eq!(values(&log)[0].1, "committed");
}
