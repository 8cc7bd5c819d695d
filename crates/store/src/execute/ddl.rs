//! Statements that change the schema.
//!
//! Owns the one way a change is made: checked, stored, shown to readers, told to clients, in this
//! order and one at a time.

mod keyspace;
mod properties;
mod table;
mod user_type;

use super::call::Call;
use super::failure::{Failure, Outcome};
use crate::node::Node;
use crate::table::schema::{Keyspace, Schema};
use cql::ast::Statement;
use cql::response::{ErrorKind, SchemaChange};
use std::sync::Arc;

/// The schema after a change, and what to tell clients.
pub(crate) type Changed = (Schema, SchemaChange);

/// Runs a statement; nothing if IF [NOT] EXISTS made it do nothing.
pub(crate) async fn run(call: &Call, statement: &Statement) -> Outcome<Option<SchemaChange>> {
    let node = Arc::clone(&call.node);
    let _one_at_a_time = node.catalog.changing.lock().await;
    let schema = node.catalog.schema();
    let changed = decide(call, &schema, statement)?;
    let Some((schema, change)) = changed else { return Ok(None) };
    apply(&node, schema).await?;
    node.tell_schema_change(change.clone());
    Ok(Some(change))
}

async fn apply(node: &Arc<Node>, schema: Schema) -> Outcome<()> {
    let owned = Arc::clone(node);
    let replaced = tokio::task::spawn_blocking(move || owned.catalog.replace(schema)).await;
    match replaced {
        Ok(result) => result.map(drop).map_err(Failure::from),
        Err(error) => Err(Failure::server(format!("cannot change the schema: {error}"))),
    }
}

fn decide(call: &Call, schema: &Schema, statement: &Statement) -> Outcome<Option<Changed>> {
    match statement {
        Statement::CreateKeyspace(create) => keyspace::create(call, schema, create),
        Statement::AlterKeyspace(alter) => keyspace::alter(call, schema, alter),
        Statement::DropKeyspace(drop) => keyspace::drop(schema, drop),
        Statement::CreateTable(create) => table::create(call, schema, create),
        Statement::AlterTable(alter) => table::alter(call, schema, alter),
        Statement::DropTable(drop) => table::drop(call, schema, drop),
        Statement::CreateType(create) => user_type::create(call, schema, create),
        Statement::AlterType(alter) => user_type::alter(call, schema, alter),
        Statement::DropType(drop) => user_type::drop(call, schema, drop),
        _ => Err(Failure::server("not a schema statement")),
    }
}

/// Refuses a change of a computed keyspace.
fn check_writable(keyspace: &Keyspace) -> Outcome<()> {
    if keyspace.computed {
        return Err(Failure::unauthorized(format!(
            "{} keyspace is not user-modifiable.",
            keyspace.name
        )));
    }
    Ok(())
}

/// A copy of the schema with one keyspace replaced.
fn with_keyspace(schema: &Schema, keyspace: Keyspace) -> Schema {
    let mut schema = schema.clone();
    schema.keyspaces.insert(keyspace.name.clone(), Arc::new(keyspace));
    schema
}

/// The longest name of a keyspace or table, characters.
const NAME_MAX: usize = 48;

fn check_name(what: &str, name: &str) -> Outcome<()> {
    let legal = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if name.is_empty() || !legal {
        return Err(Failure::invalid(format!(
            "{what} name must not be empty or not contain non-alphanumeric-underscore characters (got \"{name}\")"
        )));
    }
    if name.len() > NAME_MAX {
        return Err(Failure::invalid(format!(
            "{what} name shouldn't be more than {NAME_MAX} characters long (got \"{name}\")"
        )));
    }
    Ok(())
}

fn already_exists(keyspace: &str, table: &str) -> Failure {
    let message = if table.is_empty() {
        format!("Cannot add existing keyspace \"{keyspace}\"")
    } else {
        format!("Cannot add already existing table \"{table}\" to keyspace \"{keyspace}\"")
    };
    let kind = ErrorKind::AlreadyExists { keyspace: keyspace.to_owned(), table: table.to_owned() };
    Failure::of(kind, message)
}
