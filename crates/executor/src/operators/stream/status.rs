//! What the engine tells about a stream.

use crate::Outcome;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt;

/// The engine's answer, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Engine {
    streams: Vec<Stream>,
}

#[derive(Debug, Deserialize)]
struct Stream {
    name: String,
    state: String,
    #[serde(default)]
    error: Option<Trouble>,
    #[serde(default)]
    lag: i64,
    #[serde(default)]
    partitions: Vec<Counts>,
}

#[derive(Debug, Deserialize)]
struct Trouble {
    message: String,
    #[serde(default)]
    hint: Option<String>,
}

/// What became of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    read: u64,
    written: u64,
    filtered: u64,
    duplicate: u64,
    late: u64,
    dead_lettered: u64,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Status {
    name: String,
    state: String,
    /// What is wrong, and what to do.
    pub(super) trouble: Option<String>,
    pub(super) lag: i64,
    pub(super) counts: Counts,
}

/// The stream of this name in the engine's answer.
pub(super) fn of(body: &[u8], name: &str) -> Result<Status, Outcome> {
    let engine: Engine = serde_json::from_slice(body).map_err(|error| {
        Outcome::failed(format!("the engine's status cannot be understood: {error}"))
    })?;
    let found = engine.streams.iter().find(|stream| stream.name == name);
    let Some(stream) = found else {
        let names = || engine.streams.iter().map(|stream| stream.name.as_str());
        let hint = spelling::hint(name, names())
            .unwrap_or_else(|| format!("there are {}", names().collect::<Vec<_>>().join(", ")));
        return Err(Outcome::refused(format!("there is no stream {name}; {hint}")));
    };
    let trouble = stream.error.as_ref().map(|trouble| match &trouble.hint {
        Some(hint) => format!("{}; {hint}", trouble.message),
        None => trouble.message.clone(),
    });
    let counts = stream.partitions.iter().fold(Counts::default(), |sum, next| sum.plus(next));
    let (name, state) = (stream.name.clone(), stream.state.clone());
    Ok(Status { name, state, trouble, lag: stream.lag, counts })
}

impl Status {
    /// Why the stream does not go on by itself, if it does not.
    pub(super) fn failure(&self) -> Option<String> {
        let name = &self.name;
        match self.state.as_str() {
            "failed" => {
                let reason = self.trouble.as_deref().unwrap_or("it does not say why");
                Some(format!("stream {name} failed: {reason}"))
            }
            "stopped" => Some(format!("stream {name} is stopped; start it")),
            _ => None,
        }
    }

    /// Whether it runs and has read all there is.
    pub(super) fn caught_up(&self) -> bool {
        self.state == "running" && self.lag == 0 && self.trouble.is_none()
    }

    /// How it is, in words.
    pub(super) fn sentence(&self) -> String {
        let Self { name, state, lag, trouble, .. } = self;
        let trouble = trouble.as_ref().map_or_else(String::new, |text| format!(": {text}"));
        format!("stream {name} is {state}, {lag} records to read{trouble}")
    }
}

impl Counts {
    fn each(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            read: with(self.read, other.read),
            written: with(self.written, other.written),
            filtered: with(self.filtered, other.filtered),
            duplicate: with(self.duplicate, other.duplicate),
            late: with(self.late, other.late),
            dead_lettered: with(self.dead_lettered, other.dead_lettered),
        }
    }

    fn plus(&self, other: &Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// What came after `before`; all of it where the stream was reset in between.
    pub(super) fn since(&self, before: &Self) -> Self {
        if self.read < before.read { *self } else { self.each(before, u64::saturating_sub) }
    }

    pub(super) fn to_json(self) -> Value {
        let Self { read, written, filtered, duplicate, late, dead_lettered } = self;
        json!({
            "read": read,
            "written": written,
            "filtered": filtered,
            "duplicate": duplicate,
            "late": late,
            "dead_lettered": dead_lettered,
        })
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records read, {} written", self.read, self.written)?;
        let rest = [
            ("filtered out", self.filtered),
            ("duplicate", self.duplicate),
            ("late", self.late),
            ("dead-lettered", self.dead_lettered),
        ];
        rest.iter()
            .filter(|(_, count)| *count > 0)
            .try_for_each(|(name, count)| write!(f, ", {count} {name}"))
    }
}
