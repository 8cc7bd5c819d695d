//! Reads a file in a child.

use crate::airflow::{self, Desks, ParsingResult};
use crate::builtin::{self, Answers, Fault, Last};
use crate::follow::{Followed, Until, follow};
use crate::job::{Job, Kind};
use crate::lines::{Log, cut};
use crate::notes::Notes;
use crate::python::Launched;
use crate::{ParseError, Parsed, Python, Rung, Runtime, advice};
use dag::Dag;
use executor::{Desk, StopSignal};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// DAGs of one file.
const DAGS_MAX: usize = 1_000;
/// What people are shown of a traceback, bytes.
const TRACEBACK_BYTES_MAX: usize = 8_000;

pub(crate) async fn read(
    python: &Python,
    file: &Path,
    desk: Option<&dyn Desk>,
) -> Result<Parsed, ParseError> {
    let executor = python.executor();
    let path = place(&executor.dags, file)?;
    let launched = python.launch(Kind::Parse, None).await.map_err(ParseError::of_runtime)?;
    let Launched { runtime, zygote: _zygote, job } = launched;
    let notes = Notes::default();
    let log = Log::new(None, &*executor.clock, &notes);
    let reading = Reading { python, path: &path, desk, log: &log, notes: &notes };
    let (dags, mut warnings) = match runtime.rung {
        Rung::Airflow => reading.by_airflow(job).await?,
        Rung::BuiltIn | Rung::None => reading.by_built_in(job).await?,
    };
    warnings.extend(notes.warnings());
    warnings.dedup();
    let Runtime { name, reason, .. } = runtime;
    Ok(Parsed { dags, runtime: name, reason, warnings })
}

/// The file's whole path.
fn place(dags: &Path, file: &Path) -> Result<PathBuf, ParseError> {
    let path = if file.is_absolute() { file.to_owned() } else { dags.join(file) };
    let failed = |error: std::io::Error| {
        ParseError::of_file(format!("cannot read {}: {error}", path.display()))
    };
    let whole = std::path::absolute(&path).map_err(failed)?;
    // Said here, since each runtime says it in words of its own.
    std::fs::metadata(&whole).map_err(failed)?;
    Ok(whole)
}

/// One file, in the hands of a child.
struct Reading<'a> {
    python: &'a Python,
    path: &'a Path,
    desk: Option<&'a dyn Desk>,
    log: &'a Log<'a>,
    notes: &'a Notes,
}

type Read = Result<(Vec<Dag>, Vec<String>), ParseError>;

impl Reading<'_> {
    fn until(&self) -> Until {
        let limit = Some(self.python.settings().parse_timeout);
        Until { stop: StopSignal::never(), limit }
    }

    async fn by_airflow(&self, job: Job) -> Read {
        let desks = Desks { desk: self.desk, run: None };
        let folder = std::path::absolute(&self.python.executor().dags).unwrap_or_default();
        let first = airflow::parse_request(self.path, &folder);
        let talk = async |socket| {
            airflow::talk(socket, &first, &desks, &mut airflow::Ended::default()).await
        };
        let followed = follow(job, self.log, talk, self.until()).await;
        let Some(result) = self.said(followed)?.flatten() else { return Err(self.silent()) };
        let ParsingResult { dags, import_errors, warnings } = result;
        if let Some(traceback) = import_errors.first() {
            return Err(self.fault(&of_traceback(traceback, self.path)));
        }
        let mut read = (Vec::new(), warnings);
        for data in dags.iter().take(DAGS_MAX) {
            let (dag, warnings) = airflow::dag(data).map_err(|problems| self.refused(&problems))?;
            read.0.push(dag);
            read.1.extend(warnings);
        }
        Ok(read)
    }

    async fn by_built_in(&self, job: Job) -> Read {
        let order = builtin::parse_order(self.path);
        let answers = Answers { executor: self.python.executor(), desk: self.desk, task: None };
        let talk = async |socket| builtin::talk(socket, &order, &answers).await;
        let followed = follow(job, self.log, talk, self.until()).await;
        let Some(Last::Parsed(parsed)) = self.said(followed)? else { return Err(self.silent()) };
        if let Some(fault) = &parsed.fault {
            return Err(self.fault(fault));
        }
        let mut dags = Vec::new();
        for json in parsed.dags.into_iter().take(DAGS_MAX) {
            dags.push(checked(json).map_err(|problems| self.refused(&problems))?);
        }
        Ok((dags, parsed.warnings))
    }

    /// What the child said, unless it took too long or spoke another language.
    fn said<T>(&self, followed: Followed<T>) -> Result<Option<T>, ParseError> {
        if followed.late {
            return Err(ParseError::of_file(format!(
                "{} took longer than {} s to read and was stopped; move work from the file's body into \
                 its tasks",
                self.path.display(),
                self.python.settings().parse_timeout.as_secs_f64()
            )));
        }
        match followed.said {
            Some(Ok(said)) if !followed.exit.lost && followed.exit.signal.is_none() => {
                Ok(Some(said))
            }
            Some(Err(problem)) => Err(ParseError::of_runtime(problem)),
            _ => {
                let words = self.notes.last_words().unwrap_or_default();
                let sentence =
                    followed.exit.sentence().replace("the task's process", "its process");
                let message =
                    format!("{} could not be read: {sentence}: {words}", self.path.display());
                let lost = followed.exit.lost;
                Err(ParseError { message, of_file: !lost })
            }
        }
    }

    /// The child ended as if all were well, and said nothing.
    fn silent(&self) -> ParseError {
        let words = self.notes.last_words().or_else(|| self.notes.reason());
        let words = words.unwrap_or_else(|| "it ended the process".to_owned());
        ParseError::of_file(format!("{} could not be read: {words}", self.path.display()))
    }

    fn fault(&self, fault: &Fault) -> ParseError {
        let name = self.path.display();
        let place =
            fault.line.map_or_else(|| format!("{name}"), |line| format!("{name}, line {line}"));
        let message = advice::advised(&fault.message, &self.python.executor().python);
        let traceback = tail(&fault.traceback, TRACEBACK_BYTES_MAX);
        ParseError::of_file(format!("{place}: {message}\n{traceback}"))
    }

    fn refused(&self, problems: &[String]) -> ParseError {
        ParseError::of_file(format!("{}: {}", self.path.display(), problems.join("; ")))
    }
}

/// What the built-in package describes, in the model.
fn checked(mut json: Value) -> Result<Dag, Vec<String>> {
    let id = json["dag_id"].as_str().unwrap_or_default().to_owned();
    json["version"] = json!(dag::SERIALISED_VERSION);
    let dag = Dag::from_json(&json).map_err(|problem| vec![format!("DAG {id}: {problem}")])?;
    dag.checked()
        .map_err(|faults| faults.iter().map(|fault| format!("DAG {id}: {fault}")).collect())
}

/// Airflow tells an import error as a traceback: its last line is what happened, and the last place in
/// the file is where.
fn of_traceback(traceback: &str, path: &Path) -> Fault {
    let message = traceback.trim_end().lines().last().unwrap_or("it could not be imported");
    let here = format!("File \"{}\", line ", path.display());
    let line = traceback.lines().filter_map(|line| line.trim().strip_prefix(&here)).next_back();
    let digits = line.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or(""));
    Fault {
        message: cut(message.trim(), TRACEBACK_BYTES_MAX),
        line: digits.and_then(|digits| digits.parse().ok()),
        traceback: traceback.trim_end().to_owned(),
    }
}

/// The last lines of a text, at most so many bytes.
fn tail(text: &str, bytes_max: usize) -> &str {
    let text = text.trim_end();
    let mut start = text.len().saturating_sub(bytes_max);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    match text[start..].find('\n') {
        Some(end) if start > 0 => &text[start + end + 1..],
        _ => &text[start..],
    }
}

#[cfg(test)]
mod tests;
