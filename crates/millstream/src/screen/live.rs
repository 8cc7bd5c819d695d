//! The lines about running streams: rewritten in place on a terminal, repeated every few seconds
//! otherwise.

use std::time::Duration;

use super::table::{Side, Table};
use super::{interactive, say, write};
use crate::node::status::{Status, Stream};
use crate::numbers;

/// Between two looks at the engine.
const EVERY_ON_TERMINAL: Duration = Duration::from_secs(1);
/// Between two blocks of lines in a file or pipe.
const EVERY_IN_FILE: Duration = Duration::from_secs(5);

/// The lines on the screen.
#[derive(Debug)]
pub(crate) struct Live {
    in_place: bool,
    /// Lines of the last block, which the next one overwrites.
    drawn: usize,
}

impl Live {
    /// Nothing drawn yet.
    pub(crate) fn new() -> Self {
        Self { in_place: interactive(), drawn: 0 }
    }

    /// How long to wait before the next block.
    pub(crate) fn every(&self) -> Duration {
        if self.in_place { EVERY_ON_TERMINAL } else { EVERY_IN_FILE }
    }

    /// Shows the streams. False if nobody reads the output any more.
    pub(crate) fn show(&mut self, status: &Status) -> bool {
        self.draw(lines(status))
    }

    /// Shows one line instead of the streams.
    pub(crate) fn show_line(&mut self, line: &str) -> bool {
        self.draw(vec![line.to_owned()])
    }

    fn draw(&mut self, lines: Vec<String>) -> bool {
        if !self.in_place {
            return lines.iter().all(|line| say(line));
        }
        let mut text = String::new();
        if self.drawn > 0 {
            // Cursor up to the first line of the block, then clear to the end of the screen.
            text.push_str(&format!("\u{1b}[{}A\u{1b}[J", self.drawn));
        }
        for line in &lines {
            // Lines that wrap would break the count: no wrap while the block is written.
            text.push_str(&format!("\u{1b}[?7l{line}\u{1b}[?7h\n"));
        }
        self.drawn = lines.len();
        write(text.as_bytes())
    }
}

/// One line per stream, below a header; the errors of failed streams below the table.
pub(crate) fn lines(status: &Status) -> Vec<String> {
    let mut table = Table::new(&[
        ("STREAM", Side::Left),
        ("STATE", Side::Left),
        ("RECORDS/S", Side::Right),
        ("LAG", Side::Right),
        ("DEAD-LETTERED", Side::Right),
        ("LATE", Side::Right),
        ("P50", Side::Right),
        ("P99", Side::Right),
        ("FROM -> TO", Side::Left),
    ]);
    for stream in &status.streams {
        table.row(vec![
            stream.name.clone(),
            stream.state.clone(),
            numbers::rate(stream.records_per_second),
            stream
                .lag
                .and_then(|lag| u64::try_from(lag).ok())
                .map_or_else(|| "-".to_owned(), numbers::count),
            numbers::count(stream.dead_lettered),
            numbers::count(stream.late),
            numbers::millis(measured(stream.latency_ms.p50)),
            numbers::millis(measured(stream.latency_ms.p99)),
            format!("{} -> {}", stream.source.name, stream.sink.name),
        ]);
    }
    let mut lines = table.lines();
    if status.streams.is_empty() {
        lines = vec![
            "no streams: add a .sql file with INSERT INTO ... SELECT to the project".to_owned(),
        ];
    }
    lines.extend(status.streams.iter().flat_map(error_lines));
    lines.extend(status.streams.iter().filter_map(weak_source));
    lines
}

/// Nothing takes no time at all: zero is what an engine says before the first record.
fn measured(millis: Option<f64>) -> Option<f64> {
    millis.filter(|millis| *millis > 0.0)
}

/// What a user would not expect of the source, where there is something.
fn weak_source(stream: &Stream) -> Option<String> {
    let note = stream.position_note.as_deref()?;
    note.starts_with("at least once").then(|| format!("  {}: {note}", stream.name))
}

fn error_lines(stream: &Stream) -> Vec<String> {
    let Some(error) = &stream.error else { return Vec::new() };
    let mut lines = vec![format!("  {}: {}", stream.name, error.message)];
    lines.extend(
        error.hint.iter().filter(|hint| !hint.is_empty()).map(|hint| format!("    next: {hint}")),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_without_positions_is_told() {
        let status = Status::parse(
            r#"{"streams":[{"name":"users","source":{"name":"http://a/"},"sink":{"name":"users"},
            "state":"running","latency_ms":{"p50":0.0,"p99":0.0},
            "position_note":"at least once from the poll on: the API has no positions"}]}"#,
        )
        .unwrap();
        let lines = lines(&status);
        assert_eq!(lines[2], "  users: at least once from the poll on: the API has no positions");
        assert!(!lines[1].contains("0.0 ms"), "{}", lines[1]);
    }

    #[test]
    fn a_failed_stream_shows_its_error_and_next_step() {
        let status = Status::parse(
            r#"{"streams":[{"name":"users","file":"u.sql","source":{"kind":"kafka","name":"in","address":"a:1"},
            "sink":{"kind":"cassandra","name":"ks.t","address":"b:1"},"state":"failed",
            "error":{"message":"no table ks.t","hint":"create it"},"records_per_second":12.5,"lag":7,
            "dead_lettered":1,"late":0,"latency_ms":{"p50":null,"p99":8.04},"batches":3,
            "position_note":"","partitions":[]}]}"#,
        )
        .unwrap();
        let text = lines(&status).join("\n");
        assert_eq!(
            text,
            "STREAM  STATE   RECORDS/S  LAG  DEAD-LETTERED  LATE  P50     P99  FROM -> TO\n\
             users   failed         13    7              1     0    -  8.0 ms  in -> ks.t\n  \
             users: no table ks.t\n    next: create it"
        );
    }
}
