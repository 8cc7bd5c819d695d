//! CREATE, ALTER and DROP TYPE.

use super::{Changed, check_writable, with_keyspace};
use crate::execute::call::Call;
use crate::execute::failure::{Failure, Outcome};
use crate::table::schema::{Keyspace, Schema, Table, uses_user_type, with_user_type};
use cql::CqlType;
use cql::ast::{AlterType, AlterTypeChange, CreateType, DropType, TypeName};
use cql::response::{ChangeType, SchemaChange, SchemaTarget};
use cql::types::UserType;
use std::sync::Arc;

fn told(change: ChangeType, keyspace: &str, name: &str) -> SchemaChange {
    let target = SchemaTarget::Type { keyspace: keyspace.to_owned(), name: name.to_owned() };
    SchemaChange { change, target }
}

fn field_type(keyspace: &Keyspace, ty: &TypeName, field: &str) -> Outcome<CqlType> {
    let find = |of: Option<&str>, name: &str| {
        keyspace.types.get(name).filter(|_| of.is_none_or(|of| of == keyspace.name)).cloned()
    };
    let ty = ty.resolve(&find)?;
    if ty == CqlType::Counter {
        return Err(Failure::invalid("A user type cannot contain counters"));
    }
    if matches!(ty, CqlType::Udt(_)) {
        return Err(Failure::invalid(format!(
            "A user type cannot contain non-frozen UDTs: field {field}"
        )));
    }
    Ok(ty)
}

pub(super) fn create(
    call: &Call,
    schema: &Schema,
    create: &CreateType,
) -> Outcome<Option<Changed>> {
    let keyspace_name = call.keyspace_name(&create.name)?;
    let Some(keyspace) = schema.keyspaces.get(&keyspace_name) else {
        return Err(Failure::invalid(format!("Keyspace '{keyspace_name}' doesn't exist")));
    };
    check_writable(keyspace)?;
    let name = &create.name.name.name;
    if keyspace.types.contains_key(name) {
        let error = Failure::invalid(format!("A user type with name '{name}' already exists"));
        return if create.if_not_exists { Ok(None) } else { Err(error) };
    }
    let mut fields: Vec<(String, CqlType)> = Vec::new();
    for (field, ty) in &create.fields {
        if fields.iter().any(|(seen, _)| *seen == field.name) {
            return Err(Failure::invalid(format!(
                "Duplicate field name '{}' in type '{name}'",
                field.name
            )));
        }
        fields.push((field.name.clone(), field_type(keyspace, ty, &field.name)?));
    }
    let udt = UserType { keyspace: keyspace_name.clone(), name: name.clone(), fields };
    let mut keyspace = Keyspace::clone(keyspace);
    keyspace.types.insert(name.clone(), Arc::new(udt));
    let change = told(ChangeType::Created, &keyspace_name, name);
    Ok(Some((with_keyspace(schema, keyspace), change)))
}

pub(super) fn alter(call: &Call, schema: &Schema, alter: &AlterType) -> Outcome<Option<Changed>> {
    let keyspace_name = call.keyspace_name(&alter.name)?;
    let name = &alter.name.name.name;
    let keyspace = schema.keyspaces.get(&keyspace_name);
    let Some((keyspace, old)) = keyspace.and_then(|k| Some((k, k.types.get(name)?))) else {
        let error = Failure::invalid(format!("Type {keyspace_name}.{name} doesn't exist"));
        return if alter.if_exists { Ok(None) } else { Err(error) };
    };
    check_writable(keyspace)?;
    let mut udt = UserType::clone(old);
    match &alter.change {
        AlterTypeChange::Add { if_not_exists, field, ty } => {
            if udt.fields.iter().any(|(seen, _)| *seen == field.name) {
                let error = Failure::invalid(format!(
                    "Cannot add field {} to type {keyspace_name}.{name}: a field with name {} already exists",
                    field.name, field.name
                ));
                return if *if_not_exists { Ok(None) } else { Err(error) };
            }
            let ty = field_type(keyspace, ty, &field.name)?;
            if uses_user_type(&ty, &keyspace_name, name) {
                return Err(Failure::invalid(format!(
                    "Cannot add new field {} of type {ty} to user type {keyspace_name}.{name} as it would create a circular reference",
                    field.name
                )));
            }
            udt.fields.push((field.name.clone(), ty));
        }
        AlterTypeChange::Rename { pairs, .. } => {
            for (from, to) in pairs {
                let Some(at) = udt.fields.iter().position(|(seen, _)| *seen == from.name) else {
                    return Err(Failure::invalid(format!(
                        "Unkown field {} in user type {keyspace_name}.{name}",
                        from.name
                    )));
                };
                if udt.fields.iter().any(|(seen, _)| *seen == to.name) {
                    return Err(Failure::invalid(format!(
                        "Duplicate field name {} in type {keyspace_name}.{name}",
                        to.name
                    )));
                }
                to.name.clone_into(&mut udt.fields[at].0);
            }
        }
        AlterTypeChange::AlterField(..) => {
            return Err(Failure::invalid("Altering field types is no longer supported"));
        }
    }
    let keyspace = replaced(keyspace, &Arc::new(udt));
    let change = told(ChangeType::Updated, &keyspace_name, name);
    Ok(Some((with_keyspace(schema, keyspace), change)))
}

/// The keyspace with a user type replaced in other types and in tables.
fn replaced(keyspace: &Keyspace, udt: &Arc<UserType>) -> Keyspace {
    let mut keyspace = Keyspace::clone(keyspace);
    for other in keyspace.types.values_mut() {
        let fields = other.fields.iter();
        let fields = fields.map(|(name, ty)| (name.clone(), with_user_type(ty, udt))).collect();
        *other = Arc::new(UserType { fields, ..UserType::clone(other) });
    }
    keyspace.types.insert(udt.name.clone(), Arc::clone(udt));
    let types = keyspace.types.clone();
    for table in keyspace.tables.values_mut() {
        let mut copy = Table::clone(table);
        for column in &mut copy.columns {
            // Types may be nested: replace each by its form of now.
            for udt in types.values() {
                column.ty = with_user_type(&column.ty, udt);
            }
        }
        *table = Arc::new(copy);
    }
    keyspace
}

pub(super) fn drop(call: &Call, schema: &Schema, drop: &DropType) -> Outcome<Option<Changed>> {
    let keyspace_name = call.keyspace_name(&drop.name)?;
    let name = &drop.name.name.name;
    let keyspace = schema.keyspaces.get(&keyspace_name).filter(|k| k.types.contains_key(name));
    let Some(keyspace) = keyspace else {
        let error = Failure::invalid(format!("Type '{keyspace_name}.{name}' doesn't exist"));
        return if drop.if_exists { Ok(None) } else { Err(error) };
    };
    check_writable(keyspace)?;
    let users: Vec<_> = keyspace
        .tables
        .values()
        .filter(|t| t.columns.iter().any(|c| uses_user_type(&c.ty, &keyspace_name, name)))
        .map(|table| table.name.as_str())
        .collect();
    if !users.is_empty() {
        return Err(Failure::invalid(format!(
            "Cannot drop user type '{keyspace_name}.{name}' as it is still used by tables {}",
            users.join(", ")
        )));
    }
    let holders: Vec<_> = keyspace
        .types
        .values()
        .filter(|udt| udt.name != *name)
        .filter(|udt| udt.fields.iter().any(|(_, ty)| uses_user_type(ty, &keyspace_name, name)))
        .map(|udt| udt.name.as_str())
        .collect();
    if !holders.is_empty() {
        return Err(Failure::invalid(format!(
            "Cannot drop user type '{keyspace_name}.{name}' as it is still used by user types {}",
            holders.join(", ")
        )));
    }
    let mut keyspace = Keyspace::clone(keyspace);
    keyspace.types.remove(name);
    let change = told(ChangeType::Dropped, &keyspace_name, name);
    Ok(Some((with_keyspace(schema, keyspace), change)))
}
