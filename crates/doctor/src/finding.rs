//! What is found: one sentence about one hop, with a next step.

use serde::Serialize;

/// Kinds of hops, from upstream to downstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HopKind {
    /// A server that hops stand on: `engine`, `Kafka`, `Cassandra`, `metadata database`.
    Server,
    /// A DAG; or, by its file's name, a file that should hold one.
    Dag,
    /// A task: `dag.task`.
    Task,
    /// An API, a file, or made-up rows.
    Source,
    /// A topic.
    Topic,
    /// A stream.
    Stream,
    /// A table: `keyspace.table`.
    Table,
    /// A consumer group that is not a stream's.
    Group,
}

/// One hop of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Hop {
    /// Its kind.
    pub kind: HopKind,
    /// Its name.
    pub name: String,
}

impl Hop {
    /// A hop.
    #[must_use]
    pub fn new(kind: HopKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

/// The engine, as a hop.
pub(crate) const ENGINE: &str = "engine";
/// Kafka, as a hop.
pub(crate) const KAFKA: &str = "Kafka";
/// Cassandra, as a hop.
pub(crate) const CASSANDRA: &str = "Cassandra";
/// The metadata database, as a hop.
pub(crate) const METADATA: &str = "metadata database";

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Records do not arrive.
    Error,
    /// Records arrive late, or some do not, or will not soon.
    Warning,
    /// Good to know.
    Info,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as the project names it.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The column, from 1.
    pub column: Option<u64>,
}

/// What a finding is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It stands on its own and explains what is wrong further down.
    Cause,
    /// Something further up explains it, if anything is found there.
    Symptom,
    /// It explains nothing.
    Remark,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its number in the report, from 1.
    pub id: usize,
    /// Its rule, for scripts: `topic-misnamed`.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub hop: Hop,
    /// The pipelines that it touches, by the name of their last hop.
    pub pipelines: Vec<String>,
    /// One sentence.
    pub sentence: String,
    /// What to do next.
    pub next: String,
    /// Where in a file to do it.
    pub place: Option<Place>,
    /// The number of the finding that explains this one.
    pub because_of: Option<usize>,
    #[serde(skip)]
    pub(crate) role: Role,
}

impl Finding {
    fn new(rule: &'static str, severity: Severity, role: Role, hop: Hop) -> Self {
        Self {
            id: 0,
            rule,
            severity,
            hop,
            pipelines: Vec::new(),
            sentence: String::new(),
            next: String::new(),
            place: None,
            because_of: None,
            role,
        }
    }

    /// What keeps records from arriving.
    pub(crate) fn cause(rule: &'static str, hop: Hop) -> Self {
        Self::new(rule, Severity::Error, Role::Cause, hop)
    }

    /// What has a cause further up, if one is found.
    pub(crate) fn symptom(rule: &'static str, hop: Hop) -> Self {
        Self::new(rule, Severity::Error, Role::Symptom, hop)
    }

    /// Good to know.
    pub(crate) fn remark(rule: &'static str, hop: Hop) -> Self {
        Self::new(rule, Severity::Info, Role::Remark, hop)
    }

    /// As a warning.
    pub(crate) fn warn(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// As good to know.
    pub(crate) fn info(mut self) -> Self {
        self.severity = Severity::Info;
        self
    }

    /// What is wrong.
    pub(crate) fn says(mut self, sentence: impl Into<String>) -> Self {
        self.sentence = sentence.into();
        self
    }

    /// What to do.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    /// Where to do it.
    pub(crate) fn at(mut self, file: &str, line: Option<u64>) -> Self {
        if !file.is_empty() {
            self.place = Some(Place { file: file.to_owned(), line, column: None });
        }
        self
    }
}
