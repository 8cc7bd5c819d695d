//! The data directory: lock, identity, checkpoints, clean shutdown.

use crate::world::{Fixture, append_durably, one, values};
use commitlog::{DirectoryError, LogDirectory, LogSettings, TopicId};
use runtime::{Durability, World};

#[test]
fn a_second_process_is_refused_with_the_directory_named() {
    let place = tempfile::tempdir().unwrap();
    let open = || LogDirectory::open(place.path().to_owned(), World::real(Durability::Group));
    let first = open().unwrap();
    let error = open().unwrap_err();
    assert!(matches!(error, DirectoryError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&*place.path().to_string_lossy()), "{error}");
    let identity = first.identity().clone();
    drop(first);
    assert_eq!(open().unwrap().identity(), &identity);
}

#[test]
fn a_real_disk_keeps_a_log_across_clean_and_unclean_stops() {
    let place = tempfile::tempdir().unwrap();
    let open = || LogDirectory::open(place.path().to_owned(), World::real(Durability::Group));
    let settings = || LogSettings { segment_bytes: 2_000, ..LogSettings::default() };
    for round in 0..4u64 {
        let directory = open().unwrap();
        assert_eq!(directory.clean(), round == 1 || round == 3, "round {round}");
        let (log, recovery) = directory.open_log("orders-0", settings()).unwrap();
        assert_eq!(recovery.log_end, round as i64 * 50);
        assert_eq!(recovery.leader_epoch, i32::from(round >= 2));
        for at in 0..50 {
            append_durably(&log, one(&format!("{round}/{at}")));
        }
        assert_eq!(values(&log).len() as u64, (round + 1) * 50);
        if round != 1 {
            directory.close().unwrap();
        }
    }
}

#[test]
fn a_clean_stop_needs_no_scan_and_keeps_the_leader_epoch() {
    let fixture = Fixture::with_segments(500);
    let open = || LogDirectory::open_unlocked("/data".into(), fixture.world()).unwrap();
    let directory = open();
    let (log, recovery) = directory.open_log("orders-0", fixture.settings.clone()).unwrap();
    assert!(!recovery.existed);
    let id = TopicId::random().unwrap();
    assert_eq!(directory.topic_id("orders-0").unwrap(), None);
    directory.set_topic_id("orders-0", id).unwrap();
    for at in 0..20 {
        append_durably(&log, one(&at.to_string()));
    }
    log.delete_records_before(3).unwrap();
    directory.close().unwrap();
    assert!(
        commitlog::AppendError::Closed { log: "orders-0".into() }
            == log.append(one("late"), commitlog::Origin::Client).unwrap_err()
    );

    let directory = open();
    assert!(directory.clean());
    assert_eq!(directory.partitions().unwrap(), ["orders-0"]);
    assert_eq!(directory.topic_id("orders-0").unwrap(), Some(id));
    let (log, recovery) = directory.open_log("orders-0", fixture.settings.clone()).unwrap();
    assert_eq!((recovery.segments_scanned, recovery.leader_epoch), (0, 0));
    assert_eq!((log.offsets().log_start, log.offsets().log_end), (3, 20));
    append_durably(&log, one("next"));
    assert_eq!(values(&log).len(), 18);
    // The same log is given to whoever asks again.
    let (same, _) = directory.open_log("orders-0", fixture.settings.clone()).unwrap();
    assert!(std::sync::Arc::ptr_eq(&log, &same));
}

#[test]
fn a_deleted_log_leaves_nothing_to_a_new_one_of_its_name() {
    let fixture = Fixture::default();
    let directory = LogDirectory::open_unlocked("/data".into(), fixture.world()).unwrap();
    let (log, _) = directory.open_log("orders-0", fixture.settings.clone()).unwrap();
    for at in 0..5 {
        append_durably(&log, one(&at.to_string()));
    }
    log.delete_records_before(3).unwrap();
    directory.checkpoint().unwrap();
    directory.delete_log("orders-0").unwrap();
    assert!(directory.partitions().unwrap().is_empty());
    let (log, recovery) = directory.open_log("orders-0", fixture.settings.clone()).unwrap();
    assert!(!recovery.existed);
    assert_eq!(log.offsets(), commitlog::Offsets::default());
}
