//! What a journal promises after a crash.

use super::*;
use runtime::{Disk, FaultDisk, ManualClock};
use std::sync::Arc;

fn world(disk: &FaultDisk) -> World {
    let clock = Arc::new(ManualClock::at(0));
    World { clock, disk: Arc::new(disk.clone()), durability: Durability::Group }
}

fn open(disk: &FaultDisk) -> (Journal, Recovered) {
    Journal::open("/j".into(), &identity(), world(disk)).unwrap()
}

fn identity() -> Identity {
    Identity { cluster: "c".into(), topic: "t".into(), operators: String::new() }
}

fn plan(batch: u64) -> BatchPlan {
    let at = i64::try_from(batch).unwrap();
    BatchPlan { batch, timestamp: at * 10, ranges: BTreeMap::from([(0, (at - 1, at))]) }
}

fn checkpoint(batch: u64) -> Checkpoint {
    Checkpoint { batch, timestamp: 1, ..Checkpoint::default() }
}

#[test]
fn a_planned_batch_is_pending_until_it_is_committed() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk);
    journal.plan(&plan(1)).unwrap();
    journal.plan(&plan(2)).unwrap();
    journal.commit(&checkpoint(1), vec![(0, b"k".to_vec(), Some(b"v".to_vec()))], None).unwrap();
    let (_, recovered) = open(&disk.after_power_cut(1));
    assert_eq!(recovered.pending, vec![plan(2)]);
    assert_eq!(recovered.checkpoint.batch, 1);
    assert_eq!(recovered.state[&(0, b"k".to_vec())], b"v");
}

#[test]
fn a_torn_tail_costs_only_what_was_not_acknowledged() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk);
    journal.plan(&plan(1)).unwrap();
    let whole = (&disk as &dyn Disk).read(Path::new("/j/journal.0000000001")).unwrap();
    journal.plan(&plan(2)).unwrap();
    let longer = (&disk as &dyn Disk).read(Path::new("/j/journal.0000000001")).unwrap();
    for cut in whole.len()..longer.len() {
        let torn = FaultDisk::new();
        torn.create_dir_all(Path::new("/j")).unwrap();
        let file = torn.create(Path::new("/j/journal.0000000001")).unwrap();
        file.write_at(&longer[..cut], 0).unwrap();
        let (mut journal, recovered) = open(&torn);
        assert_eq!(recovered.pending, vec![plan(1)], "cut at {cut}");
        journal.plan(&plan(2)).unwrap();
        assert_eq!(open(&torn).1.pending, vec![plan(1), plan(2)]);
    }
}

#[test]
fn a_new_generation_holds_the_same_state() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk);
    let value = vec![7; 300_000];
    for batch in 1..=20 {
        journal.plan(&plan(batch)).unwrap();
        let changes = vec![(0, b"k".to_vec(), Some(value.clone()))];
        let snapshot =
            journal.rewrite_due(1 << 18).then(|| vec![(0, b"k".to_vec(), value.clone())]);
        journal.commit(&checkpoint(batch), changes, snapshot).unwrap();
    }
    assert!(journal.generation > 1);
    assert_eq!(disk.list(Path::new("/j")).unwrap().len(), 1);
    let (_, recovered) = open(&disk.after_power_cut(3));
    assert_eq!(recovered.checkpoint.batch, 20);
    assert_eq!(recovered.state.len(), 1);
    assert!(recovered.pending.is_empty());
}

#[test]
fn a_new_generation_takes_batches_along_that_were_planned_while_it_was_committed() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk);
    for batch in 1..=3 {
        journal.plan(&plan(batch)).unwrap();
    }
    let state = vec![(0, b"k".to_vec(), b"v".to_vec())];
    journal.commit(&checkpoint(1), Vec::new(), Some(state)).unwrap();
    assert_eq!(journal.generation, 2);
    journal.plan(&plan(4)).unwrap();
    let (_, recovered) = open(&disk.after_power_cut(1));
    assert_eq!(recovered.checkpoint.batch, 1);
    assert_eq!(recovered.state[&(0, b"k".to_vec())], b"v");
    assert_eq!(recovered.pending, vec![plan(2), plan(3), plan(4)]);
}

#[test]
fn a_full_disk_refuses_the_batch_and_keeps_the_commits() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk);
    journal.plan(&plan(1)).unwrap();
    disk.fill_after(2);
    let error = journal.plan(&plan(2)).unwrap_err().to_string();
    assert!(error.contains("/j/journal.0000000001") && error.contains("free space"), "{error}");
    disk.heal();
    assert_eq!(open(&disk).1.pending, vec![plan(1)]);
}

#[test]
fn another_programs_file_is_refused() {
    let disk = FaultDisk::new();
    disk.create_dir_all(Path::new("/j")).unwrap();
    let file = disk.create(Path::new("/j/journal.0000000001")).unwrap();
    file.write_at(b"something else", 0).unwrap();
    let opened = Journal::open("/j".into(), &identity(), world(&disk));
    assert!(matches!(opened, Err(JournalError::Foreign { .. })));
}
