//! EXECUTE: a prepared statement with values.

use super::{Answer, Session, bind, check_consistency};
use crate::execute::failure::{Failure, Outcome};
use crate::execute::statement;
use crate::node::prepared::{PreparedStatement, metadata_id};
use cql::Version;
use cql::request::Execute;
use cql::response::{ErrorKind, Response};
use std::sync::Arc;

/// A prepared statement by id.
pub(crate) fn find(session: &Session, id: &[u8]) -> Outcome<Arc<PreparedStatement>> {
    session.node.prepared.get(id).ok_or_else(|| unprepared(id))
}

fn unprepared(id: &[u8]) -> Failure {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    Failure::of(
        ErrorKind::Unprepared { id: bytes::Bytes::copy_from_slice(id) },
        format!(
            "Prepared query with ID {hex} not found (either the query was not prepared on this host (maybe the host has been restarted?) or you have prepared too many queries and it has been evicted from the internal cache)"
        ),
    )
}

/// Runs a prepared statement.
pub(crate) async fn answer(
    session: &Arc<Session>,
    version: Version,
    mut execute: Execute,
) -> Outcome<Answer> {
    let prepared = find(session, &execute.id)?;
    let bound = bind(&prepared.parsed, execute.parameters.take_values())?;
    let parameters = &execute.parameters;
    check_consistency(parameters.consistency, statement::writes(&prepared.parsed.statement))?;
    let keyspace = parameters.keyspace.clone().or_else(|| prepared.keyspace.clone());
    let call = session.call(version, keyspace, bound, parameters);
    let ran = statement::run(session, call, Arc::clone(&prepared.parsed)).await?;
    let mut response = ran.response;
    if let (Response::Rows(rows), Some(columns)) = (&mut response, &prepared.columns) {
        // A client holds the columns of when it prepared; tell it when they have changed since.
        let metadata = &mut rows.metadata;
        let changed = match (version, &execute.result_metadata_id) {
            (Version::V5, Some(held)) => {
                let id = metadata_id(&metadata.columns);
                let changed = id != *held;
                metadata.new_metadata_id = changed.then_some(id);
                changed
            }
            _ => metadata.columns != *columns,
        };
        if changed && version != Version::V5 && parameters.skip_metadata {
            // Before v5 a client that skips metadata cannot learn the new columns from a result; it
            // prepares again when told that the id is unknown, as Cassandra does after ALTER TABLE.
            session.node.prepared.remove(&execute.id);
            return Err(unprepared(&execute.id));
        }
        metadata.no_metadata = parameters.skip_metadata && !changed;
    }
    Ok(Answer { response, warnings: ran.warnings })
}
