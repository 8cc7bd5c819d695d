//! Full disks and failed syncs.

use crate::world::{Fixture, append, append_durably, block_on, one, values};
use commitlog::AppendError;

#[test]
fn a_full_disk_refuses_the_append_and_takes_it_once_there_is_space() {
    let fixture = Fixture::default();
    let (log, _) = fixture.open();
    append_durably(&log, one("before"));
    for space in [0, 10, 61, 70] {
        fixture.disk.fill_after(space);
        let error = append(&log, one("refused")).unwrap_err();
        assert!(matches!(error, AppendError::Full { .. }), "{error}");
        assert_eq!(log.offsets().log_end, 1);
        assert_eq!(values(&log).len(), 1);
    }
    fixture.disk.heal();
    assert_eq!(append_durably(&log, one("after")).base_offset, 1);
    drop(log);
    let kept: Vec<_> = values(&fixture.open().0).into_iter().map(|(_, value)| value).collect();
    assert_eq!(kept, ["before", "after"]);
}

#[test]
fn a_disk_that_fills_up_at_a_roll_leaves_the_former_segment_in_use() {
    let fixture = Fixture::with_segments(300);
    let (log, _) = fixture.open();
    for at in 0..3 {
        append_durably(&log, one(&at.to_string()));
    }
    let segments = log.segment_count();
    for space in 0..60 {
        fixture.disk.fill_after(space);
        let error = append(&log, one(&"x".repeat(100))).unwrap_err();
        assert!(matches!(error, AppendError::Full { .. }), "{error}");
    }
    fixture.disk.heal();
    append_durably(&log, one(&"x".repeat(100)));
    assert!(log.segment_count() > segments);
    assert_eq!(values(&log).len(), 4);
    drop(log);
    assert_eq!(values(&fixture.open().0).len(), 4);
}

#[test]
fn a_failed_sync_takes_the_log_offline_for_good() {
    let fixture = Fixture::default();
    let (log, _) = fixture.open();
    append_durably(&log, one("synced"));
    fixture.disk.fail_sync_after(0);
    let appended = append(&log, one("not synced")).unwrap();
    let failure = block_on(log.durable(appended.last_offset)).unwrap_err();
    assert!(failure.to_string().contains("/data/orders-0"), "{failure}");
    assert!(failure.to_string().contains("restart"), "{failure}");
    fixture.disk.heal();
    let error = append(&log, one("later")).unwrap_err();
    assert!(matches!(error, AppendError::Offline(_)), "{error}");
    assert_eq!(log.offsets().high_watermark, 1);
    assert_eq!(values(&log).len(), 1);
    block_on(log.durable(0)).unwrap();
    assert!(log.close().is_err());
    // A restart recovers what is on the disk.
    let (log, _) = fixture.on(fixture.disk.after_power_cut(0)).open();
    assert_eq!(values(&log)[0].1, "synced");
    append_durably(&log, one("again"));
}
