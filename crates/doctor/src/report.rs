//! What the doctor says, for programs and for a terminal.

use crate::finding::{Finding, Hop, Severity};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// How a pipeline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Records arrive, or all there are have arrived.
    Well,
    /// All there are have arrived, and there is a reason why none comes now.
    Quiet,
    /// Records arrive, but not all of them, or not for long.
    Partial,
    /// Records do not arrive any more, or too slowly.
    Late,
    /// None has arrived.
    Empty,
    /// It could not be told.
    Unknown,
}

/// A pipeline: its last hop and all that is before it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pipeline {
    /// The table or topic at its end.
    pub name: String,
    /// The stream that writes it.
    pub stream: String,
    /// Its hops, in order.
    pub hops: Vec<Hop>,
    /// How it is.
    pub health: Health,
    /// One sentence.
    pub sentence: String,
    /// The number of the finding that explains it.
    pub cause: Option<usize>,
    /// Records that its last stream reads per second.
    pub records_per_second: f64,
    /// Records that its last stream has not read yet.
    pub lag: i64,
    /// From a record's time until its row was written, half of them, milliseconds.
    pub latency_p50_ms: f64,
    /// The same for 99 of 100.
    pub latency_p99_ms: f64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// When.
    pub at: DateTime<Utc>,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// What is wrong, the root cause first.
    pub findings: Vec<Finding>,
    /// How each pipeline is, in the project's order.
    pub pipelines: Vec<Pipeline>,
}

impl Report {
    /// Whether a person has to do something.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity == Severity::Info)
    }
}

/// The report for programs: of the command and of the console's API alike.
///
/// # Errors
/// When it could not be written.
pub fn to_json(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(report)
}

/// The report for a terminal, without colours: a line per pipeline, then the findings with what to do.
#[must_use]
pub fn to_text(report: &Report) -> String {
    let mut text = String::new();
    let width = report.pipelines.iter().map(|one| word(one.health).len()).max().unwrap_or(0);
    for pipeline in &report.pipelines {
        text.push_str(&format!("{:width$}  {}\n", word(pipeline.health), pipeline.sentence));
    }
    let (plain, following): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| finding.because_of.is_none());
    if report.pipelines.is_empty() && plain.is_empty() {
        text.push_str("There is no pipeline to look at.\n");
    }
    let digits = report.findings.len().to_string().len();
    let indent = " ".repeat(digits + 2);
    for finding in plain {
        text.push('\n');
        let Finding { id, severity, sentence, .. } = finding;
        text.push_str(&format!("{id:>digits$}. {}: {sentence}\n", level(*severity)));
        if !finding.next.is_empty() {
            text.push_str(&format!("{indent}next: {}\n", finding.next));
        }
        if let Some(place) = place(finding) {
            text.push_str(&format!("{indent}at:   {place}\n"));
        }
        for follows in following.iter().filter(|follows| follows.because_of == Some(*id)) {
            text.push_str(&format!("{indent}so:   {}\n", follows.sentence));
        }
    }
    text.push_str(&format!("\nLooked at in {} ms.\n", report.took_ms));
    text
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Well => "well",
        Health::Quiet => "quiet",
        Health::Partial => "partial",
        Health::Late => "late",
        Health::Empty => "empty",
        Health::Unknown => "unknown",
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn place(finding: &Finding) -> Option<String> {
    let place = finding.place.as_ref()?;
    let mut text = place.file.clone();
    for number in [place.line, place.column].into_iter().flatten() {
        text.push_str(&format!(":{number}"));
    }
    Some(text)
}
