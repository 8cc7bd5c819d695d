//! `/cql`: one statement, and what it answers. What only reads needs less permission than what changes.

use axum::http::StatusCode;
use axum::response::Response;
use door::Permission;
use pages::{Html, Icon, Tone};

use super::tables::{refused, result};
use crate::fields::{Asked, Sent};
use crate::numbers;
use crate::problem::Problem;
use crate::tables::{Answer, Kind, kind};
use crate::visit::{Made, Page, Visit};

/// Rows of one answer.
const ROWS_MAX: u16 = 500;
/// Bytes of a statement.
const STATEMENT_BYTES_MAX: usize = 64 << 10;

/// `GET /cql`.
pub(crate) async fn form(visit: Visit, Asked(asked): Asked) -> Response {
    let made = page(&visit, asked.verbatim("statement"), None);
    visit.answer(made)
}

/// `POST /cql`.
pub(crate) async fn run(visit: Visit, Sent(sent): Sent) -> Response {
    let statement = sent.verbatim("statement").trim_end().trim_end_matches(';').to_owned();
    let started = visit.desk.elapsed();
    let done = try_run(&visit, &statement).await;
    let took = visit.desk.elapsed().saturating_sub(started).as_millis();
    let took = u64::try_from(took).unwrap_or(u64::MAX);
    let made = page(&visit, &statement, Some((done, took)));
    visit.answer(made)
}

async fn try_run(visit: &Visit, statement: &str) -> Result<Answer, Problem> {
    if !visit.sees_contents() {
        return Err(refused());
    }
    if statement.trim().is_empty() {
        return Err(Problem::bad("there is no statement"));
    }
    if statement.len() > STATEMENT_BYTES_MAX {
        return Err(Problem::bad("the statement is longer than 64 KiB"));
    }
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

fn page(visit: &Visit, statement: &str, done: Option<(Result<Answer, Problem>, u64)>) -> Made {
    let body = Html::of(|out| {
        let note = Html::with("<span>at <code>{}</code></span>", &[&visit.desk.tables.address()]);
        out.push(&pages::page_head("CQL", Some(&note), &Html::new()));
        out.raw("<div class=\"stack\">");
        out.put(
            "<form class=\"card cql\" method=\"post\" action=\"/cql\">\
             <label class=\"sr\" for=\"statement\">Statement</label>\
             <textarea id=\"statement\" name=\"statement\" rows=\"6\" spellcheck=\"false\" \
             autocomplete=\"off\" placeholder=\"SELECT * FROM keyspace.table LIMIT 50\">\n{}</textarea>\
             <div class=\"cql-end\"><span class=\"dim small\">{}</span>\
             <button class=\"button primary\" type=\"submit\">{}Run</button></div></form>",
            &[
                &statement,
                &if visit.may(Permission::EditTables) {
                    "Any statement; at most 500 rows and 10 seconds."
                } else {
                    "Statements that read; at most 500 rows and 10 seconds."
                },
                &Icon::Play,
            ],
        );
        match &done {
            Some((Ok(answer), took)) => out.push(&answered(answer, *took)),
            Some((Err(problem), _)) => out.push(&super::failed("It was not run", &problem.detail)),
            None => {}
        }
        out.raw("</div>");
    });
    Ok(Page { title: "CQL".to_owned(), section: "cql", body, ..Page::default() })
}

fn answered(answer: &Answer, took: u64) -> Html {
    let took = numbers::span(took);
    if answer.columns.is_empty() {
        return pages::banner(Tone::Good, "Done", &Html::with("<p>It took {}.</p>", &[&took]));
    }
    let count = numbers::of(numbers::len(answer.rows.len()), "row");
    let more = if answer.next.is_some() { ", and there are more" } else { "" };
    let aside = Html::with("<span class=\"dim small\">{} in {}{}</span>", &[&count, &took, &more]);
    let body = if answer.rows.is_empty() {
        pages::empty_state(Icon::Table, "No rows", "Nothing meets the condition.", &Html::new())
    } else {
        result(answer)
    };
    pages::card("Rows", &aside, &body)
}
