//! One look at the folder, off the threads that serve others: what is new, and the text of it.

use crate::ParseFault;
use crate::folder::{self, Language, Stamp};
use crate::reading::{self, Reading, Source};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// From a parser that could not, to its next attempt.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What is known of a file.
#[derive(Debug, Default)]
pub(crate) struct Known {
    stamp: Option<Stamp>,
    /// Of the text that was last read.
    pub(crate) hash: Option<u64>,
    /// Whether it wants a DAG that belongs to another file.
    pub(crate) rival: bool,
    /// When it is parsed again although it stays as it is.
    again_at: Option<Duration>,
}

impl Known {
    /// Has the file parsed again a while from `now` on.
    pub(crate) fn again(&mut self, now: Duration) {
        self.again_at = Some(now + AGAIN_AFTER);
    }
}

/// What a look gave.
#[derive(Debug)]
pub(crate) struct Round {
    /// Every file that is there.
    pub(crate) known: BTreeMap<String, Known>,
    /// Files that were there before.
    pub(crate) gone: Vec<String>,
    /// Files that are new, or of a new text, as far as they were read here.
    pub(crate) read: Vec<(String, Reading)>,
    /// Python files that are new, or of a new text.
    pub(crate) python: Vec<(String, PathBuf, Source)>,
    /// Whether there was more than is looked at.
    pub(crate) cut_short: bool,
}

/// Looks at the folder. If it cannot be looked at, what was known comes back.
pub(crate) fn look(
    folder: &Path,
    mut known: BTreeMap<String, Known>,
    now: Duration,
) -> Result<Round, (BTreeMap<String, Known>, io::Error)> {
    let found = match folder::look(folder) {
        Ok(found) => found,
        Err(error) => return Err((known, error)),
    };
    let mut round = Round {
        known: BTreeMap::new(),
        gone: Vec::new(),
        read: Vec::new(),
        python: Vec::new(),
        cut_short: found.cut_short,
    };
    for (name, found) in found.files {
        let mut of = known.remove(&name).unwrap_or_default();
        let again = of.again_at.is_some_and(|at| at <= now);
        if of.stamp == Some(found.stamp) && !again {
            round.known.insert(name, of);
            continue;
        }
        let source = match reading::source(&found) {
            None => {
                round.gone.push(name);
                continue;
            }
            Some(source) => source,
        };
        of.stamp = Some(found.stamp);
        match source {
            Err(message) => {
                let fault = ParseFault { message, passing: false };
                of.hash = None;
                round
                    .read
                    .push((name.clone(), Reading { text: String::new(), result: Err(fault) }));
            }
            Ok(source) if of.hash == Some(source.hash) && !again => {}
            Ok(source) => {
                of.hash = Some(source.hash);
                of.rival = false;
                of.again_at = None;
                round.sort(name.clone(), found.path, found.language, source);
            }
        }
        round.known.insert(name, of);
    }
    round.gone.extend(known.into_keys());
    Ok(round)
}

impl Round {
    fn sort(&mut self, name: String, path: PathBuf, language: Language, source: Source) {
        if !reading::may_hold_dags(language, &source.text) {
            let nothing =
                crate::Parsed { dags: Vec::new(), runtime: String::new(), reason: String::new() };
            self.read.push((name, Reading { text: source.text, result: Ok(nothing) }));
            return;
        }
        match language {
            Language::Python => self.python.push((name, path, source)),
            Language::Yaml => {
                let result = reading::yaml(&source.text);
                self.read.push((name, Reading { text: source.text, result }));
            }
        }
    }
}
