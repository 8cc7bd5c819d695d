//! Rules of rows: merges, deletions, expiry and the form on disk.

use super::*;

fn live(timestamp: i64, value: &'static str) -> Column {
    Column::Simple(Cell { timestamp, content: Content::Live(Bytes::from_static(value.as_bytes())) })
}

fn full() -> Row {
    let mut row = Row {
        marker: Some(Marker { timestamp: 10, expiry: Some((5, 105)) }),
        deletion: Some(Deletion { timestamp: 3, made_at: 99 }),
        clustering: vec![Bytes::from_static(b"1.00"), Bytes::new()],
        ..Row::default()
    };
    row.set(7, live(10, "a"));
    row.set(2, live(11, ""));
    let dead = Cell { timestamp: 12, content: Content::Tombstone { made_at: 4 } };
    row.set(3, Column::Simple(dead.clone()));
    let ending = Content::Expiring { value: Bytes::from_static(b"v"), ttl: 9, expires_at: 200 };
    row.set(
        9,
        Column::Complex {
            deletion: Some(Deletion { timestamp: 9, made_at: 1 }),
            cells: vec![
                (Bytes::from_static(b"k"), dead),
                (Bytes::from_static(b"l"), Cell { timestamp: -4, content: ending }),
            ],
        },
    );
    row
}

#[test]
fn a_row_is_read_back_as_written() {
    let row = full();
    assert_eq!(Row::decode(Bytes::from(row.encode())), Some(row));
    assert_eq!(Row::decode(Bytes::from(Row::default().encode())), Some(Row::default()));
}

#[test]
fn damaged_bytes_are_refused_and_never_panic() {
    let bytes = full().encode();
    for length in 0..bytes.len() {
        assert_eq!(Row::decode(Bytes::copy_from_slice(&bytes[..length])), None);
    }
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 0xFF;
        let _row = Row::decode(Bytes::from(broken));
    }
}

#[test]
fn a_deletion_covers_also_an_older_write_that_arrives_later() {
    let deleted = Row { deletion: Some(Deletion { timestamp: 5, made_at: 0 }), ..Row::default() };
    let mut late = Row { marker: Some(Marker { timestamp: 4, expiry: None }), ..Row::default() };
    late.set(1, live(4, "late"));
    late.set(2, live(6, "newer"));
    let merged = deleted.merge(late);
    assert_eq!(merged.marker, None);
    assert_eq!(merged.column(1), None);
    assert_eq!(merged.column(2), Some(&live(6, "newer")));
    assert!(merged.lives_at(0));
}

#[test]
fn merges_do_not_depend_on_order_or_repetition() {
    let mut other = Row { marker: Some(Marker { timestamp: 11, expiry: None }), ..Row::default() };
    other.set(7, live(9, "z"));
    other.set(1, live(9, "z"));
    let forwards = full().merge(other.clone());
    assert_eq!(forwards, other.clone().merge(full()));
    assert_eq!(forwards, forwards.clone().merge(other));
}

#[test]
fn a_row_without_marker_vanishes_with_its_last_cell() {
    let mut row = Row::default();
    row.set(1, live(1, "a"));
    assert!(row.lives_at(0));
    let mut delete = Row::default();
    let dead = Cell { timestamp: 2, content: Content::Tombstone { made_at: 0 } };
    delete.set(1, Column::Simple(dead));
    assert!(!row.merge(delete).lives_at(0));
}
