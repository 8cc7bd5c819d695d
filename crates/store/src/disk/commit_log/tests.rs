//! What the commit log promises after a crash.

use super::*;
use runtime::FaultDisk;

const DIRECTORY: &str = "/store/commitlog";

fn change(key: &str, value: Option<&str>) -> Change {
    Change {
        table: Uuid::from_u128(7),
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
    }
}

/// Opens the log; returns it with what it replays.
fn open(disk: &FaultDisk, sync: Sync) -> (CommitLog, Vec<Vec<Change>>) {
    let mut replayed = Vec::new();
    let log = CommitLog::open(Arc::new(disk.clone()), Path::new(DIRECTORY), sync, |changes| {
        replayed.push(changes);
    });
    (log.unwrap(), replayed)
}

fn batches(from: u32, to: u32) -> Vec<Vec<Change>> {
    (from..to).map(|at| vec![change(&format!("k{at}"), Some("v")), change("gone", None)]).collect()
}

#[test]
fn what_was_appended_is_replayed_in_order_over_segments_and_starts() {
    let disk = FaultDisk::new();
    let (mut log, before) = open(&disk, Sync::Data);
    assert_eq!(before, Vec::<Vec<Change>>::new());
    batches(0, 3).iter().for_each(|batch| log.append(batch).unwrap());
    assert_eq!(log.roll().unwrap(), 1);
    batches(3, 5).iter().for_each(|batch| log.append(batch).unwrap());
    drop(log);
    let (mut log, replayed) = open(&disk, Sync::Data);
    assert_eq!(replayed, batches(0, 5));
    batches(5, 6).iter().for_each(|batch| log.append(batch).unwrap());
    drop(log);
    assert_eq!(open(&disk, Sync::Data).1, batches(0, 6));
}

#[test]
fn removed_segments_are_not_replayed_and_the_numbers_go_on() {
    let disk = FaultDisk::new();
    let (mut log, _) = open(&disk, Sync::Data);
    log.append(&batches(0, 1)[0]).unwrap();
    let sealed = log.roll().unwrap();
    log.append(&batches(1, 2)[0]).unwrap();
    remove_until(&disk, Path::new(DIRECTORY), sealed).unwrap();
    let disk = disk.after_power_cut(1);
    let (mut log, replayed) = open(&disk, Sync::Data);
    assert_eq!(replayed, batches(1, 2));
    assert_eq!(log.roll().unwrap(), 3);
}

#[test]
fn after_a_power_cut_every_synced_batch_is_there_and_a_torn_one_is_not() {
    for seed in 0..64 {
        let disk = FaultDisk::new();
        let (mut log, _) = open(&disk, Sync::Data);
        batches(0, 4).iter().for_each(|batch| log.append(batch).unwrap());
        disk.fail_sync_after(0);
        assert!(log.append(&batches(4, 5)[0]).is_err());
        let disk = disk.after_power_cut(seed);
        let (mut log, replayed) = open(&disk, Sync::Data);
        assert!(replayed == batches(0, 4) || replayed == batches(0, 5), "seed {seed}");
        // The torn tail is gone, so that a second crash does not find it in the middle.
        log.append(&batches(9, 10)[0]).unwrap();
        let mut expected = replayed;
        expected.extend(batches(9, 10));
        assert_eq!(open(&disk.after_power_cut(seed), Sync::Data).1, expected);
    }
}

#[test]
fn without_syncing_a_power_cut_leaves_a_prefix() {
    for seed in 0..64 {
        let disk = FaultDisk::new();
        let (mut log, _) = open(&disk, Sync::Buffer);
        batches(0, 4).iter().for_each(|batch| log.append(batch).unwrap());
        log.roll().unwrap();
        batches(4, 8).iter().for_each(|batch| log.append(batch).unwrap());
        let disk = disk.after_power_cut(seed);
        let (_, replayed) = open(&disk, Sync::Buffer);
        assert_eq!(replayed, batches(0, u32::try_from(replayed.len()).unwrap()), "seed {seed}");
        // Once more: nothing that was dropped comes back.
        assert_eq!(open(&disk.after_power_cut(seed), Sync::Buffer).1, replayed);
    }
}

#[test]
fn a_sync_reaches_what_was_written_without_one() {
    let disk = FaultDisk::new();
    let (mut log, _) = open(&disk, Sync::Buffer);
    log.append(&batches(0, 1)[0]).unwrap();
    log.roll().unwrap();
    log.append(&batches(1, 2)[0]).unwrap();
    log.unsynced().sync().unwrap();
    assert_eq!(open(&disk.after_power_cut(3), Sync::Buffer).1, batches(0, 2));
}

#[test]
fn damage_before_the_end_is_an_error_that_names_the_segment() {
    let disk = FaultDisk::new();
    let (mut log, _) = open(&disk, Sync::Data);
    batches(0, 2).iter().for_each(|batch| log.append(batch).unwrap());
    log.roll().unwrap();
    drop(log);
    let path = path_of(Path::new(DIRECTORY), 1);
    disk.create(&path).unwrap().write_at(b"\xff", HEADER_BYTES as u64 + 9).unwrap();
    let error = CommitLog::open(Arc::new(disk), Path::new(DIRECTORY), Sync::Data, |_| {});
    let error = error.err().unwrap().to_string();
    assert!(error.contains("0000000001.log") && error.contains("byte 8"), "{error}");
}

#[test]
fn bytes_that_are_no_record_are_refused_without_taking_memory_for_them() {
    let mut bytes = MAGIC.to_vec();
    bytes.push(0);
    bytes.extend_from_slice(&[0xFF; 64]);
    let mut replayed = 0;
    assert_eq!(read_segment(&Bytes::from(bytes), &mut |_| replayed += 1).whole, HEADER_BYTES);
    assert_eq!(replayed, 0);
}

#[test]
fn zeros_after_a_power_cut_are_no_seal() {
    let disk = FaultDisk::new();
    let (mut log, _) = open(&disk, Sync::Data);
    log.append(&batches(0, 1)[0]).unwrap();
    drop(log);
    let path = path_of(Path::new(DIRECTORY), 1);
    let file = disk.open(&path).unwrap();
    let length = file.length().unwrap();
    disk.create(&path).unwrap().set_len(length + 64).unwrap();
    let bytes = Bytes::from((&disk as &dyn Disk).read(&path).unwrap());
    let Read { whole, sealed } = read_segment(&bytes, &mut |_| {});
    assert_eq!((whole as u64, sealed), (length, false));
    assert_eq!(open(&disk, Sync::Data).1, batches(0, 1));
}
