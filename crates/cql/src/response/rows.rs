//! RESULT Rows and its metadata.
//!
//! Owns both directions. Cells are appended once, ready encoded, and copied once into the output.
//! Never does: encode values. Source: native_protocol_v5.spec section 4.2.5.2.

use std::sync::Arc;

use bytes::BytesMut;

use super::{ColumnSpec, Rows, RowsMetadata};
use crate::request::BodyReader;
use crate::types::{decode_option, encode_option};
use crate::wire::{Version, WireError, Writer};

const GLOBAL_TABLE: i32 = 0x01;
const HAS_MORE_PAGES: i32 = 0x02;
const NO_METADATA: i32 = 0x04;
const METADATA_CHANGED: i32 = 0x08;

impl Rows {
    /// No rows yet.
    pub fn new(metadata: RowsMetadata) -> Rows {
        Rows { metadata, count: 0, cells: BytesMut::new() }
    }

    /// Appends the next cell of the row; `None` is null.
    pub fn cell(&mut self, cell: Option<&[u8]>) {
        self.cells.bytes(cell);
    }

    /// Ends the row: the caller has appended one cell per column.
    pub fn end_row(&mut self) {
        self.count += 1;
    }

    /// Reads the cells back, row after row.
    ///
    /// # Errors
    /// [`WireError`] when they end early.
    pub fn read(&self) -> Result<Vec<Vec<Option<Vec<u8>>>>, WireError> {
        let mut reader = crate::wire::Reader::new(&self.cells);
        let mut rows = Vec::new();
        for _ in 0..self.count {
            let mut row = Vec::new();
            for _ in self.metadata.columns.iter() {
                row.push(reader.bytes("cell")?.map(<[u8]>::to_vec));
            }
            // Rows without columns hold no bytes, so their announced count proves nothing.
            if row.is_empty() {
                break;
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

pub(super) fn encode(rows: &Rows, version: Version, out: &mut BytesMut) {
    encode_metadata(&rows.metadata, version, out);
    out.int(i32::try_from(rows.count).unwrap_or(i32::MAX));
    out.raw(&rows.cells);
}

/// Whether all columns are of one table, which then is written once.
fn global_table(columns: &[ColumnSpec]) -> Option<(&str, &str)> {
    let first = columns.first()?;
    columns
        .iter()
        .all(|c| c.keyspace == first.keyspace && c.table == first.table)
        .then_some((&first.keyspace, &first.table))
}

pub(super) fn encode_metadata(metadata: &RowsMetadata, version: Version, out: &mut BytesMut) {
    let v5 = version >= Version::V5;
    let changed = metadata.new_metadata_id.as_deref().filter(|_| v5);
    let global = if metadata.no_metadata { None } else { global_table(&metadata.columns) };
    let set = |on: bool, flag: i32| if on { flag } else { 0 };
    out.int(
        set(global.is_some(), GLOBAL_TABLE)
            | set(metadata.paging_state.is_some(), HAS_MORE_PAGES)
            | set(metadata.no_metadata, NO_METADATA)
            | set(changed.is_some(), METADATA_CHANGED),
    );
    out.int(i32::try_from(metadata.columns.len()).unwrap_or(i32::MAX));
    if let Some(state) = &metadata.paging_state {
        out.bytes(Some(state));
    }
    if let Some(id) = changed {
        out.short_bytes(id);
    }
    if !metadata.no_metadata {
        encode_columns(&metadata.columns, global, version, out);
    }
}

pub(super) fn encode_specs(columns: &[ColumnSpec], version: Version, out: &mut BytesMut) {
    encode_columns(columns, global_table(columns), version, out);
}

/// The flag that [`encode_specs`] relies on.
pub(super) fn specs_flag(columns: &[ColumnSpec]) -> i32 {
    if global_table(columns).is_some() { GLOBAL_TABLE } else { 0 }
}

fn encode_columns(
    columns: &[ColumnSpec],
    global: Option<(&str, &str)>,
    version: Version,
    out: &mut BytesMut,
) {
    if let Some((keyspace, table)) = global {
        out.string(keyspace);
        out.string(table);
    }
    for column in columns {
        if global.is_none() {
            out.string(&column.keyspace);
            out.string(&column.table);
        }
        out.string(&column.name);
        encode_option(&column.ty, version, out);
    }
}

pub(super) fn decode_specs(
    count: i32,
    flags: i32,
    body: &mut BodyReader<'_>,
) -> Result<Arc<[ColumnSpec]>, WireError> {
    let reader = &mut body.reader;
    let mut global = None;
    if flags & GLOBAL_TABLE != 0 {
        let keyspace = reader.string("keyspace")?.to_owned();
        global = Some((keyspace, reader.string("table")?.to_owned()));
    }
    let mut columns = Vec::new();
    for _ in 0..count {
        let (keyspace, table) = match &global {
            Some(global) => global.clone(),
            None => {
                let keyspace = reader.string("keyspace")?.to_owned();
                (keyspace, reader.string("table")?.to_owned())
            }
        };
        let name = reader.string("column name")?.to_owned();
        columns.push(ColumnSpec { keyspace, table, name, ty: decode_option(reader)? });
    }
    Ok(columns.into())
}

/// Metadata without columns keeps the announced count only as the number of cells per row, which
/// the caller knows from elsewhere.
pub(super) fn decode_metadata(body: &mut BodyReader<'_>) -> Result<RowsMetadata, WireError> {
    let flags = body.reader.int("metadata flags")?;
    let count = body.reader.int("column count")?;
    let paging_state = if flags & HAS_MORE_PAGES != 0 { body.bytes("paging state")? } else { None };
    let changed = flags & METADATA_CHANGED != 0;
    let new_metadata_id =
        if changed { Some(body.short_bytes("result metadata id")?) } else { None };
    let no_metadata = flags & NO_METADATA != 0;
    let columns = if no_metadata { Arc::from([]) } else { decode_specs(count, flags, body)? };
    Ok(RowsMetadata { columns, paging_state, no_metadata, new_metadata_id })
}

pub(super) fn decode(body: &mut BodyReader<'_>) -> Result<Rows, WireError> {
    let metadata = decode_metadata(body)?;
    let count = body.reader.int("row count")?;
    let count = u32::try_from(count)
        .map_err(|_| WireError::invalid("row count", format!("{count} is negative")))?;
    Ok(Rows { metadata, count, cells: BytesMut::from(body.reader.remaining()) })
}
