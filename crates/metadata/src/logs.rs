//! What tries wrote. Lines are kept in pieces of many lines; the table numbers them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use crate::database::{Metadata, Writing};
use crate::sql::{Reader, micros};
use crate::{Error, TaskKey};

/// The most lines of one answer.
pub const LINES_MAX: usize = 10_000;

/// Lines and bytes of a piece; the last line may go over.
const PIECE_LINES: usize = 500;
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces read at once.
const PIECES: i64 = 8;
/// Tries whose log is forgotten in one transaction.
const FORGOTTEN: i64 = 500;

/// What adding lines is called.
const APPEND: &str = "append to a log";

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// The process's standard output.
    Out,
    /// The process's standard error.
    Err,
    /// What runs the task, about it.
    Task,
}

impl Stream {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
            Self::Task => "task",
        }
    }
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Where it comes from.
    pub stream: Stream,
    /// Its level: `info`, `warning`, `error`.
    pub level: String,
    /// Its text, without an end of line.
    pub text: String,
}

/// A line as it is kept: time, stream, level, text.
#[derive(Serialize, Deserialize)]
struct Kept(i64, Stream, String, String);

impl Metadata {
    /// Adds lines to the log of a try, in their order.
    ///
    /// # Errors
    /// If there is no such try, or the database does not answer.
    pub async fn append_log(
        &self,
        key: &TaskKey,
        try_number: u32,
        lines: &[LogLine],
    ) -> Result<(), Error> {
        let what = APPEND;
        if lines.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin(what).await?;
        if !append(&mut tx, key, try_number, lines).await? {
            let reason = format!("{key:?} has no try {try_number}");
            return Err(Error::Refused { what, reason });
        }
        self.commit(tx, what).await
    }

    /// Lines of the log of a try after number `after_seq` (0 for all), with their numbers, at most
    /// `limit` and [`LINES_MAX`].
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn log(
        &self,
        key: &TaskKey,
        try_number: u32,
        after_seq: i64,
        limit: usize,
    ) -> Result<Vec<(i64, LogLine)>, Error> {
        let what = "read a log";
        let limit = limit.min(LINES_MAX);
        let mut lines = Vec::new();
        let mut after = after_seq;
        while lines.len() < limit {
            let text = "SELECT last_seq, lines FROM task_log WHERE dag_id = $1 AND run_id = $2 \
                        AND task_id = $3 AND try_number = $4 AND last_seq > $5 \
                        ORDER BY last_seq LIMIT $6";
            let query = sqlx::query(text)
                .bind(&key.dag_id)
                .bind(&key.run_id)
                .bind(&key.task_id)
                .bind(i64::from(try_number))
                .bind(after)
                .bind(PIECES);
            let rows = query.fetch_all(self.readers()).await.map_err(Error::doing(what))?;
            for row in &rows {
                let row = Reader::new(row, what);
                let last = row.int("last_seq")?;
                let kept: Vec<Kept> = serde_json::from_value(row.json("lines")?)
                    .map_err(|error| Error::Stored { what, found: error.to_string() })?;
                let before = last - i64::try_from(kept.len()).unwrap_or(i64::MAX);
                let numbered = (before + 1..).zip(kept);
                for (seq, kept) in numbered.filter(|(seq, _)| *seq > after) {
                    lines.push((seq, line(kept)));
                }
                after = last;
            }
            if i64::try_from(rows.len()).is_ok_and(|count| count < PIECES) {
                break;
            }
        }
        lines.truncate(limit);
        Ok(lines)
    }

    /// Forgets what logs hold from before `older_than`; answers how many pieces that were.
    ///
    /// # Errors
    /// If the database does not answer; what was forgotten before stays so.
    pub async fn keep_logs(&self, older_than: DateTime<Utc>) -> Result<u64, Error> {
        let what = "forget old logs";
        let mut forgotten = 0;
        // In parts, so that nobody waits long to write.
        loop {
            let mut tx = self.begin(what).await?;
            let text = "DELETE FROM task_log WHERE newest_at < $1 AND newest_at <= (SELECT \
                        MAX(newest_at) FROM (SELECT newest_at FROM task_log WHERE newest_at < $1 \
                        ORDER BY newest_at LIMIT $2) AS oldest)";
            let query = sqlx::query(text).bind(micros(older_than)).bind(FORGOTTEN);
            let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
            self.commit(tx, what).await?;
            forgotten += done.rows_affected();
            if done.rows_affected() == 0 {
                return Ok(forgotten);
            }
        }
    }
}

/// Adds lines to the log of a try; false if there is no such try.
pub(crate) async fn append(
    tx: &mut Writing,
    key: &TaskKey,
    try_number: u32,
    lines: &[LogLine],
) -> Result<bool, Error> {
    let doing = Error::doing(APPEND);
    let Some(newest) = lines.iter().map(|line| line.at).max() else { return Ok(true) };
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let text = "UPDATE task_try SET log_lines = log_lines + $1 WHERE dag_id = $2 \
                AND run_id = $3 AND task_id = $4 AND try_number = $5 RETURNING log_lines";
    let query = sqlx::query(text)
        .bind(count)
        .bind(&key.dag_id)
        .bind(&key.run_id)
        .bind(&key.task_id)
        .bind(i64::from(try_number));
    let rows = query.fetch_all(&mut **tx).await.map_err(doing)?;
    let Some(row) = rows.first() else { return Ok(false) };
    let mut seq = row.try_get::<i64, _>("log_lines").map_err(doing)? - count;
    for piece in pieces(lines) {
        seq += i64::try_from(piece.len()).unwrap_or(i64::MAX);
        let text = "INSERT INTO task_log (dag_id, run_id, task_id, try_number, last_seq, \
                    newest_at, lines) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let query = sqlx::query(text)
            .bind(&key.dag_id)
            .bind(&key.run_id)
            .bind(&key.task_id)
            .bind(i64::from(try_number))
            .bind(seq)
            .bind(micros(newest))
            .bind(written(piece)?);
        query.execute(&mut **tx).await.map_err(doing)?;
    }
    Ok(true)
}

/// Cuts lines into pieces of [`PIECE_LINES`] and about [`PIECE_BYTES`].
fn pieces(lines: &[LogLine]) -> Vec<&[LogLine]> {
    let mut pieces = Vec::new();
    let mut rest = lines;
    while !rest.is_empty() {
        let mut bytes = 0;
        let full = rest.iter().take(PIECE_LINES).position(|line| {
            bytes += line.text.len();
            bytes > PIECE_BYTES
        });
        let count = full.map_or_else(|| rest.len().min(PIECE_LINES), |full| full + 1);
        let (piece, left) = rest.split_at(count);
        pieces.push(piece);
        rest = left;
    }
    pieces
}

fn written(piece: &[LogLine]) -> Result<String, Error> {
    // PostgreSQL keeps no NUL in a text.
    let plain = |text: &str| text.replace('\0', "\u{fffd}");
    let kept: Vec<Kept> = piece
        .iter()
        .map(|line| Kept(micros(line.at), line.stream, plain(&line.level), plain(&line.text)))
        .collect();
    serde_json::to_string(&kept)
        .map_err(|error| Error::Stored { what: APPEND, found: error.to_string() })
}

fn line(kept: Kept) -> LogLine {
    let Kept(at, stream, level, text) = kept;
    let at = DateTime::from_timestamp_micros(at).unwrap_or_default();
    LogLine { at, stream, level, text }
}
