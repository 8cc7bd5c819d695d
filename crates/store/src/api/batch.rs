//! BATCH: several modifications, all applied or none.

use super::{Answer, Session, bind, check_consistency};
use crate::execute::batch;
use crate::execute::failure::{Failure, Outcome};
use crate::execute::modify::Modifies;
use cql::Version;
use cql::ast::{Parsed, Statement};
use cql::request::{Batch, BatchQuery, QueryParameters, Values};
use std::sync::Arc;

/// The most statements of a batch. The protocol's own limit.
const STATEMENTS_MAX: usize = 65_535;

fn modification(parsed: &Parsed) -> Outcome<Modifies<'_>> {
    match &parsed.statement {
        Statement::Insert(insert) => Ok(Modifies::Insert(insert)),
        Statement::Update(update) => Ok(Modifies::Update(update)),
        Statement::Delete(delete) => Ok(Modifies::Delete(delete)),
        _ => Err(Failure::invalid(
            "Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed.",
        )),
    }
}

/// Runs a batch.
pub(crate) async fn answer(
    session: &Arc<Session>,
    version: Version,
    request: Batch,
) -> Outcome<Answer> {
    check_consistency(request.consistency, true)?;
    if request.statements.len() > STATEMENTS_MAX {
        return Err(Failure::invalid(format!("A batch holds at most {STATEMENTS_MAX} statements")));
    }
    let parameters = QueryParameters {
        consistency: request.consistency,
        values: Values::Positional(Vec::new()),
        skip_metadata: false,
        page_size: None,
        paging_state: None,
        serial_consistency: request.serial_consistency,
        timestamp: request.timestamp,
        keyspace: request.keyspace.clone(),
        now_in_seconds: request.now_in_seconds,
    };
    let keyspace = request.keyspace.clone().or_else(|| session.keyspace());
    let call = session.call(version, keyspace.clone(), Vec::new(), &parameters);
    let mut changes = batch::Changes::new(request.kind);
    for statement in request.statements {
        let values = Values::Positional(statement.values);
        let (parsed, keyspace) = match statement.statement {
            BatchQuery::Text(text) => {
                let parsed = cql::parse(&text).map_err(|e| Failure::syntax(e.to_string()))?;
                (Arc::new(parsed), keyspace.clone())
            }
            BatchQuery::Prepared(id) => {
                let prepared = super::execute::find(session, &id)?;
                (Arc::clone(&prepared.parsed), prepared.keyspace.clone())
            }
        };
        let of_statement = call.with(keyspace, bind(&parsed, values)?);
        changes.add(&of_statement, modification(&parsed)?)?;
    }
    let response = changes.apply(&call).await?;
    Ok(Answer { response, warnings: call.take_warnings() })
}
