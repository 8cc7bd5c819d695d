//! What a child writes, as log lines: bounded in length and number, with back pressure.

use crate::notes::Notes;
use executor::{Desk, Level, LogLine, Stream};
use runtime::Clock;
use serde::Deserialize;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line, bytes; the rest of a longer one is left out.
const LINE_BYTES_MAX: usize = 64 * 1_024;
/// The longest JSON line, which may hold a whole traceback.
const RECORD_BYTES_MAX: usize = 1 << 20;
/// The logger of our own names for Airflow 2's spellings.
pub(crate) const OURS: &str = "millstream.airflow2";
/// What is read at a time.
const CHUNK_BYTES: usize = 32 * 1_024;
/// What one try's log holds, bytes; the rest is read and left out.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// Where a child's lines go.
pub(crate) struct Log<'a> {
    /// `None` while a file is read: then only the notes are kept.
    pub(crate) desk: Option<&'a dyn Desk>,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) notes: &'a Notes,
    written: AtomicU64,
}

impl<'a> Log<'a> {
    pub(crate) fn new(desk: Option<&'a dyn Desk>, clock: &'a dyn Clock, notes: &'a Notes) -> Self {
        Self { desk, clock, notes, written: AtomicU64::new(0) }
    }

    /// Adds lines, and waits until they are kept.
    pub(crate) async fn add(&self, stream: Stream, level: Level, texts: Vec<String>) {
        let Some(desk) = self.desk else { return };
        let at =
            chrono::DateTime::from_timestamp_micros(self.clock.wall_micros()).unwrap_or_default();
        let mut lines = Vec::new();
        for text in texts {
            let bytes = text.len() as u64 + 1;
            let before = self.written.fetch_add(bytes, Ordering::Relaxed);
            if before + bytes <= LOG_BYTES_MAX {
                lines.push(LogLine { at, stream, level, text });
            } else if before <= LOG_BYTES_MAX {
                let text = format!(
                    "the rest is left out: the log of a try holds {} MiB",
                    LOG_BYTES_MAX >> 20
                );
                lines.push(LogLine { at, stream: Stream::Task, level: Level::Warning, text });
            }
        }
        if !lines.is_empty() {
            desk.log(lines).await;
        }
    }

    /// Standard output or error, to its end.
    pub(crate) async fn plain(&self, from: impl AsyncRead + Unpin, stream: Stream) {
        let mut cutter = Cutter::new(LINE_BYTES_MAX);
        let mut from = from;
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            // What cannot be read has ended.
            let count = from.read(&mut chunk).await.unwrap_or(0);
            let lines = if count == 0 { cutter.end() } else { cutter.feed(&chunk[..count]) };
            let texts: Vec<String> = lines.iter().map(Line::text).collect();
            if stream == Stream::Err {
                texts.iter().for_each(|text| self.notes.on_stderr(text));
            }
            self.add(stream, Level::Info, texts).await;
            if count == 0 {
                return;
            }
        }
    }

    /// Log records as JSON lines, to their end.
    pub(crate) async fn records(&self, mut from: impl AsyncRead + Unpin) {
        let mut cutter = Cutter::new(RECORD_BYTES_MAX);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = from.read(&mut chunk).await.unwrap_or(0);
            let lines = if count == 0 { cutter.end() } else { cutter.feed(&chunk[..count]) };
            for line in lines {
                let (level, texts) = match serde_json::from_slice::<Record>(&line.bytes) {
                    Ok(record) => {
                        self.notes.on_record(&record);
                        (record.level(), record.texts())
                    }
                    // A library that writes past Python's logging.
                    Err(_) => (Level::Info, vec![line.text()]),
                };
                self.add(Stream::Task, level, texts).await;
            }
            if count == 0 {
                return;
            }
        }
    }
}

/// A log record, as structlog and the built-in package write it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Record {
    #[serde(default)]
    pub(crate) level: String,
    #[serde(default)]
    pub(crate) logger: String,
    #[serde(default)]
    pub(crate) event: String,
    /// Why a task is skipped.
    #[serde(default)]
    pub(crate) reason: Option<Value>,
    /// Its name depends on the version of Airflow.
    #[serde(default, alias = "error_detail")]
    exception: Value,
}

/// An exception in a record.
#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    exc_type: String,
    #[serde(default)]
    exc_value: String,
    #[serde(default)]
    frames: Vec<Frame>,
}

#[derive(Debug, Default, Deserialize)]
struct Frame {
    #[serde(default)]
    filename: String,
    #[serde(default)]
    lineno: u64,
    #[serde(default)]
    name: String,
}

impl Problem {
    /// `ValueError: boom`.
    fn sentence(&self) -> String {
        match self.exc_value.trim() {
            "" => self.exc_type.clone(),
            value => format!("{}: {value}", self.exc_type),
        }
    }
}

impl Record {
    /// What Airflow says of its own work is for who looks for it.
    fn level(&self) -> Level {
        let level = Level::named(&self.level).unwrap_or(Level::Info);
        let own = match self.logger.as_str() {
            "task" => level == Level::Info,
            // Old paths of imports are as good as new ones here.
            "py.warnings" => self.event.contains("attribute is deprecated. Please use"),
            name => name == OURS || name.starts_with("airflow.dag_processing."),
        };
        if own && level < Level::Error { Level::Debug } else { level }
    }

    /// The exception that was raised, in a line.
    pub(crate) fn exception(&self) -> Option<String> {
        match &self.exception {
            Value::String(text) => text.trim_end().lines().last().map(str::to_owned),
            _ => self.problems().first().map(Problem::sentence),
        }
    }

    /// From the exception that was raised to its first cause.
    fn problems(&self) -> Vec<Problem> {
        let list = self.exception.as_array().into_iter().flatten();
        list.filter_map(|problem| serde_json::from_value(problem.clone()).ok()).collect()
    }

    /// The record as lines: its text, then its exceptions with where they came from.
    fn texts(&self) -> Vec<String> {
        // Airflow folds its own start and end.
        if self.event.starts_with("::group::") || self.event.starts_with("::endgroup::") {
            return Vec::new();
        }
        let lines = |text: &str| -> Vec<String> {
            text.lines().map(|line| cut(line, LINE_BYTES_MAX)).collect()
        };
        let mut texts = lines(&self.event);
        texts.extend(lines(self.exception.as_str().unwrap_or_default()));
        // The cause comes last in the list, and first in a traceback.
        for problem in self.problems().iter().rev() {
            texts.push("Traceback (most recent call last):".to_owned());
            for frame in &problem.frames {
                let Frame { filename, lineno, name } = frame;
                texts.push(format!("  File \"{filename}\", line {lineno}, in {name}"));
            }
            texts.extend(lines(&problem.sentence()));
        }
        texts
    }
}

/// At most so many bytes of a text.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    bytes: Vec<u8>,
    /// How many bytes were left out.
    left_out: usize,
}

impl Line {
    fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.bytes).trim_end().to_owned();
        if self.left_out > 0 {
            text.push_str(&format!(" ... ({} bytes more)", self.left_out));
        }
        text
    }
}

/// Bytes cut into lines.
struct Cutter {
    bytes_max: usize,
    part: Vec<u8>,
    left_out: usize,
}

impl Cutter {
    fn new(bytes_max: usize) -> Self {
        Self { bytes_max, part: Vec::new(), left_out: 0 }
    }

    fn feed(&mut self, mut bytes: &[u8]) -> Vec<Line> {
        let mut whole = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.take(&bytes[..end]);
            whole.push(self.finish());
            bytes = &bytes[end + 1..];
        }
        self.take(bytes);
        whole
    }

    /// What stands after the last line end.
    fn end(&mut self) -> Vec<Line> {
        if self.part.is_empty() { Vec::new() } else { vec![self.finish()] }
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = self.bytes_max - self.part.len();
        let (kept, over) = bytes.split_at(bytes.len().min(room));
        self.part.extend_from_slice(kept);
        self.left_out += over.len();
    }

    fn finish(&mut self) -> Line {
        Line { bytes: std::mem::take(&mut self.part), left_out: std::mem::take(&mut self.left_out) }
    }
}

#[cfg(test)]
mod tests;
