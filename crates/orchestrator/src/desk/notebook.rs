//! What running tries leave, until it is kept.

use crate::stop::told;
use executor::{LogLine, Stream};
use metadata::{Metadata, TaskKey, TryNotes};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What is left is kept at most so much later.
const KEPT_EVERY: Duration = Duration::from_millis(200);
/// Lines of one try that wait to be kept; who leaves more waits too.
const LINES_MAX: usize = 256;
/// Bytes of lines and XComs of one try that wait to be kept.
const BYTES_MAX: usize = 1 << 20;

/// Notes of all running tries.
#[derive(Debug)]
pub(crate) struct Notebook {
    metadata: Metadata,
    open: Mutex<BTreeMap<(TaskKey, u32), Page>>,
    /// Held while notes are written, so that those of a try come one after another.
    writing: tokio::sync::Mutex<()>,
}

/// What one try left.
#[derive(Debug, Default)]
struct Page {
    lines: Vec<metadata::LogLine>,
    rendered: Option<Value>,
    xcoms: Vec<(String, Value)>,
    bytes: usize,
}

impl Page {
    fn full(&self) -> bool {
        self.lines.len() >= LINES_MAX || self.bytes >= BYTES_MAX
    }

    fn notes(self, (key, try_number): (TaskKey, u32)) -> TryNotes {
        let Self { lines, rendered, xcoms, .. } = self;
        TryNotes { key, try_number, lines, rendered, xcoms }
    }
}

impl Notebook {
    pub(crate) fn new(metadata: Metadata) -> Self {
        Self { metadata, open: Mutex::new(BTreeMap::new()), writing: tokio::sync::Mutex::new(()) }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<(TaskKey, u32), Page>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down; whether there is so much that it must be kept before more is left.
    fn write(&self, key: &TaskKey, try_number: u32, note: impl FnOnce(&mut Page)) -> bool {
        let mut open = self.open();
        let page = open.entry((key.clone(), try_number)).or_default();
        note(page);
        page.full()
    }

    pub(crate) async fn log(&self, key: &TaskKey, try_number: u32, lines: Vec<LogLine>) {
        let full = self.write(key, try_number, |page| {
            page.bytes += lines.iter().map(|line| line.text.len()).sum::<usize>();
            page.lines.extend(lines.into_iter().map(kept));
        });
        if full {
            self.keep().await;
        }
    }

    pub(crate) fn rendered(&self, key: &TaskKey, try_number: u32, arguments: Value) {
        self.write(key, try_number, |page| page.rendered = Some(arguments));
    }

    pub(crate) async fn push_xcom(&self, key: &TaskKey, try_number: u32, name: &str, value: Value) {
        let full = self.write(key, try_number, |page| {
            page.bytes += name.len() + value.to_string().len();
            page.xcoms.retain(|(known, _)| known != name);
            page.xcoms.push((name.to_owned(), value));
        });
        if full {
            self.keep().await;
        }
    }

    /// A value that is not kept yet. Waits for what is being written.
    pub(crate) async fn xcom(&self, key: &TaskKey, name: &str) -> Option<Value> {
        let _one_at_a_time = self.writing.lock().await;
        let open = self.open();
        let mut pages = open.iter().filter(|((of, _), _)| of == key);
        pages.find_map(|(_, page)| {
            page.xcoms.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        })
    }

    /// What a try left that is not kept yet; the caller keeps it. Waits for what is being written.
    pub(crate) async fn close(&self, key: &TaskKey, try_number: u32) -> Option<TryNotes> {
        let _one_at_a_time = self.writing.lock().await;
        let key = (key.clone(), try_number);
        let page = self.open().remove(&key)?;
        Some(page.notes(key))
    }

    /// Keeps all that was left, or tries again until it can.
    async fn keep(&self) {
        while let Err(error) = self.keep_once().await {
            tracing::warn!(%error, "cannot keep the logs of running tasks; trying again");
            tokio::time::sleep(KEPT_EVERY).await;
        }
    }

    async fn keep_once(&self) -> Result<(), metadata::Error> {
        let _one_at_a_time = self.writing.lock().await;
        let pages = std::mem::take(&mut *self.open());
        if pages.is_empty() {
            return Ok(());
        }
        let notes: Vec<TryNotes> = pages.into_iter().map(|(key, page)| page.notes(key)).collect();
        let kept = self.metadata.keep_notes(&notes).await;
        if kept.is_err() {
            self.put_back(notes);
        }
        kept
    }

    /// Before what was left meanwhile.
    fn put_back(&self, notes: Vec<TryNotes>) {
        let mut open = self.open();
        for TryNotes { key, try_number, mut lines, rendered, xcoms } in notes {
            let page = open.entry((key, try_number)).or_default();
            lines.append(&mut page.lines);
            page.lines = lines;
            page.rendered = page.rendered.take().or(rendered);
            for (name, value) in xcoms {
                if !page.xcoms.iter().any(|(known, _)| *known == name) {
                    page.xcoms.push((name, value));
                }
            }
        }
    }

    /// Keeps what was left again and again, until told to stop.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = told(&mut stop) => break,
                () = tokio::time::sleep(KEPT_EVERY) => {}
            }
            if let Err(error) = self.keep_once().await {
                tracing::warn!(%error, "cannot keep the logs of running tasks; trying again");
            }
        }
        if let Err(error) = self.keep_once().await {
            tracing::warn!(%error, "cannot keep the last lines of tasks");
        }
    }
}

fn kept(line: LogLine) -> metadata::LogLine {
    metadata::LogLine {
        at: line.at,
        stream: match line.stream {
            Stream::Out => metadata::Stream::Out,
            Stream::Err => metadata::Stream::Err,
            Stream::Task => metadata::Stream::Task,
        },
        level: line.level.name().to_owned(),
        text: line.text,
    }
}
