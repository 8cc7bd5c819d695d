//! `/cql`: one statement, and what it answers. What only reads needs less permission than what changes.

use axum::http::StatusCode;
use axum::response::Response;
use door::Permission;

use super::editor::{Editor, ROWS_MAX, statement};
use crate::fields::{Asked, Sent};
use crate::problem::Problem;
use crate::tables::{Answer, Kind, kind};
use crate::visit::Visit;

/// `GET /cql`.
pub(crate) async fn form(visit: Visit, Asked(asked): Asked) -> Response {
    let made = editor(&visit).page(asked.verbatim("statement"), None);
    visit.answer(made)
}

/// `POST /cql`.
pub(crate) async fn run(visit: Visit, Sent(sent): Sent) -> Response {
    let statement = statement(&sent);
    let made = editor(&visit).ran(&visit, &statement, try_run(&visit, &statement)).await;
    visit.answer(made)
}

async fn try_run(visit: &Visit, statement: &str) -> Result<Answer, Problem> {
    match kind(statement) {
        Kind::Reads => {}
        Kind::Changes if visit.may(Permission::EditTables) => {
            let who = visit.principal.name();
            tracing::info!(who, what = "cql", "{statement}");
        }
        Kind::Changes => {
            let text = "your role may run statements that read: ask an Admin for the role Op to run \
                        others";
            return Err(Problem::new(StatusCode::FORBIDDEN, text));
        }
        Kind::Session => {
            return Err(Problem::bad(
                "USE would change the session of everybody: write the keyspace before the table's name",
            ));
        }
    }
    visit.desk.tables.run(statement, None, ROWS_MAX).await
}

fn editor(visit: &Visit) -> Editor {
    Editor {
        title: "CQL",
        section: "cql",
        action: "/cql",
        at: visit.desk.tables.address(),
        example: "SELECT * FROM keyspace.table LIMIT 50",
        note: if visit.may(Permission::EditTables) {
            "Any statement; at most 500 rows and 10 seconds."
        } else {
            "Statements that read; at most 500 rows and 10 seconds."
        },
        always_rows: false,
    }
}
