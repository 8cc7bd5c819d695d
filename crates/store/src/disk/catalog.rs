//! The schema on disk and in memory.
//!
//! Owns the current [`Schema`]: readers take it whole, one writer at a time replaces it. A change is on
//! disk before anybody sees it.
//!
//! Never does: check that a change makes sense (see `execute`).

use super::engine::Engine;
use crate::error::DiskError;
use crate::table::options::TableOptions;
use crate::table::schema::{Column, ColumnKind, DroppedColumn, Keyspace, Schema, Table};
use crate::table::wire::{Reader, put_bytes, put_signed, put_unsigned};
use bytes::Bytes;
use cql::CqlType;
use cql::types::UserType;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use uuid::Uuid;

const RECORD: &str = "schema";
const FORMAT: u8 = 1;

/// The current schema.
#[derive(Debug)]
pub(crate) struct Catalog {
    schema: RwLock<Arc<Schema>>,
    engine: Arc<Engine>,
    /// One change at a time: held from the check of a change until its event is out.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

impl Catalog {
    /// Reads the schema and opens the tables' files. `computed` keyspaces are added and never stored.
    ///
    /// Files of tables that no schema names are what a crash left of a DROP or CREATE: they go.
    pub(crate) fn open(engine: Arc<Engine>, computed: Vec<Keyspace>) -> Result<Self, DiskError> {
        let mut schema = match engine.read_catalog(RECORD)? {
            Some(bytes) => decode(bytes).ok_or_else(|| DiskError::damaged(RECORD.as_bytes()))?,
            None => Schema { version: Uuid::new_v4(), ..Schema::default() },
        };
        let mut known = Vec::new();
        for keyspace in schema.keyspaces.values_mut() {
            for table in Arc::make_mut(keyspace).tables.values_mut() {
                let table = Arc::make_mut(table);
                known.push(table.id);
                table.storage = Some(Arc::new(engine.table(table.id, table.options.gc_grace())?));
            }
        }
        for id in engine.table_ids().into_iter().filter(|id| !known.contains(id)) {
            engine.drop_table(&engine.table(id, 0)?)?;
        }
        for keyspace in computed {
            schema.keyspaces.insert(keyspace.name.clone(), Arc::new(keyspace));
        }
        let changing = tokio::sync::Mutex::new(());
        Ok(Self { schema: RwLock::new(Arc::new(schema)), engine, changing })
    }

    /// The schema as of now.
    pub(crate) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the schema under a new version. New tables get files, dropped tables lose them.
    pub(crate) fn replace(&self, mut schema: Schema) -> Result<Arc<Schema>, DiskError> {
        schema.version = Uuid::new_v4();
        for keyspace in schema.keyspaces.values_mut().filter(|keyspace| !keyspace.computed) {
            for table in Arc::make_mut(keyspace).tables.values_mut() {
                let gc_grace = table.options.gc_grace();
                match &table.storage {
                    Some(storage) => storage.set_gc_grace(gc_grace),
                    None => {
                        let storage = self.engine.table(table.id, gc_grace)?;
                        Arc::make_mut(table).storage = Some(Arc::new(storage));
                    }
                }
            }
        }
        self.engine.write_catalog(RECORD, &encode(&schema))?;
        let schema = Arc::new(schema);
        let old = {
            let mut current = self.schema.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, Arc::clone(&schema))
        };
        for table in old.user_keyspaces().flat_map(|keyspace| keyspace.tables.values()) {
            let kept = schema.table(&table.keyspace, &table.name).is_some_and(|t| t.id == table.id);
            if let (false, Some(storage)) = (kept, &table.storage) {
                self.engine.drop_table(storage)?;
            }
        }
        Ok(schema)
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

fn put_map(out: &mut Vec<u8>, map: &BTreeMap<String, String>) {
    put_unsigned(out, map.len() as u64);
    for (key, value) in map {
        put_text(out, key);
        put_text(out, value);
    }
}

/// The record: version, then each keyspace with its types and tables. Types of columns and fields are
/// in CQL text form; user types are stored in an order in which each one is known before it is used.
fn encode(schema: &Schema) -> Vec<u8> {
    let mut out = vec![FORMAT];
    out.extend_from_slice(schema.version.as_bytes());
    let keyspaces: Vec<_> = schema.user_keyspaces().collect();
    put_unsigned(&mut out, keyspaces.len() as u64);
    for keyspace in keyspaces {
        put_text(&mut out, &keyspace.name);
        out.push(u8::from(keyspace.durable_writes));
        put_map(&mut out, &keyspace.replication);
        let types = in_order_of_use(keyspace);
        put_unsigned(&mut out, types.len() as u64);
        for udt in types {
            put_text(&mut out, &udt.name);
            put_unsigned(&mut out, udt.fields.len() as u64);
            for (name, ty) in &udt.fields {
                put_text(&mut out, name);
                put_text(&mut out, &ty.to_string());
            }
        }
        put_unsigned(&mut out, keyspace.tables.len() as u64);
        keyspace.tables.values().for_each(|table| put_table(&mut out, table));
    }
    out
}

/// User types such that a type comes after the types of its fields.
pub(crate) fn in_order_of_use(keyspace: &Keyspace) -> Vec<&Arc<UserType>> {
    let mut ordered: Vec<&Arc<UserType>> = Vec::new();
    let mut left: Vec<_> = keyspace.types.values().collect();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|udt| {
            let waits = keyspace.types.values().any(|other| {
                other.name != udt.name
                    && !ordered.iter().any(|done| done.name == other.name)
                    && udt.fields.iter().any(|(_, ty)| {
                        crate::table::schema::uses_user_type(ty, &other.keyspace, &other.name)
                    })
            });
            if !waits {
                ordered.push(udt);
            }
            waits
        });
        if left.len() == before {
            ordered.append(&mut left);
        }
    }
    ordered
}

fn put_table(out: &mut Vec<u8>, table: &Table) {
    put_text(out, &table.name);
    out.extend_from_slice(table.id.as_bytes());
    put_unsigned(out, u64::from(table.next_column));
    put_unsigned(out, table.columns.len() as u64);
    for column in &table.columns {
        put_unsigned(out, u64::from(column.id));
        put_text(out, &column.name);
        out.extend_from_slice(&[column.kind as u8, u8::from(column.descending)]);
        put_text(out, &column.ty.to_string());
    }
    put_map(out, &table.options.scalars);
    put_unsigned(out, table.options.maps.len() as u64);
    for (name, map) in &table.options.maps {
        put_text(out, name);
        put_map(out, map);
    }
    put_unsigned(out, table.dropped.len() as u64);
    for column in &table.dropped {
        put_text(out, &column.name);
        put_text(out, &column.ty);
        out.push(u8::from(column.was_static));
        put_signed(out, column.at);
    }
}

fn take_text(reader: &mut Reader) -> Option<String> {
    String::from_utf8(reader.bytes()?.to_vec()).ok()
}

fn take_uuid(reader: &mut Reader) -> Option<Uuid> {
    let high = reader.long()?.to_be_bytes();
    let low = reader.long()?.to_be_bytes();
    Uuid::from_slice(&[high, low].concat()).ok()
}

fn take_map(reader: &mut Reader) -> Option<BTreeMap<String, String>> {
    (0..reader.unsigned()?).map(|_| Some((take_text(reader)?, take_text(reader)?))).collect()
}

fn decode(bytes: Bytes) -> Option<Schema> {
    let mut reader = Reader::new(bytes);
    if reader.byte()? != FORMAT {
        return None;
    }
    let version = take_uuid(&mut reader)?;
    let mut schema = Schema { version, ..Schema::default() };
    for _ in 0..reader.unsigned()? {
        let mut keyspace = Keyspace { name: take_text(&mut reader)?, ..Keyspace::default() };
        keyspace.durable_writes = reader.byte()? == 1;
        keyspace.replication = take_map(&mut reader)?;
        for _ in 0..reader.unsigned()? {
            let name = take_text(&mut reader)?;
            let mut fields = Vec::new();
            for _ in 0..reader.unsigned()? {
                let field = take_text(&mut reader)?;
                fields.push((field, parse_type(&keyspace, &take_text(&mut reader)?)?));
            }
            let udt = UserType { keyspace: keyspace.name.clone(), name: name.clone(), fields };
            keyspace.types.insert(name, Arc::new(udt));
        }
        for _ in 0..reader.unsigned()? {
            let table = take_table(&mut reader, &keyspace)?;
            keyspace.tables.insert(table.name.clone(), Arc::new(table));
        }
        schema.keyspaces.insert(keyspace.name.clone(), Arc::new(keyspace));
    }
    reader.is_empty().then_some(schema)
}

fn take_table(reader: &mut Reader, keyspace: &Keyspace) -> Option<Table> {
    let mut table = Table {
        keyspace: keyspace.name.clone(),
        name: take_text(reader)?,
        id: take_uuid(reader)?,
        columns: Vec::new(),
        partition_count: 0,
        clustering_count: 0,
        options: TableOptions::default(),
        next_column: u32::try_from(reader.unsigned()?).ok()?,
        dropped: Vec::new(),
        storage: None,
    };
    for _ in 0..reader.unsigned()? {
        let id = u32::try_from(reader.unsigned()?).ok()?;
        let name = take_text(reader)?;
        let kind = match reader.byte()? {
            0 => ColumnKind::Partition,
            1 => ColumnKind::Clustering,
            2 => ColumnKind::Static,
            _ => ColumnKind::Regular,
        };
        table.partition_count += usize::from(kind == ColumnKind::Partition);
        table.clustering_count += usize::from(kind == ColumnKind::Clustering);
        let descending = reader.byte()? == 1;
        let ty = parse_type(keyspace, &take_text(reader)?)?;
        table.columns.push(Column { id, name, kind, ty, descending });
    }
    table.options.scalars = take_map(reader)?;
    for _ in 0..reader.unsigned()? {
        let name = take_text(reader)?;
        table.options.maps.insert(name, take_map(reader)?);
    }
    for _ in 0..reader.unsigned()? {
        table.dropped.push(DroppedColumn {
            name: take_text(reader)?,
            ty: take_text(reader)?,
            was_static: reader.byte()? == 1,
            at: reader.signed()?,
        });
    }
    Some(table)
}

fn parse_type(keyspace: &Keyspace, text: &str) -> Option<CqlType> {
    CqlType::parse(text, &|_, name| keyspace.types.get(name).cloned()).ok()
}
