//! TRUNCATE: every row of a table, at once.

use super::call::Call;
use super::failure::{Failure, Outcome};
use cql::ast::QualifiedName;
use cql::response::Response;
use std::sync::Arc;

/// Removes every row.
pub(crate) async fn run(call: &Call, name: &QualifiedName) -> Outcome<Response> {
    let table = call.writable(name)?;
    let storage =
        table.storage.as_ref().ok_or_else(|| Failure::server("the table has no storage"))?;
    call.node.committer.truncate(Arc::clone(storage)).await?;
    Ok(Response::Void)
}
