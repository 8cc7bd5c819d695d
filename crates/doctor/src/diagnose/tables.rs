//! Tables that streams write: keyspace, table or column missing, or refusing.

use super::Context;
use super::trouble::{Trouble, missing_column};
use crate::facts::{Schema, State, Stream};
use crate::finding::{Finding, Hop, HopKind};
use crate::words::{list, phrase};

pub(super) fn find(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for stream in &context.facts.streams {
        let Some(table) = stream.sink.table() else { continue };
        let schema = context.facts.cassandra.known();
        let found = schema
            .and_then(|schema| missing(stream, table, schema))
            .or_else(|| refused(stream, table, schema));
        findings.extend(found.map(|finding| finding.at(&stream.file, stream.line)));
    }
}

fn hop(table: &str) -> Hop {
    Hop::new(HopKind::Table, table)
}

/// Whether the stream has made its table, or found it.
fn has_begun(stream: &Stream) -> bool {
    matches!(stream.state, Some(State::Running | State::Failed))
}

fn missing(stream: &Stream, table: &str, schema: &Schema) -> Option<Finding> {
    let name = &stream.name;
    let (keyspace, short) = table.split_once('.')?;
    let Some(tables) = schema.keyspaces.get(keyspace) else {
        if !has_begun(stream) {
            return None;
        }
        let near = nearest(keyspace, schema.keyspaces.keys());
        return Some(
            Finding::cause("keyspace-missing", hop(table))
                .says(format!(
                    "Keyspace {keyspace}, whose table {short} stream {name} writes, does not \
                     exist{near}."
                ))
                .next(again(name)),
        );
    };
    let Some(columns) = tables.get(short) else {
        if !has_begun(stream) {
            return None;
        }
        let near = nearest(short, tables.keys());
        return Some(
            Finding::cause("table-missing", hop(table))
                .says(format!("Table {table}, which stream {name} writes, does not exist{near}."))
                .next(again(name)),
        );
    };
    let told = stream.error.as_deref().map(Trouble::of).and_then(|trouble| match trouble {
        Trouble::SinkRefused { reason, .. } => missing_column(reason),
        _ => None,
    });
    let mut lacking: Vec<(&str, Option<&str>)> = stream
        .columns
        .iter()
        .filter(|(column, _)| !columns.contains_key(column))
        .map(|(column, kind)| (column.as_str(), kind.as_deref()))
        .collect();
    if lacking.is_empty() {
        lacking.extend(told.filter(|column| !columns.contains_key(*column)).map(|c| (c, None)));
    }
    let (first, kind) = *lacking.first()?;
    let near = nearest(first, columns.keys());
    let what = if lacking.len() == 1 { "column" } else { "columns" };
    let kind = kind.unwrap_or("TYPE");
    Some(
        Finding::cause("column-missing", hop(table))
            .says(format!(
                "Table {table} has no {what} {}, which stream {name} writes{near}.",
                list(lacking.iter().map(|(column, _)| *column))
            ))
            .next(format!(
                "add it with `ALTER TABLE {table} ADD {first} {kind}` and start the stream again, \
                 or take it out of the stream's SELECT"
            )),
    )
}

fn again(stream: &str) -> String {
    format!("start stream {stream} again: it makes keyspace and table; or correct them in its file")
}

fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a String>) -> String {
    let near = spelling::nearest(name, names.map(String::as_str));
    near.map_or_else(String::new, |near| format!("; the nearest name is {near}"))
}

/// Why Cassandra refuses, in its words.
fn refused(stream: &Stream, table: &str, schema: Option<&Schema>) -> Option<Finding> {
    let Trouble::SinkRefused { action, reason } = Trouble::of(stream.error.as_deref()?) else {
        return None;
    };
    let name = &stream.name;
    if let Some(column) = missing_column(reason).filter(|_| schema.is_none()) {
        return Some(
            Finding::cause("column-missing", hop(table))
                .says(format!("Table {table} has no column {column}, which stream {name} writes."))
                .next("add the column, or take it out of the stream's SELECT"),
        );
    }
    // A statement is known from the stream's file; what else was asked is told.
    let action = if action.contains('(') { "take its rows".to_owned() } else { phrase(action) };
    Some(
        Finding::cause("sink-refuses", hop(table))
            .says(format!(
                "Table {table} takes nothing from stream {name}: Cassandra refused to {action}: {}.",
                phrase(reason)
            ))
            .next(
                "compare the table's columns and the user's rights with the stream's CREATE TABLE, \
                 then start the stream again",
            ),
    )
}
