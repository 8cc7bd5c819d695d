//! What a child's output tells beside its lines: why it failed, and what was passed over.

use crate::lines::{OURS, Record, cut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Warnings that are kept of one file.
const WARNINGS_MAX: usize = 50;
/// What is kept of one sentence, bytes.
const SENTENCE_BYTES_MAX: usize = 2_000;
/// Lines of standard error that are kept.
const STDERR_LINES_MAX: usize = 20;

/// Notes on one child.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    reason: Option<String>,
    error: Option<String>,
    warnings: Vec<String>,
    stderr: Vec<String>,
}

impl Notes {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn on_record(&self, record: &Record) {
        let mut inner = self.lock();
        let skipped = || record.reason.as_ref()?.as_str().map(str::to_owned);
        let skipped = if record.event.starts_with("Skipping task") { skipped() } else { None };
        if let Some(reason) = record.exception().or(skipped) {
            inner.reason = Some(cut(&reason, SENTENCE_BYTES_MAX));
        }
        if record.level == "error" {
            inner.error = Some(cut(&record.event, SENTENCE_BYTES_MAX));
        }
        if record.logger == OURS && inner.warnings.len() < WARNINGS_MAX {
            let warning = cut(&record.event, SENTENCE_BYTES_MAX);
            if !inner.warnings.contains(&warning) {
                inner.warnings.push(warning);
            }
        }
    }

    pub(crate) fn on_stderr(&self, text: &str) {
        let mut inner = self.lock();
        if inner.stderr.len() >= STDERR_LINES_MAX {
            inner.stderr.remove(0);
        }
        inner.stderr.push(cut(text, SENTENCE_BYTES_MAX));
    }

    /// The last exception, else the last error, that was logged.
    pub(crate) fn reason(&self) -> Option<String> {
        let inner = self.lock();
        inner.reason.clone().or_else(|| inner.error.clone())
    }

    /// What our own names for Airflow 2's spellings passed over.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.lock().warnings.clone()
    }

    /// The last line of standard error that says something.
    pub(crate) fn last_words(&self) -> Option<String> {
        self.lock().stderr.iter().rev().find(|line| !line.trim().is_empty()).cloned()
    }
}
