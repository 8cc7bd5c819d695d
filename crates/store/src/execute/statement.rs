//! The choice of executor for a parsed statement.

use super::call::Call;
use super::failure::{Failure, Outcome};
use super::modify::{self, Applied, Modifies};
use super::select::{self, Page, Plan};
use super::{batch, ddl, describe, truncate};
use crate::api::Session;
use cql::ast::{Parsed, Statement, UnsupportedKind};
use cql::response::{ColumnSpec, Response, Rows, RowsMetadata};
use std::sync::Arc;

/// An answer and its warnings.
pub(crate) struct Ran {
    /// The response.
    pub(crate) response: Response,
    /// Told to the client beside it.
    pub(crate) warnings: Vec<String>,
}

/// A page as a response.
pub(crate) fn rows(page: Page) -> Response {
    let metadata = RowsMetadata {
        columns: page.columns,
        paging_state: page.paging_state,
        no_metadata: false,
        new_metadata_id: None,
    };
    Response::Rows(Rows { metadata, count: page.count, cells: page.cells })
}

/// Whether a statement writes rows: what its consistency level means.
pub(crate) fn writes(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Batch(_)
    )
}

/// The columns a statement returns, for PREPARE; nothing if it returns no rows.
pub(crate) fn columns(call: &Call, statement: &Statement) -> Outcome<Option<Arc<[ColumnSpec]>>> {
    Ok(match statement {
        Statement::Select(select) => Some(Plan::new(call, select, true)?.columns()),
        Statement::Describe(describe) => Some(describe::run(call, describe)?.columns),
        Statement::Unsupported(unsupported) => return Err(refusal(unsupported.kind)),
        _ => None,
    })
}

/// Runs a statement.
pub(crate) async fn run(session: &Arc<Session>, call: Call, parsed: Arc<Parsed>) -> Outcome<Ran> {
    let response = match &parsed.statement {
        Statement::Select(_) => return read(call, parsed).await,
        Statement::Insert(insert) => modify_one(&call, Modifies::Insert(insert)).await?,
        Statement::Update(update) => modify_one(&call, Modifies::Update(update)).await?,
        Statement::Delete(delete) => modify_one(&call, Modifies::Delete(delete)).await?,
        Statement::Batch(statement) => batch::run(&call, statement).await?,
        Statement::Use(name) => {
            call.keyspace(&name.name).map_err(|_| {
                Failure::invalid(format!("Keyspace '{}' does not exist", name.name))
            })?;
            session.set_keyspace(&name.name);
            Response::SetKeyspace(name.name.clone())
        }
        Statement::Truncate(name) => truncate::run(&call, name).await?,
        Statement::Describe(statement) => rows(describe::run(&call, statement)?),
        Statement::Unsupported(unsupported) => return Err(refusal(unsupported.kind)),
        Statement::CreateIndex(_) | Statement::DropIndex(_) => {
            return Err(Failure::invalid(
                "Secondary indexes are not supported by this store; use a second table keyed by the column, or ALLOW FILTERING",
            ));
        }
        Statement::CreateRole(_)
        | Statement::AlterRole(_)
        | Statement::DropRole(_)
        | Statement::ListRoles(_)
        | Statement::ListPermissions(_)
        | Statement::GrantRole(_)
        | Statement::RevokeRole(_)
        | Statement::GrantPermissions(_)
        | Statement::RevokePermissions(_) => {
            return Err(Failure::invalid(
                "Roles and permissions are not supported by this store: it has no authentication",
            ));
        }
        statement => match ddl::run(&call, statement).await? {
            Some(change) => Response::SchemaChange(change),
            None => Response::Void,
        },
    };
    Ok(Ran { response, warnings: call.take_warnings() })
}

/// Reads wait for the disk, so they run beside the network's threads.
async fn read(call: Call, parsed: Arc<Parsed>) -> Outcome<Ran> {
    let node = Arc::clone(&call.node);
    let read = node.readers.run(move |turn| {
        let Statement::Select(select) = &parsed.statement else {
            return Err(Failure::server("not a SELECT"));
        };
        let page = select::run(&call, select, turn)?;
        Ok(Ran { response: rows(page), warnings: call.take_warnings() })
    });
    read.await.ok_or_else(|| Failure::server("the read was stopped"))?
}

async fn modify_one(call: &Call, modification: Modifies<'_>) -> Outcome<Response> {
    let change = modify::plan(call, modification)?;
    Ok(match modify::apply(call, vec![change], false).await? {
        Applied::Void => Response::Void,
        Applied::Conditional(page) => rows(page),
    })
}

fn refusal(kind: UnsupportedKind) -> Failure {
    let what = match kind {
        UnsupportedKind::CreateMaterializedView
        | UnsupportedKind::AlterMaterializedView
        | UnsupportedKind::DropMaterializedView => "Materialized views are",
        UnsupportedKind::CreateFunction | UnsupportedKind::DropFunction => {
            "User-defined functions are"
        }
        UnsupportedKind::CreateAggregate | UnsupportedKind::DropAggregate => {
            "User-defined aggregates are"
        }
        UnsupportedKind::CreateTrigger | UnsupportedKind::DropTrigger => "Triggers are",
        UnsupportedKind::IdentityMapping => "Identity mappings are",
        UnsupportedKind::Transaction => "Transactions are",
    };
    Failure::invalid(format!("{what} not supported by this store"))
}
