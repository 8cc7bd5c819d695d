//! Batches: all changes in one atomic write.

use super::call::Call;
use super::failure::{Failure, Outcome};
use super::modify::{self, Applied, Change, Modifies};
use super::statement::rows;
use cql::CqlType;
use cql::ast::{Batch, BatchKind, Modification, Using};
use cql::response::Response;

/// The changes of one batch.
pub(crate) struct Changes {
    kind: BatchKind,
    changes: Vec<Change>,
}

impl Changes {
    /// None yet.
    pub(crate) fn new(kind: BatchKind) -> Self {
        Self { kind, changes: Vec::new() }
    }

    /// Takes a statement in.
    pub(crate) fn add(&mut self, call: &Call, modification: Modifies<'_>) -> Outcome<()> {
        let change = modify::plan(call, modification)?;
        let counter = change.table.is_counter();
        match self.kind {
            BatchKind::Counter if !counter => {
                return Err(Failure::invalid(
                    "Cannot include non-counter statement in a counter batch",
                ));
            }
            BatchKind::Logged if counter => {
                return Err(Failure::invalid(
                    "Cannot include a counter statement in a logged batch",
                ));
            }
            _ => {}
        }
        if let Some(first) = self.changes.first()
            && first.table.is_counter() != counter
        {
            return Err(Failure::invalid(
                "Counter and non-counter mutations cannot exist in the same batch",
            ));
        }
        self.changes.push(change);
        Ok(())
    }

    /// Applies all or none.
    pub(crate) async fn apply(self, call: &Call) -> Outcome<Response> {
        match modify::apply(call, self.changes, true).await? {
            Applied::Void => Ok(Response::Void),
            Applied::Conditional(page) => Ok(rows(page)),
        }
    }
}

/// `BEGIN BATCH ... APPLY BATCH` as text.
pub(crate) async fn run(call: &Call, batch: &Batch) -> Outcome<Response> {
    let mut call = call.with(call.keyspace.clone(), call.bound.clone());
    if batch.using.ttl.is_some() {
        return Err(Failure::invalid("Global TTL on the BATCH statement is not supported."));
    }
    if let Some(timestamp) = batch_timestamp(&call, &batch.using)? {
        if batch.statements.iter().any(has_timestamp) {
            return Err(Failure::invalid(
                "Timestamp must be set either on BATCH or individual statements",
            ));
        }
        call.timestamp = timestamp;
    }
    let mut changes = Changes::new(batch.kind);
    for modification in &batch.statements {
        changes.add(&call, modification.into())?;
    }
    changes.apply(&call).await
}

fn has_timestamp(modification: &Modification) -> bool {
    let (Modification::Insert(cql::ast::Insert { using, .. })
    | Modification::Update(cql::ast::Update { using, .. })
    | Modification::Delete(cql::ast::Delete { using, .. })) = modification;
    using.timestamp.is_some()
}

fn batch_timestamp(call: &Call, using: &Using) -> Outcome<Option<i64>> {
    let Some(term) = &using.timestamp else { return Ok(None) };
    let given = super::term::evaluate(call, term, &CqlType::Bigint, "[timestamp]")?;
    let value = given.value().and_then(|value| value.first_chunk::<8>().copied());
    Ok(value.map(i64::from_be_bytes))
}
