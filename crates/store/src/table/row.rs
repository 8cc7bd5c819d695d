//! One CQL row: its marker, its deletion and its cells; and its bytes on disk.
//!
//! Owns the merge of two versions of a row and the value format (drawn in [`Row::encode`]).
//! Never does: know column names or types. Columns are ids, so ALTER never rewrites rows.

use super::cell::{Cell, Content, Deletion, Seconds, WriteTime};
use super::wire::{Reader, put_bytes, put_signed, put_unsigned};
use bytes::Bytes;

/// The mark an INSERT leaves: a row that exists although every column is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    /// Who wins.
    pub(crate) timestamp: WriteTime,
    /// The time to live in seconds and when it ends; none for a marker that stays.
    pub(crate) expiry: Option<(i32, Seconds)>,
}

impl Marker {
    /// Whether the row is marked at `now`.
    pub(crate) fn lives_at(self, now: Seconds) -> bool {
        self.expiry.is_none_or(|(_, expires_at)| now < expires_at)
    }

    /// Source: Cassandra's `LivenessInfo.supersedes`.
    fn later(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        let (Some(x), Some(y)) = (a, b) else { return a.or(b) };
        if x.timestamp != y.timestamp {
            return if x.timestamp > y.timestamp { a } else { b };
        }
        match (x.expiry, y.expiry) {
            (Some(_), None) => a,
            (None, Some(_)) => b,
            (Some((_, ends_x)), Some((_, ends_y))) if ends_x < ends_y => b,
            _ => a,
        }
    }
}

/// What a row holds for one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Column {
    /// A single value: every type but a non-frozen collection or user type.
    Simple(Cell),
    /// A non-frozen collection or user type: one cell per element, sorted by path.
    Complex {
        /// Covers the elements up to its timestamp, as an overwrite of the whole does.
        deletion: Option<Deletion>,
        /// Element key (set value, map key, list position, field index) and its cell.
        cells: Vec<(Bytes, Cell)>,
    },
}

impl Column {
    fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Simple(a), Self::Simple(b)) => Self::Simple(if a.wins_over(&b) { a } else { b }),
            (
                Self::Complex { deletion: deletion_a, cells: a },
                Self::Complex { deletion: deletion_b, cells: b },
            ) => {
                let deletion = Deletion::later(deletion_a, deletion_b);
                let mut cells = merge_sorted(a, b, |a, b| if a.wins_over(&b) { a } else { b });
                cells.retain(|(_, cell)| !deletion.is_some_and(|d| d.covers(cell.timestamp)));
                Self::Complex { deletion, cells }
            }
            // A column whose kind changed was dropped and added again under another id; keep the new.
            (_, other) => other,
        }
    }

    /// Drops what `deletion` covers; nothing is left when all is covered.
    fn without(self, deletion: Deletion) -> Option<Self> {
        match self {
            Self::Simple(cell) => (!deletion.covers(cell.timestamp)).then_some(Self::Simple(cell)),
            Self::Complex { deletion: own, mut cells } => {
                cells.retain(|(_, cell)| !deletion.covers(cell.timestamp));
                let own = own.filter(|own| !deletion.covers(own.timestamp));
                (own.is_some() || !cells.is_empty())
                    .then_some(Self::Complex { deletion: own, cells })
            }
        }
    }

    /// Whether any value of it is visible at `now`.
    pub(crate) fn lives_at(&self, now: Seconds) -> bool {
        match self {
            Self::Simple(cell) => cell.value_at(now).is_some(),
            Self::Complex { cells, .. } => cells.iter().any(|(_, c)| c.value_at(now).is_some()),
        }
    }
}

/// Merges two lists sorted by key; `both` chooses where a key is in both.
fn merge_sorted<K: Ord, V>(
    a: Vec<(K, V)>,
    b: Vec<(K, V)>,
    mut both: impl FnMut(V, V) -> V,
) -> Vec<(K, V)> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some((x, _)), Some((y, _))) => x.cmp(y),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return merged,
        };
        match order {
            std::cmp::Ordering::Less => merged.extend(a.next()),
            std::cmp::Ordering::Greater => merged.extend(b.next()),
            std::cmp::Ordering::Equal => {
                if let (Some((key, x)), Some((_, y))) = (a.next(), b.next()) {
                    merged.push((key, both(x, y)));
                }
            }
        }
    }
}

/// One row, or one change to a row: the two have the same shape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Row {
    /// What INSERT leaves.
    pub(crate) marker: Option<Marker>,
    /// A deletion of the whole row.
    pub(crate) deletion: Option<Deletion>,
    /// Column id and what it holds, sorted by id.
    pub(crate) columns: Vec<(u32, Column)>,
    /// The clustering values as the client wrote them, for types whose order bytes lose the form
    /// (decimal, frozen collections). Empty for all others.
    pub(crate) clustering: Vec<Bytes>,
}

const VERSION: u8 = 1;
const HAS_MARKER: u8 = 1;
const HAS_DELETION: u8 = 2;
const HAS_CLUSTERING: u8 = 4;

const CELL_COMPLEX: u8 = 1;
const CELL_OWN_TIME: u8 = 2;
const CELL_TOMBSTONE: u8 = 4;
const CELL_EXPIRING: u8 = 8;
const CELL_DELETION: u8 = 16;

impl Row {
    /// Sets a column of a change under construction.
    pub(crate) fn set(&mut self, id: u32, column: Column) {
        match self.columns.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => {
                let old = std::mem::replace(&mut self.columns[at].1, column.clone());
                self.columns[at].1 = old.merge(column);
            }
            Err(at) => self.columns.insert(at, (id, column)),
        }
    }

    /// What it holds for a column.
    pub(crate) fn column(&self, id: u32) -> Option<&Column> {
        let at = self.columns.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.columns[at].1)
    }

    /// The two versions reconciled. Neither order nor repetition of merges matters.
    #[must_use]
    pub(crate) fn merge(self, other: Self) -> Self {
        let deletion = Deletion::later(self.deletion, other.deletion);
        let merged = Self {
            marker: Marker::later(self.marker, other.marker),
            deletion: None,
            columns: merge_sorted(self.columns, other.columns, Column::merge),
            clustering: if self.clustering.is_empty() { other.clustering } else { self.clustering },
        };
        match deletion {
            Some(deletion) => Self { deletion: Some(deletion), ..merged.without(deletion) },
            None => merged,
        }
    }

    /// The row as a deletion of its partition or range leaves it.
    #[must_use]
    pub(crate) fn without(self, deletion: Deletion) -> Self {
        Self {
            marker: self.marker.filter(|marker| !deletion.covers(marker.timestamp)),
            deletion: self.deletion.filter(|own| own.timestamp > deletion.timestamp),
            columns: self
                .columns
                .into_iter()
                .filter_map(|(id, column)| Some((id, column.without(deletion)?)))
                .collect(),
            clustering: self.clustering,
        }
    }

    /// Whether a SELECT shows it at `now`.
    pub(crate) fn lives_at(&self, now: Seconds) -> bool {
        self.marker.is_some_and(|marker| marker.lives_at(now))
            || self.columns.iter().any(|(_, column)| column.lives_at(now))
    }

    /// The greatest timestamp in it.
    pub(crate) fn newest(&self) -> WriteTime {
        let mut newest = self.marker.map_or(WriteTime::MIN, |m| m.timestamp);
        newest = newest.max(self.deletion.map_or(WriteTime::MIN, |d| d.timestamp));
        for (_, column) in &self.columns {
            match column {
                Column::Simple(cell) => newest = newest.max(cell.timestamp),
                Column::Complex { deletion, cells } => {
                    newest = newest.max(deletion.map_or(WriteTime::MIN, |d| d.timestamp));
                    newest = cells.iter().fold(newest, |n, (_, c)| n.max(c.timestamp));
                }
            }
        }
        newest
    }

    /// Roughly its bytes on disk.
    pub(crate) fn bytes(&self) -> usize {
        let cell = |cell: &Cell| 16 + cell.content.value().map_or(0, Bytes::len);
        let column = |column: &Column| match column {
            Column::Simple(simple) => cell(simple),
            Column::Complex { cells, .. } => {
                cells.iter().map(|(path, one)| path.len() + cell(one)).sum()
            }
        };
        let clustering: usize = self.clustering.iter().map(Bytes::len).sum();
        64 + clustering + self.columns.iter().map(|(_, c)| column(c)).sum::<usize>()
    }

    /// Moves every timestamp of a change by `by`: a conditional change gets its timestamp when its
    /// conditions are held, not when it was asked for.
    pub(crate) fn shift(&mut self, by: i64) {
        let shift = |timestamp: &mut WriteTime| *timestamp = timestamp.saturating_add(by);
        if let Some(marker) = &mut self.marker {
            shift(&mut marker.timestamp);
        }
        if let Some(deletion) = &mut self.deletion {
            shift(&mut deletion.timestamp);
        }
        for (_, column) in &mut self.columns {
            match column {
                Column::Simple(cell) => shift(&mut cell.timestamp),
                Column::Complex { deletion, cells } => {
                    if let Some(deletion) = deletion {
                        shift(&mut deletion.timestamp);
                    }
                    cells.iter_mut().for_each(|(_, cell)| shift(&mut cell.timestamp));
                }
            }
        }
    }

    /// Drops deletions and expired cells older than the grace period: nothing can be older than what
    /// they cover any more. Returns whether anything is left.
    pub(crate) fn purge(&mut self, dead_before: Seconds) -> bool {
        let gone = |cell: &Cell| match &cell.content {
            Content::Live(_) => false,
            Content::Expiring { expires_at, .. } => *expires_at < dead_before,
            Content::Tombstone { made_at } => *made_at < dead_before,
        };
        self.deletion = self.deletion.filter(|deletion| deletion.made_at >= dead_before);
        self.marker =
            self.marker.filter(|marker| marker.expiry.is_none_or(|(_, end)| end >= dead_before));
        self.columns.retain_mut(|(_, column)| match column {
            Column::Simple(cell) => !gone(cell),
            Column::Complex { deletion, cells } => {
                cells.retain(|(_, cell)| !gone(cell));
                *deletion = deletion.filter(|deletion| deletion.made_at >= dead_before);
                deletion.is_some() || !cells.is_empty()
            }
        });
        self.marker.is_some() || self.deletion.is_some() || !self.columns.is_empty()
    }

    /// The row's bytes on disk.
    ///
    /// # Shape
    /// ```text
    /// version u8 | flags u8 | base time i64 | clustering? | marker? | deletion? | count | columns
    /// marker:   ttl varint, expiry varint when ttl > 0 (its time is the base time)
    /// deletion: time i64, made at varint
    /// column:   id varint, flags u8, then a cell, or deletion? + count + (path, flags u8, cell)*
    /// cell:     time i64 unless it is the base time, ttl?, end or made at?, value (length, bytes)?
    /// ```
    pub(crate) fn encode(&self) -> Vec<u8> {
        let base = self.base_time();
        let mut out = Vec::with_capacity(64);
        let mut flags = 0;
        flags |= if self.marker.is_some() { HAS_MARKER } else { 0 };
        flags |= if self.deletion.is_some() { HAS_DELETION } else { 0 };
        flags |= if self.clustering.is_empty() { 0 } else { HAS_CLUSTERING };
        out.extend_from_slice(&[VERSION, flags]);
        out.extend_from_slice(&base.to_be_bytes());
        if !self.clustering.is_empty() {
            put_unsigned(&mut out, self.clustering.len() as u64);
            self.clustering.iter().for_each(|value| put_bytes(&mut out, value));
        }
        if let Some(marker) = self.marker {
            let (ttl, end) = marker.expiry.unwrap_or_default();
            put_signed(&mut out, i64::from(ttl));
            if marker.expiry.is_some() {
                put_signed(&mut out, end);
            }
        }
        put_deletion(&mut out, self.deletion);
        put_unsigned(&mut out, self.columns.len() as u64);
        for (id, column) in &self.columns {
            put_unsigned(&mut out, u64::from(*id));
            match column {
                Column::Simple(cell) => put_cell(&mut out, cell, base),
                Column::Complex { deletion, cells } => {
                    out.push(CELL_COMPLEX | if deletion.is_some() { CELL_DELETION } else { 0 });
                    put_deletion(&mut out, *deletion);
                    put_unsigned(&mut out, cells.len() as u64);
                    for (path, cell) in cells {
                        put_bytes(&mut out, path);
                        put_cell(&mut out, cell, base);
                    }
                }
            }
        }
        out
    }

    fn base_time(&self) -> WriteTime {
        let first = |column: &Column| match column {
            Column::Simple(cell) => Some(cell.timestamp),
            Column::Complex { cells, .. } => cells.first().map(|(_, cell)| cell.timestamp),
        };
        self.marker
            .map(|marker| marker.timestamp)
            .or_else(|| self.columns.iter().find_map(|(_, column)| first(column)))
            .unwrap_or(0)
    }

    /// Reads what [`Row::encode`] wrote; nothing if the bytes are damaged.
    pub(crate) fn decode(bytes: Bytes) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return None;
        }
        let flags = reader.byte()?;
        let base = reader.long()?;
        let mut row = Self::default();
        if flags & HAS_CLUSTERING != 0 {
            for _ in 0..reader.unsigned()? {
                row.clustering.push(reader.bytes()?);
            }
        }
        if flags & HAS_MARKER != 0 {
            let ttl = i32::try_from(reader.signed()?).ok()?;
            let expiry = if ttl > 0 { Some((ttl, reader.signed()?)) } else { None };
            row.marker = Some(Marker { timestamp: base, expiry });
        }
        if flags & HAS_DELETION != 0 {
            row.deletion = Some(take_deletion(&mut reader)?);
        }
        for _ in 0..reader.unsigned()? {
            let id = u32::try_from(reader.unsigned()?).ok()?;
            let flags = reader.byte()?;
            if flags & CELL_COMPLEX == 0 {
                row.columns.push((id, Column::Simple(take_cell(&mut reader, flags, base)?)));
                continue;
            }
            let deletion =
                if flags & CELL_DELETION != 0 { Some(take_deletion(&mut reader)?) } else { None };
            let mut cells = Vec::new();
            for _ in 0..reader.unsigned()? {
                let path = reader.bytes()?;
                let flags = reader.byte()?;
                cells.push((path, take_cell(&mut reader, flags, base)?));
            }
            row.columns.push((id, Column::Complex { deletion, cells }));
        }
        Some(row)
    }
}

fn put_deletion(out: &mut Vec<u8>, deletion: Option<Deletion>) {
    if let Some(deletion) = deletion {
        out.extend_from_slice(&deletion.timestamp.to_be_bytes());
        put_signed(out, deletion.made_at);
    }
}

fn take_deletion(reader: &mut Reader) -> Option<Deletion> {
    Some(Deletion { timestamp: reader.long()?, made_at: reader.signed()? })
}

fn put_cell(out: &mut Vec<u8>, cell: &Cell, base: WriteTime) {
    let mut flags = if cell.timestamp == base { 0 } else { CELL_OWN_TIME };
    flags |= match cell.content {
        Content::Live(_) => 0,
        Content::Expiring { .. } => CELL_EXPIRING,
        Content::Tombstone { .. } => CELL_TOMBSTONE,
    };
    out.push(flags);
    if flags & CELL_OWN_TIME != 0 {
        out.extend_from_slice(&cell.timestamp.to_be_bytes());
    }
    match &cell.content {
        Content::Live(value) => put_bytes(out, value),
        Content::Expiring { value, ttl, expires_at } => {
            put_signed(out, i64::from(*ttl));
            put_signed(out, *expires_at);
            put_bytes(out, value);
        }
        Content::Tombstone { made_at } => put_signed(out, *made_at),
    }
}

fn take_cell(reader: &mut Reader, flags: u8, base: WriteTime) -> Option<Cell> {
    let timestamp = if flags & CELL_OWN_TIME != 0 { reader.long()? } else { base };
    let content = if flags & CELL_TOMBSTONE != 0 {
        Content::Tombstone { made_at: reader.signed()? }
    } else if flags & CELL_EXPIRING != 0 {
        let ttl = i32::try_from(reader.signed()?).ok()?;
        let expires_at = reader.signed()?;
        Content::Expiring { value: reader.bytes()?, ttl, expires_at }
    } else {
        Content::Live(reader.bytes()?)
    };
    Some(Cell { timestamp, content })
}

#[cfg(test)]
mod tests;
