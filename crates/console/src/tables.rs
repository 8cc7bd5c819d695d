//! Cassandra for people who look: one session by the driver, opened when it is first needed, and answers
//! that are bounded in rows, bytes and time.

use std::sync::Arc;
use std::time::Duration;

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::unprepared::Statement;
use scylla::value::{CqlValue, Row};
use tokio::sync::Mutex;

use crate::problem::Problem;

/// How long opening a session may take.
const OPEN: Duration = Duration::from_secs(4);
/// How long one statement may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Characters of one value that are shown.
const CELL_CHARS_MAX: usize = 1_000;
/// Characters of one answer that are shown.
pub(crate) const ANSWER_CHARS_MAX: usize = 600_000;
/// Rows that are read of the schema's tables.
const SCHEMA_ROWS_MAX: usize = 20_000;

/// The servers and the session. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    servers: Arc<[String]>,
    session: Arc<Mutex<Option<Arc<Session>>>>,
}

/// Rows, as they are shown.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Names of the columns; none for a statement that gives no rows.
    pub(crate) columns: Vec<String>,
    /// A text for each value; none for null.
    pub(crate) rows: Vec<Vec<Option<String>>>,
    /// Where the next page begins, if there is one.
    pub(crate) next: Option<Vec<u8>>,
    /// Whether rows of this page were left out since they are too large.
    pub(crate) cut: bool,
}

impl Tables {
    pub(crate) fn new(servers: &[String]) -> Self {
        Self { servers: servers.into(), session: Arc::default() }
    }

    /// The addresses.
    pub(crate) fn address(&self) -> String {
        self.servers.join(",")
    }

    async fn session(&self) -> Result<Arc<Session>, Problem> {
        let mut kept = self.session.lock().await;
        if let Some(session) = &*kept {
            return Ok(Arc::clone(session));
        }
        let builder = SessionBuilder::new()
            .known_nodes(&*self.servers)
            .connection_timeout(OPEN)
            .fetch_schema_metadata(false);
        let build = builder.build();
        let away = |why: String| {
            Problem::away(format!(
                "Cassandra at {} does not answer: {why}; see whether it runs and whether the \
                 address is right",
                self.address()
            ))
        };
        let session = match tokio::time::timeout(OPEN, build).await {
            Ok(Ok(session)) => Arc::new(session),
            Ok(Err(error)) => return Err(away(error.to_string())),
            Err(_) => return Err(away("no session within 4 seconds".to_owned())),
        };
        *kept = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Runs one statement and reads one page.
    pub(crate) async fn run(
        &self,
        statement: &str,
        page: Option<&[u8]>,
        rows_max: u16,
    ) -> Result<Answer, Problem> {
        let session = self.session().await?;
        let mut asked = Statement::new(statement).with_page_size(i32::from(rows_max.max(1)));
        asked.set_request_timeout(Some(ANSWER));
        let state = page.map_or_else(PagingState::start, PagingState::new_from_raw_bytes);
        let done = session.query_single_page(asked, (), state).await;
        let (result, next) = done.map_err(|error| self.refused(&error))?;
        if !result.is_rows() {
            return Ok(Answer::default());
        }
        let unreadable = |error: &dyn std::fmt::Display| {
            Problem::away(format!("the answer of Cassandra cannot be read: {error}"))
        };
        let rows = result.into_rows_result().map_err(|error| unreadable(&error))?;
        let columns = rows.column_specs().iter().map(|column| column.name().to_owned()).collect();
        let mut answer = Answer { columns, ..Answer::default() };
        let mut chars = 0;
        for row in rows.rows::<Row>().map_err(|error| unreadable(&error))? {
            let row = row.map_err(|error| unreadable(&error))?;
            let cells: Vec<Option<String>> =
                row.columns.iter().map(|value| value.as_ref().map(text)).collect();
            chars += cells.iter().flatten().map(String::len).sum::<usize>();
            if chars > ANSWER_CHARS_MAX || answer.rows.len() >= usize::from(rows_max) {
                answer.cut = true;
                break;
            }
            answer.rows.push(cells);
        }
        answer.next = match next {
            PagingStateResponse::HasMorePages { state } => {
                state.as_bytes_slice().map(|bytes| bytes.to_vec())
            }
            PagingStateResponse::NoMorePages => None,
        };
        Ok(answer)
    }

    /// All rows of a statement about the schema.
    pub(crate) async fn all(&self, statement: &str) -> Result<Vec<Vec<Option<String>>>, Problem> {
        let mut rows = Vec::new();
        let mut page: Option<Vec<u8>> = None;
        loop {
            let answer = self.run(statement, page.as_deref(), 5_000).await?;
            rows.extend(answer.rows);
            page = answer.next;
            if page.is_none() || rows.len() >= SCHEMA_ROWS_MAX {
                return Ok(rows);
            }
        }
    }

    fn refused(&self, error: &ExecutionError) -> Problem {
        if let ExecutionError::LastAttemptError(RequestAttemptError::DbError(kind, text)) = error {
            let hint = match kind {
                DbError::SyntaxError => "; correct the statement",
                DbError::Invalid => "; see the table's columns",
                DbError::Unauthorized => "; ask its administrator for the permission",
                _ => "",
            };
            return Problem::bad(format!("Cassandra refused it: {text}{hint}"));
        }
        let address = self.address();
        Problem::away(format!("Cassandra at {address} did not answer: {error}"))
    }
}

/// A value for people: texts without quotes, others as CQL writes them.
fn text(value: &CqlValue) -> String {
    let text = match value {
        CqlValue::Ascii(text) | CqlValue::Text(text) => text.clone(),
        CqlValue::Timestamp(at) => {
            let at = chrono::DateTime::from_timestamp_millis(at.0);
            at.map_or_else(|| value.to_string(), |at| at.format("%F %T%.3fZ").to_string())
        }
        CqlValue::Date(_) | CqlValue::Time(_) | CqlValue::Inet(_) => {
            value.to_string().trim_matches('\'').to_owned()
        }
        CqlValue::Empty => String::new(),
        other => other.to_string(),
    };
    shortened(text)
}

/// As much of a value as is shown.
pub(crate) fn shortened(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(CELL_CHARS_MAX) {
        text.truncate(at);
        text.push_str("...");
    }
    text
}

/// What a statement does, by its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It reads.
    Reads,
    /// It changes something, or may.
    Changes,
    /// It means the session, which all readers share.
    Session,
}

/// What a statement does. Comments before its first word are skipped.
pub(crate) fn kind(statement: &str) -> Kind {
    let mut rest = statement.trim_start();
    loop {
        let after = if rest.starts_with("--") || rest.starts_with("//") {
            rest.split_once('\n').map(|(_, after)| after)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map(|(_, after)| after)
        } else {
            break;
        };
        rest = after.unwrap_or("").trim_start();
    }
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    match word.to_ascii_uppercase().as_str() {
        "SELECT" | "DESCRIBE" | "DESC" | "LIST" => Kind::Reads,
        "USE" => Kind::Session,
        _ => Kind::Changes,
    }
}

/// A name in CQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in CQL.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_that_read_are_taken_for_readers() {
        for reads in
            ["select 1", " -- a\n/* b */ SELECT * FROM t", "DESCRIBE TABLES", "// x\nList users"]
        {
            assert_eq!(kind(reads), Kind::Reads, "{reads}");
        }
        for changes in [
            "INSERT INTO t",
            "/* SELECT */ DROP TABLE t",
            "",
            "SELECTED",
            "-- SELECT",
            "BEGIN BATCH",
        ] {
            assert_eq!(kind(changes), Kind::Changes, "{changes}");
        }
        assert_eq!(kind("use ks"), Kind::Session);
    }

    #[test]
    fn names_and_texts_cannot_leave_their_quotes() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("a'b"), "'a''b'");
    }
}
