//! DAGs that do not run: paused, gone, not parsing, never started.

use super::{Context, dag_file};
use crate::facts::{Dag, ImportError, State, Target};
use crate::finding::{Finding, Hop, HopKind};
use crate::words::{named, phrase};

pub(super) fn find(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(orchestrator) = context.orchestrator() else { return };
    for broken in &orchestrator.import_errors {
        findings.push(not_parsing(context, broken));
    }
    for dag in &orchestrator.dags {
        if !context.uses(&Hop::new(HopKind::Dag, &dag.id)) {
            continue;
        }
        let starved = starved(context, dag);
        let Some((task, target)) = starved.first() else { continue };
        let broken = orchestrator.import_errors.iter().any(|error| error.file == dag.file);
        if dag.stale && !broken {
            findings.push(stale(dag, *task, target));
        } else if dag.paused {
            findings.push(paused(dag, *task, target));
        }
    }
}

fn hop(dag: &Dag) -> Hop {
    Hop::new(HopKind::Dag, &dag.id)
}

/// What this DAG alone would feed: streams that do not run, topics without another living feeder.
fn starved<'a>(context: &Context<'a>, dag: &'a Dag) -> Vec<(Option<&'a str>, &'a Target)> {
    let lives = |other: &Dag| other.id != dag.id && !other.paused && !other.stale;
    let alone = |target: &Target| {
        let fed = context.feeders(target).iter().any(|(other, _)| lives(other));
        let running = |writes: &dyn Fn(&crate::facts::Stream) -> bool| {
            let runs = |state| matches!(state, State::Running | State::Starting | State::Waiting);
            let mut streams = context.facts.streams.iter().filter(|stream| writes(stream));
            streams.any(|stream| stream.state.is_some_and(runs))
        };
        !fed && !match target {
            Target::Stream(name) => running(&|stream| stream.name == *name),
            Target::Topic(name) => running(&|stream| stream.sink.topic() == Some(name)),
        }
    };
    let read = |target: &Target| match target {
        Target::Stream(name) => context.uses(&Hop::new(HopKind::Stream, name)),
        Target::Topic(name) => !context.readers(name).is_empty(),
    };
    dag.feeds
        .iter()
        .filter(|feed| read(&feed.into) && alone(&feed.into))
        .map(|feed| (feed.task_id.as_deref(), &feed.into))
        .collect()
}

/// What does not happen while the task does not run.
fn undone(target: &Target) -> String {
    match target {
        Target::Stream(name) => format!("does not start stream {name}"),
        Target::Topic(name) => format!("sends nothing to topic {name}"),
    }
}

fn who(task: Option<&str>) -> String {
    task.map_or_else(|| "it".to_owned(), |task| format!("its task {task}"))
}

fn paused(dag: &Dag, task: Option<&str>, target: &Target) -> Finding {
    Finding::cause("dag-paused", hop(dag))
        .says(format!("DAG {} is paused, so {} {}.", dag.id, who(task), undone(target)))
        .next(format!("unpause DAG {} on its page", dag.id))
        .at(&dag_file(&dag.file), None)
}

fn stale(dag: &Dag, task: Option<&str>, target: &Target) -> Finding {
    let file = dag_file(&dag.file);
    Finding::cause("dag-missing", hop(dag))
        .says(format!(
            "DAG {} is no longer in {file}, so {} {}.",
            dag.id,
            who(task),
            undone(target)
        ))
        .next(format!("put the DAG back into {file}, or let another task do it"))
        .at(&file, None)
}

fn not_parsing(context: &Context<'_>, broken: &ImportError) -> Finding {
    let file = dag_file(&broken.file);
    let hop = Hop::new(HopKind::Dag, &broken.file);
    let Problem { line, column, message, more } = problem(&broken.error);
    let place = match (line, column) {
        (Some(line), Some(column)) => format!("line {line}, column {column}: "),
        (Some(line), None) => format!("line {line}: "),
        _ => String::new(),
    };
    // The sentence has named the file.
    let message = match message.split_once(": ") {
        Some((path, rest)) if path.ends_with(&broken.file) => rest.to_owned(),
        _ => message,
    };
    let more = match more {
        0 => String::new(),
        1 => " (and 1 more problem)".to_owned(),
        more => format!(" (and {more} more problems)"),
    };
    let dags = context.orchestrator().map_or(&[][..], |orchestrator| &orchestrator.dags);
    let held: Vec<&str> =
        dags.iter().filter(|dag| dag.file == broken.file).map(|dag| dag.id.as_str()).collect();
    let what = if held.is_empty() {
        "its DAGs do not run".to_owned()
    } else {
        format!("{} is not up to date", named("DAG", held.iter().copied()))
    };
    let finding = if context.uses(&hop) && held.is_empty() {
        Finding::cause("dag-not-parsing", hop)
    } else {
        Finding::remark("dag-not-parsing", hop).warn()
    };
    let mut finding = finding
        .says(format!("{file} does not parse, so {what}: {place}{}{more}.", phrase(&message)))
        .next("correct the file, and check it with `millstream dags validate`")
        .at(&file, line);
    if let Some(place) = &mut finding.place {
        place.column = column;
    }
    finding
}

/// What an import error says first.
#[derive(Debug, Default, PartialEq, Eq)]
struct Problem {
    line: Option<u64>,
    column: Option<u64>,
    message: String,
    /// Problems after it.
    more: usize,
}

/// Reads `line L, column C: what` per line, or the last frame and last line of a Python traceback.
fn problem(text: &str) -> Problem {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let own =
        lines.iter().position(|line| position(line).is_some_and(|(_, _, rest)| !rest.is_empty()));
    if let Some(at) = own
        && let Some((line, column, message)) = position(lines[at])
    {
        let others = lines[at + 1..].iter().map(|line| problems_in(line)).sum();
        let message = message.to_owned();
        return Problem { line: Some(line), column, message, more: others };
    }
    let frame = lines.iter().rev().find_map(|line| {
        let (_, rest) = line.split_once("\", line ")?;
        leading_number(rest).map(|(line, _)| line)
    });
    let said = lines.last().copied().unwrap_or("no reason was given");
    Problem { line: frame, column: None, message: said.to_owned(), more: 0 }
}

/// Problems that a line after the first tells of: one of its own, or `and N more problems`.
fn problems_in(line: &str) -> usize {
    let uncounted = line.strip_prefix("and ").and_then(|rest| rest.strip_suffix(" more problems"));
    match uncounted {
        Some(number) => number.parse().unwrap_or(0),
        None => usize::from(position(line).is_some()),
    }
}

/// `line L, column C: rest`, `line L: rest`, or either after `FILE: ` or `FILE, `.
fn position(text: &str) -> Option<(u64, Option<u64>, &str)> {
    let after = || [": line ", ", line "].iter().filter_map(|joint| text.find(joint)).min();
    let at = if text.starts_with("line ") { 0 } else { after()? + 2 };
    let (line, rest) = leading_number(text.get(at + "line ".len()..)?)?;
    if let Some(rest) = rest.strip_prefix(", column ") {
        let (column, rest) = leading_number(rest)?;
        return Some((line, Some(column), rest.strip_prefix(": ")?));
    }
    Some((line, None, rest.strip_prefix(": ")?))
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// Why a stopped stream's DAG leaves it so although nothing is wrong with the DAG.
pub(super) fn never_run(dag: &Dag, task: Option<&str>, stream: &str) -> Finding {
    Finding::cause("dag-never-run", hop(dag))
        .says(format!(
            "DAG {} has no schedule and was never triggered, so {} did not start stream {stream}.",
            dag.id,
            who(task)
        ))
        .next(format!("trigger DAG {} on its page, or give it a schedule", dag.id))
        .at(&dag_file(&dag.file), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_problem_is_found_in_either_language() {
        let yaml = "line 3, column 5: unknown key schedul; did you mean schedule?\nline 9, column 1: x\nand 20 more problems";
        let found = problem(yaml);
        assert_eq!((found.line, found.column, found.more), (Some(3), Some(5), 21));
        assert_eq!(found.message, "unknown key schedul; did you mean schedule?");
        let python = "Traceback (most recent call last):\n  File \"/d/a.py\", line 7, in <module>\n    \
                      import kafka\nModuleNotFoundError: No module named 'kafka'\n";
        let found = problem(python);
        assert_eq!((found.line, found.column), (Some(7), None));
        assert_eq!(found.message, "ModuleNotFoundError: No module named 'kafka'");
        let found = problem(&format!("/d/a.py, line 7: ModuleNotFoundError: no\n{python}"));
        assert_eq!((found.line, found.more), (Some(7), 0));
        assert_eq!(found.message, "ModuleNotFoundError: no");
        assert_eq!(problem("a.py: line 4: invalid syntax").line, Some(4));
        assert_eq!(problem("").message, "no reason was given");
    }
}
