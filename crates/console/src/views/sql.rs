//! `/sql`: one SELECT over the project's topics and tables, run by the engine.

use std::sync::Arc;

use axum::response::Response;

use super::editor::{Editor, ROWS_MAX, statement};
use crate::fields::{Asked, Sent};
use crate::problem::Problem;
use crate::sql;
use crate::tables::Answer;
use crate::visit::Visit;

/// `GET /sql`.
pub(crate) async fn form(visit: Visit, Asked(asked): Asked) -> Response {
    let made = editor(&visit).page(asked.verbatim("statement"), None);
    visit.answer(made)
}

/// `POST /sql`.
pub(crate) async fn run(visit: Visit, Sent(sent): Sent) -> Response {
    let statement = statement(&sent);
    let made = editor(&visit).ran(&visit, &statement, try_run(&visit, &statement)).await;
    visit.answer(made)
}

async fn try_run(visit: &Visit, statement: &str) -> Result<Answer, Problem> {
    let Ok(turn) = Arc::clone(&visit.desk.scans).try_acquire_owned() else {
        return Err(Problem::away("many people ask for rows just now; try again in a moment"));
    };
    let engine = visit.desk.settings.engine;
    let token = visit.desk.neighbours.engine_token.clone();
    sql::run(engine, token, statement.to_owned(), usize::from(ROWS_MAX), turn).await
}

fn editor(visit: &Visit) -> Editor {
    Editor {
        title: "SQL",
        section: "sql",
        action: "/sql",
        at: visit.desk.settings.engine.to_string(),
        example: "SELECT * FROM a_table_of_the_project LIMIT 50",
        note: "A SELECT over topics and tables that the project declares; at most 500 rows and 60 seconds.",
        always_rows: true,
    }
}
