//! PREPARE: a statement to run many times.

use super::{Answer, Session};
use crate::execute::failure::{Failure, Outcome};
use crate::execute::{markers, statement};
use crate::node::prepared::{PreparedStatement, id, metadata_id};
use cql::request::{BoundValue, Prepare, QueryParameters, Values};
use cql::response::{Prepared, Response, RowsMetadata};
use cql::{Consistency, Version};
use std::sync::Arc;

/// Checks a text and keeps it.
pub(crate) fn answer(
    session: &Arc<Session>,
    version: Version,
    prepare: &Prepare,
) -> Outcome<Answer> {
    let parsed = cql::parse(&prepare.query).map_err(|error| Failure::syntax(error.to_string()))?;
    let keyspace = prepare.keyspace.clone().or_else(|| session.keyspace());
    let none = QueryParameters {
        consistency: Consistency::One,
        values: Values::Positional(Vec::new()),
        skip_metadata: false,
        page_size: None,
        paging_state: None,
        serial_consistency: None,
        timestamp: None,
        keyspace: None,
        now_in_seconds: None,
    };
    let unset = vec![BoundValue::Unset; parsed.markers.len()];
    let call = session.call(version, keyspace.clone(), unset, &none);
    let (variables, pk_indexes) = markers::describe(&call, &parsed)?;
    let columns = statement::columns(&call, &parsed.statement)?;
    let id = id(keyspace.as_deref(), &prepare.query);
    let result_metadata_id =
        (version == Version::V5).then(|| metadata_id(columns.as_deref().unwrap_or_default()));
    let result = columns.clone().map(|columns| RowsMetadata { columns, ..RowsMetadata::default() });
    session.node.prepared.put(Arc::new(PreparedStatement {
        id: id.clone(),
        text: prepare.query.clone(),
        keyspace,
        parsed: Arc::new(parsed),
        columns,
    }));
    let prepared =
        Prepared { id, result_metadata_id, pk_indexes, variables: variables.into(), result };
    Ok(Answer { response: Response::Prepared(prepared), warnings: call.take_warnings() })
}
