//! The sink's keyspace and table: made when missing, and otherwise taken as they are.

use super::CassandraFault;
use crate::project::{CassandraTable, Table};
use datafusion::arrow::datatypes::{DataType, Field};
use scylla::client::session::Session;

/// Makes the keyspace and the table unless they are there.
///
/// # Errors
/// [`CassandraFault`].
pub(super) async fn ensure(
    session: &Session,
    address: &str,
    table: &Table,
    target: &CassandraTable,
) -> Result<(), CassandraFault> {
    // The replication factor is left out: the cluster's own default rules.
    let keyspace = format!(
        "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {{'class': 'SimpleStrategy'}}",
        quoted(&target.keyspace)
    );
    run(session, address, &keyspace).await?;
    run(session, address, &create_table(table, target)).await
}

async fn run(session: &Session, address: &str, statement: &str) -> Result<(), CassandraFault> {
    let result = session.query_unpaged(statement, ()).await;
    result.map(drop).map_err(|error| super::sink::fault(address, statement, &error))
}

fn create_table(table: &Table, target: &CassandraTable) -> String {
    let mut columns: Vec<String> = table
        .schema
        .fields()
        .iter()
        .map(|field| format!("{} {}", quoted(field.name()), column_type(field, target)))
        .collect();
    let key: Vec<String> = table.primary_key.iter().map(|name| quoted(name)).collect();
    columns.push(format!("PRIMARY KEY ({})", key.join(", ")));
    let options = target
        .ttl_seconds
        .map_or_else(String::new, |seconds| format!(" WITH default_time_to_live = {seconds}"));
    format!(
        "CREATE TABLE IF NOT EXISTS {}.{} ({}){options}",
        quoted(&target.keyspace),
        quoted(&target.table),
        columns.join(", ")
    )
}

/// A name as CQL takes it whatever its letters are.
pub(crate) fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && !RESERVED.contains(&name) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Words that CQL reserves (CQL 3.4.7, appendix A).
const RESERVED: [&str; 56] = [
    "add",
    "allow",
    "alter",
    "and",
    "apply",
    "asc",
    "authorize",
    "batch",
    "begin",
    "by",
    "columnfamily",
    "create",
    "default",
    "delete",
    "desc",
    "describe",
    "drop",
    "entries",
    "execute",
    "from",
    "full",
    "grant",
    "if",
    "in",
    "index",
    "infinity",
    "insert",
    "into",
    "is",
    "keyspace",
    "limit",
    "materialized",
    "modify",
    "nan",
    "norecursive",
    "not",
    "null",
    "of",
    "on",
    "or",
    "order",
    "primary",
    "rename",
    "revoke",
    "schema",
    "select",
    "set",
    "table",
    "to",
    "token",
    "truncate",
    "unlogged",
    "unset",
    "update",
    "use",
    "using",
];

/// The CQL type that a column gets where the table is made here.
pub(crate) fn column_type(field: &Field, target: &CassandraTable) -> String {
    let declared = target.column_types.iter().find(|(name, _)| name == field.name());
    declared.map_or_else(|| cql_type(field.data_type()), |(_, cql)| cql.clone())
}

fn cql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::Int8 => "tinyint",
        DataType::Int16 => "smallint",
        DataType::Int32 => "int",
        DataType::Int64 => "bigint",
        DataType::Float32 => "float",
        DataType::Float64 => "double",
        DataType::Decimal128(..) => "decimal",
        DataType::Date32 => "date",
        DataType::Timestamp(..) => "timestamp",
        DataType::Binary => "blob",
        _ => "text",
    }
    .to_owned()
}
