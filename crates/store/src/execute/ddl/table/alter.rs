//! ALTER TABLE. Rows are never rewritten: they hold column ids, and an id is never used twice.

use super::super::properties::set_options;
use super::super::{Changed, check_writable, with_keyspace};
use super::{check_table, resolve, told};
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::table::schema::{Column, ColumnKind, DroppedColumn, Keyspace, Schema, Table};
use cql::ast::{AlterTable, AlterTableChange, ColumnDefinition, Ident};
use cql::response::ChangeType;
use std::sync::Arc;

pub(crate) fn alter(call: &Call, schema: &Schema, alter: &AlterTable) -> Outcome<Option<Changed>> {
    let keyspace_name = call.keyspace_name(&alter.name)?;
    let name = &alter.name.name.name;
    let old = schema.table(&keyspace_name, name);
    let (Some(old), Some(keyspace)) = (old, schema.keyspaces.get(&keyspace_name)) else {
        let error = Failure::invalid(format!("Table '{keyspace_name}.{name}' doesn't exist"));
        return if alter.if_exists { Ok(None) } else { Err(error) };
    };
    check_writable(keyspace)?;
    let mut table = Table::clone(old);
    match &alter.change {
        AlterTableChange::Add { if_not_exists, columns } => {
            for column in columns {
                add(keyspace, &mut table, column, *if_not_exists)?;
            }
        }
        AlterTableChange::Drop { if_exists, columns, timestamp } => {
            let at = timestamp.unwrap_or(call.timestamp);
            for column in columns {
                drop_column(&mut table, column, *if_exists, at)?;
            }
        }
        AlterTableChange::Rename { if_exists, pairs } => {
            for (from, to) in pairs {
                rename(&mut table, from, to, *if_exists)?;
            }
        }
        AlterTableChange::AlterColumn(..) => {
            return Err(Failure::invalid("Altering column types is no longer supported"));
        }
        AlterTableChange::With(properties) => {
            if set_options(&mut table.options, properties)?.is_some() {
                return Err(Failure::config("Cannot alter table id."));
            }
        }
        AlterTableChange::DropCompactStorage => {
            return Err(Failure::invalid(
                "Cannot DROP COMPACT STORAGE on table without COMPACT STORAGE",
            ));
        }
    }
    table.sort_columns();
    check_table(&table)?;
    let mut keyspace = Keyspace::clone(keyspace);
    keyspace.tables.insert(name.clone(), Arc::new(table));
    let change = told(ChangeType::Updated, &keyspace_name, name);
    Ok(Some((with_keyspace(schema, keyspace), change)))
}

fn add(
    keyspace: &Keyspace,
    table: &mut Table,
    definition: &ColumnDefinition,
    if_not_exists: bool,
) -> Outcome<()> {
    let name = &definition.name.name;
    if table.find(name).is_some() {
        let error = Failure::invalid(format!("Column with name '{name}' already exists"));
        return if if_not_exists { Ok(()) } else { Err(error) };
    }
    let kind = if definition.is_static { ColumnKind::Static } else { ColumnKind::Regular };
    let ty = resolve(keyspace, &definition.ty)?;
    let id = table.next_column;
    table.next_column += 1;
    table.columns.push(Column { id, name: name.clone(), kind, ty, descending: false });
    Ok(())
}

fn drop_column(table: &mut Table, name: &Ident, if_exists: bool, at: i64) -> Outcome<()> {
    let name = &name.name;
    let Some(found) = table.find(name) else {
        let error = Failure::invalid(format!(
            "Column {name} was not found in table '{}'",
            table.full_name()
        ));
        return if if_exists { Ok(()) } else { Err(error) };
    };
    let column = &table.columns[found];
    if matches!(column.kind, ColumnKind::Partition | ColumnKind::Clustering) {
        return Err(Failure::invalid(format!("Cannot drop PRIMARY KEY column {name}")));
    }
    let column = table.columns.remove(found);
    table.dropped.retain(|dropped| dropped.name != column.name);
    table.dropped.push(DroppedColumn {
        name: column.name,
        ty: column.ty.to_string(),
        was_static: column.kind == ColumnKind::Static,
        at,
    });
    Ok(())
}

fn rename(table: &mut Table, from: &Ident, to: &Ident, if_exists: bool) -> Outcome<()> {
    let Some(found) = table.find(&from.name) else {
        let error = Failure::invalid(format!(
            "Column {} was not found in table '{}'",
            from.name,
            table.full_name()
        ));
        return if if_exists { Ok(()) } else { Err(error) };
    };
    if matches!(table.columns[found].kind, ColumnKind::Static | ColumnKind::Regular) {
        return Err(Failure::invalid(format!(
            "Cannot rename non PRIMARY KEY column {}",
            from.name
        )));
    }
    if table.find(&to.name).is_some() {
        return Err(Failure::invalid(format!(
            "Cannot rename column {} to {} in table '{}'; another column with that name already exists",
            from.name,
            to.name,
            table.full_name()
        )));
    }
    to.name.clone_into(&mut table.columns[found].name);
    Ok(())
}
