//! QUERY: one statement as text.

use super::{Answer, Session, bind, check_consistency};
use crate::execute::failure::{Failure, Outcome};
use crate::execute::statement;
use cql::Version;
use cql::request::Query;
use std::sync::Arc;

/// Runs a text.
pub(crate) async fn answer(
    session: &Arc<Session>,
    version: Version,
    query: Query,
) -> Outcome<Answer> {
    let parsed = cql::parse(&query.query).map_err(|error| Failure::syntax(error.to_string()))?;
    let mut parameters = query.parameters;
    check_consistency(parameters.consistency, statement::writes(&parsed.statement))?;
    let keyspace = parameters.keyspace.take().or_else(|| session.keyspace());
    let bound = bind(&parsed, parameters.take_values())?;
    let call = session.call(version, keyspace, bound, &parameters);
    let ran = statement::run(session, call, Arc::new(parsed)).await?;
    Ok(Answer { response: ran.response, warnings: ran.warnings })
}
