//! Rows over memtables, table files and starts.

use super::*;
use std::path::Path;

/// An engine with memtables of 1 MiB, so that they are full soon.
fn open(directory: &Path) -> Engine {
    let mut settings = Settings::new(directory.to_owned(), ([127, 0, 0, 1], 0).into());
    settings.memtable_bytes = 1 << 20;
    Engine::open(&settings, &World::real(Durability::Os)).unwrap()
}

fn put(engine: &Engine, table: &TableStorage, pairs: &[(&str, Option<&str>)]) {
    let mut batch = engine.batch();
    for (key, value) in pairs {
        match value {
            Some(value) => batch.put(table, key.as_bytes().to_vec(), value.as_bytes().to_vec()),
            None => batch.remove(table, key.as_bytes().to_vec()),
        }
    }
    batch.put_state(table);
    batch.commit().unwrap();
}

fn text(bytes: Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn show(entries: impl Iterator<Item = Result<(Bytes, Bytes), DiskError>>) -> Vec<String> {
    let entry = |entry: Result<(Bytes, Bytes), DiskError>| {
        let (key, value) = entry.unwrap();
        format!("{}={}", text(key), text(value))
    };
    entries.map(entry).collect()
}

#[test]
fn a_walk_joins_memtables_and_files_in_both_directions() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    let table = engine.table(Uuid::from_u128(1), 0).unwrap();
    put(&engine, &table, &[("a", Some("1")), ("b", Some("1")), ("d", Some("1")), ("e", Some("1"))]);
    engine.flush().unwrap();
    put(&engine, &table, &[("b", Some("2")), ("c", Some("2")), ("d", None)]);
    let expected = ["a=1", "b=2", "c=2", "e=1"];
    assert_eq!(show(table.range(b"", b"z")), expected);
    assert_eq!(show(table.range(b"b", b"e")), expected[1..3]);
    let mut back = show(engine.snapshot().range(&table, b"", b"z").rev());
    back.reverse();
    assert_eq!(back, expected);
    engine.flush().unwrap();
    assert_eq!(show(table.range(b"", b"z")), expected);
    assert_eq!(table.get(b"d").unwrap(), None);
    assert_eq!(show(table.range(b"z", b"a")), Vec::<String>::new());
}

#[test]
fn a_snapshot_stays_as_it_was_while_memtables_become_files() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    let table = engine.table(Uuid::from_u128(1), 0).unwrap();
    put(&engine, &table, &[("a", Some("1")), ("b", Some("1"))]);
    let before = engine.snapshot();
    put(&engine, &table, &[("a", Some("2")), ("b", None), ("c", Some("2"))]);
    engine.flush().unwrap();
    put(&engine, &table, &[("a", Some("3"))]);
    assert_eq!(show(before.range(&table, b"", b"z")), ["a=1", "b=1"]);
    assert_eq!(before.get(&table, b"c").unwrap(), None);
    assert_eq!(show(engine.snapshot().range(&table, b"", b"z")), ["a=3", "c=2"]);
}

#[test]
fn a_start_finds_what_was_flushed_and_what_was_not() {
    let directory = tempfile::tempdir().unwrap();
    {
        let engine = open(directory.path());
        let table = engine.table(Uuid::from_u128(1), 0).unwrap();
        put(&engine, &table, &[("a", Some("1")), ("b", Some("1"))]);
        engine.flush().unwrap();
        table.newest.store(42, Ordering::SeqCst);
        put(&engine, &table, &[("b", None), ("c", Some("2"))]);
    }
    for _ in 0..2 {
        let engine = open(directory.path());
        let table = engine.table(Uuid::from_u128(1), 0).unwrap();
        assert_eq!(show(table.range(b"", b"z")), ["a=1", "c=2"]);
        assert_eq!(table.newest.load(Ordering::SeqCst), 42);
        engine.flush().unwrap();
    }
}

#[test]
fn a_truncated_table_stays_empty_after_a_start() {
    let directory = tempfile::tempdir().unwrap();
    {
        let engine = open(directory.path());
        let table = engine.table(Uuid::from_u128(1), 0).unwrap();
        put(&engine, &table, &[("a", Some("1"))]);
        engine.truncate(&table).unwrap();
        let segments = engine.disk.list(&engine.log_directory).unwrap().len();
        assert_eq!(segments, 1, "a start would replay what was truncated");
        assert_eq!(show(table.range(b"", b"z")), Vec::<String>::new());
        put(&engine, &table, &[("b", Some("1"))]);
    }
    let engine = open(directory.path());
    let table = engine.table(Uuid::from_u128(1), 0).unwrap();
    assert_eq!(show(table.range(b"", b"z")), ["b=1"]);
}

#[test]
fn rows_of_a_dropped_table_are_left_out_of_a_flush() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    let (gone, kept) = (
        engine.table(Uuid::from_u128(1), 0).unwrap(),
        engine.table(Uuid::from_u128(2), 0).unwrap(),
    );
    put(&engine, &gone, &[("a", Some("1"))]);
    put(&engine, &kept, &[("a", Some("1"))]);
    engine.drop_table(&gone).unwrap();
    engine.flush().unwrap();
    assert_eq!(show(kept.range(b"", b"z")), ["a=1"]);
    assert_eq!(engine.table_ids(), [Uuid::from_u128(2)]);
}

#[test]
fn many_memtables_are_flushed_behind_the_writer_and_leave_the_commit_log() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    let table = engine.table(Uuid::from_u128(1), 0).unwrap();
    let value = "x".repeat(10_000);
    for at in 0..1_000 {
        put(&engine, &table, &[(&format!("{at:05}"), Some(value.as_str()))]);
    }
    engine.flush().unwrap();
    assert_eq!(table.range(b"", b"z").count(), 1_000);
    let log = commit_log::bytes_of(&*engine.disk, &engine.log_directory);
    assert!(log < 200_000, "{log} bytes are left");
}
