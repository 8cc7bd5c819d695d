//! CREATE, ALTER and DROP TABLE.

mod alter;

pub(super) use alter::alter;

use super::properties::set_options;
use super::{Changed, already_exists, check_name, check_writable, with_keyspace};
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::table::options::TableOptions;
use crate::table::schema::{Column, ColumnKind, Keyspace, Schema, Table};
use cql::CqlType;
use cql::ast::{CreateTable, Direction, DropTable, Ident, TypeName};
use cql::response::{ChangeType, SchemaChange, SchemaTarget};
use std::sync::Arc;
use uuid::Uuid;

fn told(change: ChangeType, keyspace: &str, name: &str) -> SchemaChange {
    let target = SchemaTarget::Table { keyspace: keyspace.to_owned(), name: name.to_owned() };
    SchemaChange { change, target }
}

fn find<'s>(schema: &'s Schema, name: &str) -> Outcome<&'s Arc<Keyspace>> {
    let keyspace = schema.keyspaces.get(name);
    keyspace.ok_or_else(|| Failure::invalid(format!("Keyspace '{name}' doesn't exist")))
}

/// A column's type, resolved in the keyspace as it is now.
fn resolve(keyspace: &Keyspace, ty: &TypeName) -> Outcome<CqlType> {
    let find = |of: Option<&str>, name: &str| {
        if of.is_some_and(|of| of != keyspace.name) {
            return None;
        }
        keyspace.types.get(name).cloned()
    };
    Ok(ty.resolve(&find)?)
}

pub(super) fn create(
    call: &Call,
    schema: &Schema,
    create: &CreateTable,
) -> Outcome<Option<Changed>> {
    let keyspace = find(schema, &call.keyspace_name(&create.name)?)?;
    check_writable(keyspace)?;
    let name = &create.name.name.name;
    check_name("Table", name)?;
    if keyspace.tables.contains_key(name) {
        let error = already_exists(&keyspace.name, name);
        return if create.if_not_exists { Ok(None) } else { Err(error) };
    }
    if create.compact_storage {
        return Err(Failure::invalid(
            "Compact tables are not allowed in Cassandra starting with 4.0 version.",
        ));
    }
    let mut options = TableOptions::default();
    let id = set_options(&mut options, &create.properties)?;
    let id = match id {
        Some(text) => Uuid::parse_str(&text)
            .map_err(|_| Failure::config(format!("Invalid table id {text}")))?,
        None => Uuid::from_u128(call.node.timeuuid(call.now_micros).0),
    };
    let taken = schema.user_keyspaces().flat_map(|k| k.tables.values()).any(|t| t.id == id);
    if taken {
        return Err(Failure::config(format!("A table with the id {id} exists already")));
    }
    let mut table = Table {
        keyspace: keyspace.name.clone(),
        name: name.clone(),
        id,
        columns: columns(keyspace, create)?,
        partition_count: 0,
        clustering_count: 0,
        options,
        next_column: 0,
        dropped: Vec::new(),
        storage: None,
    };
    set_primary_key(&mut table, create)?;
    check_table(&table)?;
    let change = told(ChangeType::Created, &keyspace.name, name);
    let mut keyspace = Keyspace::clone(keyspace);
    keyspace.tables.insert(name.clone(), Arc::new(table));
    Ok(Some((with_keyspace(schema, keyspace), change)))
}

fn columns(keyspace: &Keyspace, create: &CreateTable) -> Outcome<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    for (definition, id) in create.columns.iter().zip(0..) {
        let name = &definition.name.name;
        if columns.iter().any(|column| column.name == *name) {
            return Err(Failure::invalid(format!(
                "Duplicate column '{name}' declaration for table '{}'",
                create.name.name.name
            )));
        }
        let kind = if definition.is_static { ColumnKind::Static } else { ColumnKind::Regular };
        let ty = resolve(keyspace, &definition.ty)?;
        columns.push(Column { id, name: name.clone(), kind, ty, descending: false });
    }
    Ok(columns)
}

/// Moves the key columns to the front, in key order.
fn set_primary_key(table: &mut Table, create: &CreateTable) -> Outcome<()> {
    let full = format!("{}.{}", table.keyspace, table.name);
    let (partition, clustering) = match &create.primary_keys[..] {
        [] => {
            return Err(Failure::invalid(format!(
                "No PRIMARY KEY specifed for table '{full}' (exactly one required)"
            )));
        }
        [key] => key,
        _ => {
            return Err(Failure::invalid(format!(
                "Multiple PRIMARY KEY specified for table '{full}' (exactly one required)"
            )));
        }
    };
    let mut keys: Vec<Column> = Vec::new();
    let named = partition.iter().map(|name| (name, ColumnKind::Partition));
    for (name, kind) in named.chain(clustering.iter().map(|name| (name, ColumnKind::Clustering))) {
        keys.push(take_key_column(table, &keys, name, kind)?);
    }
    table.partition_count = partition.len();
    table.clustering_count = clustering.len();
    set_order(&mut keys[partition.len()..], create)?;
    table.next_column = u32::try_from(create.columns.len()).unwrap_or(u32::MAX);
    keys.append(&mut table.columns);
    table.columns = keys;
    table.sort_columns();
    Ok(())
}

fn take_key_column(
    table: &mut Table,
    keys: &[Column],
    name: &Ident,
    kind: ColumnKind,
) -> Outcome<Column> {
    let name = &name.name;
    if keys.iter().any(|column| column.name == *name) {
        return Err(Failure::invalid(format!(
            "Duplicate column '{name}' in PRIMARY KEY clause for table '{}'",
            table.full_name()
        )));
    }
    let Some(at) = table.find(name) else {
        return Err(Failure::invalid(format!(
            "Unknown column '{name}' referenced in PRIMARY KEY for table '{}'",
            table.full_name()
        )));
    };
    let mut column = table.columns.remove(at);
    let refuse = |what: &str| {
        Err(Failure::invalid(format!("{what} is not supported for PRIMARY KEY column '{name}'")))
    };
    match &column.ty {
        _ if column.kind == ColumnKind::Static => {
            return Err(Failure::invalid(format!(
                "Static column '{name}' cannot be part of the PRIMARY KEY"
            )));
        }
        CqlType::Counter => return refuse("counter type"),
        CqlType::Duration => return refuse("duration type"),
        ty if ty.is_multi_cell() => {
            let what = if ty.is_collection() { "collection" } else { "user-defined" };
            return Err(Failure::invalid(format!(
                "Invalid non-frozen {what} type {ty} for PRIMARY KEY column '{name}'"
            )));
        }
        _ => {}
    }
    column.kind = kind;
    Ok(column)
}

fn set_order(clustering: &mut [Column], create: &CreateTable) -> Outcome<()> {
    if create.clustering_order.is_empty() {
        return Ok(());
    }
    let ordered = create.clustering_order.iter().map(|(name, _)| &name.name);
    if !ordered.clone().eq(clustering.iter().map(|column| &column.name)) {
        if let Some(other) = ordered.clone().find(|n| !clustering.iter().any(|c| c.name == **n)) {
            return Err(Failure::invalid(format!(
                "Only clustering key columns can be defined in CLUSTERING ORDER directive: [{other}] are not clustering columns"
            )));
        }
        if let Some(missing) = clustering.iter().find(|c| !ordered.clone().any(|n| *n == c.name)) {
            return Err(Failure::invalid(format!(
                "Missing CLUSTERING ORDER for column {}",
                missing.name
            )));
        }
        return Err(Failure::invalid(
            "Clustering key columns must exactly match columns in CLUSTERING ORDER BY directive",
        ));
    }
    for (column, (_, direction)) in clustering.iter_mut().zip(&create.clustering_order) {
        column.descending = *direction == Direction::Desc;
    }
    Ok(())
}

/// The rules about all columns together.
fn check_table(table: &Table) -> Outcome<()> {
    if table.has_static() && table.clustering_count == 0 {
        return Err(Failure::invalid(
            "Static columns are only useful (and thus allowed) if the table has at least one clustering column",
        ));
    }
    let counters = table.value_columns().iter().filter(|c| c.ty == CqlType::Counter).count();
    if counters > 0 {
        if counters != table.value_columns().len() {
            return Err(Failure::invalid(
                "Cannot mix counter and non counter columns in the same table",
            ));
        }
        if table.options.default_ttl() > 0 {
            return Err(Failure::invalid(
                "Cannot set default_time_to_live on a table with counters",
            ));
        }
    }
    Ok(())
}

pub(super) fn drop(call: &Call, schema: &Schema, drop: &DropTable) -> Outcome<Option<Changed>> {
    let keyspace_name = call.keyspace_name(&drop.name)?;
    let name = &drop.name.name.name;
    let missing = || {
        let error = Failure::invalid(format!("Table '{keyspace_name}.{name}' doesn't exist"));
        if drop.if_exists { Ok(None) } else { Err(error) }
    };
    let Some(keyspace) = schema.keyspaces.get(&keyspace_name) else { return missing() };
    check_writable(keyspace)?;
    let mut keyspace = Keyspace::clone(keyspace);
    if keyspace.tables.remove(name).is_none() {
        return missing();
    }
    let change = told(ChangeType::Dropped, &keyspace_name, name);
    Ok(Some((with_keyspace(schema, keyspace), change)))
}
