//! Keys on disk, in the order of tokens and clustering.
//!
//! # Shape
//! ```text
//! token u64 (i64 with the sign bit turned) | length u16 | partition key | kind u8 | clustering
//! ```
//! Each clustering value is a marker byte and bytes that sort as Cassandra sorts the type; a
//! descending column has all its bytes inverted. Every form ends itself, so that no encoded value is
//! the beginning of another one, and FF after a prefix is past all keys with this prefix.
//!
//! Limits: fjall takes keys up to 65,535 bytes, so partition and clustering key together must fit.

use super::schema::{Column, Table};
use super::sort;
use bytes::Bytes;

/// The record of a deletion of the whole partition.
pub(crate) const PARTITION_DELETION: u8 = 0;
/// The record of deleted clustering ranges.
pub(crate) const RANGE_DELETIONS: u8 = 1;
/// The static columns.
pub(crate) const STATIC: u8 = 2;
/// A row.
pub(crate) const ROW: u8 = 3;

/// The longest key, bytes.
pub(crate) const KEY_BYTES_MAX: usize = 65_535;

/// The prefix of all keys with this token or a greater one.
pub(crate) fn token_prefix(token: i64) -> [u8; 8] {
    (token.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// The prefix of all keys of a partition; nothing if the partition key is too long.
pub(crate) fn partition_prefix(partition_key: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(partition_key.len()).ok()?;
    let mut prefix = Vec::with_capacity(10 + partition_key.len() + 32);
    prefix.extend_from_slice(&token_prefix(cql::murmur3::token(partition_key)));
    prefix.extend_from_slice(&length.to_be_bytes());
    prefix.extend_from_slice(partition_key);
    Some(prefix)
}

/// The partition key inside a partition's prefix.
pub(crate) fn partition_key(prefix: &[u8]) -> &[u8] {
    prefix.get(10..).unwrap_or_default()
}

/// The token inside a key.
pub(crate) fn token_of(key: &[u8]) -> i64 {
    key.first_chunk::<8>().map_or(0, |b| (u64::from_be_bytes(*b) ^ (1 << 63)).cast_signed())
}

/// The key of a record of the partition.
pub(crate) fn record(prefix: &[u8], kind: u8) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + 1);
    key.extend_from_slice(prefix);
    key.push(kind);
    key
}

/// The key of a row.
pub(crate) fn row(prefix: &[u8], clustering: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + 1 + clustering.len());
    key.extend_from_slice(prefix);
    key.push(ROW);
    key.extend_from_slice(clustering);
    key
}

/// A key's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Split<'a> {
    /// Token, length and partition key.
    pub(crate) partition: &'a [u8],
    /// What the record is.
    pub(crate) kind: u8,
    /// The encoded clustering.
    pub(crate) clustering: &'a [u8],
}

/// Takes a key apart; nothing if it is not one of ours.
pub(crate) fn split(key: &[u8]) -> Option<Split<'_>> {
    let length = usize::from(u16::from_be_bytes(*key.get(8..)?.first_chunk::<2>()?));
    let (partition, rest) = key.split_at_checked(10 + length)?;
    let (kind, clustering) = rest.split_first()?;
    Some(Split { partition, kind: *kind, clustering })
}

/// Appends one clustering value.
pub(crate) fn put_clustering(out: &mut Vec<u8>, column: &Column, value: &[u8]) {
    let start = out.len();
    sort::put(out, &column.ty, value);
    if column.descending {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// Reads the clustering values of a key, as the protocol's bytes; nothing if the bytes are damaged or
/// a type does not keep its form (see [`needs_raw`]).
pub(crate) fn clustering_values(table: &Table, mut encoded: &[u8]) -> Option<Vec<Bytes>> {
    let mut values = Vec::with_capacity(table.clustering_count);
    for column in table.clustering_columns() {
        let mut copy;
        let mut rest = encoded;
        let before = rest.len();
        let value = if column.descending {
            copy = encoded.to_vec();
            copy.iter_mut().for_each(|byte| *byte = !*byte);
            rest = &copy;
            sort::take(&mut rest, &column.ty)?
        } else {
            sort::take(&mut rest, &column.ty)?
        };
        let used = before - rest.len();
        encoded = &encoded[used..];
        values.push(value);
    }
    Some(values)
}

/// Whether the clustering values must be kept beside the row because their order bytes lose the form.
pub(crate) fn needs_raw(table: &Table) -> bool {
    table.clustering_columns().iter().any(|column| !sort::keeps_form(&column.ty))
}
