//! Tasks that fail, that wait for a slot, and that end well without having sent anything.

use super::{Context, dag_file, task_of};
use crate::facts::{Dag, Orchestrator, Run, Target, Task};
use crate::finding::{Finding, Hop, HopKind};
use crate::graph::task_hop;
use crate::words::{count, length, line_of, phrase, time};
use chrono::{DateTime, Utc};

/// A task that waits for less is not stuck, seconds.
const QUEUED_SECONDS: i64 = 5;

pub(super) fn find(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(orchestrator) = context.orchestrator() else { return };
    for dag in orchestrator.dags.iter().filter(|dag| !dag.stale) {
        findings.extend(failing(context, dag));
        findings.extend(sent_nothing(context, dag));
        findings.extend(stuck(context, orchestrator, dag));
    }
}

/// The hop of a task: the DAG's own unless a pipeline begins with the task.
fn hop(dag: &Dag, task: &str) -> Hop {
    let feeds = dag.feeds.iter().any(|feed| feed.task_id.as_deref() == Some(task));
    if feeds { task_hop(&dag.id, task) } else { Hop::new(HopKind::Dag, &dag.id) }
}

/// Whether a pipeline waits for a feeding task of this run.
fn keeps_from_feeding(context: &Context<'_>, dag: &Dag, run: &Run, failing: &Task) -> bool {
    let feeds = |task: &Task| {
        task.task_id == failing.task_id || task.state == "upstream_failed" || task.state == "none"
    };
    context.uses(&Hop::new(HopKind::Dag, &dag.id))
        && dag.feeds.iter().any(|feed| match &feed.task_id {
            None => true,
            Some(id) => {
                let mut tasks = run.tasks.iter().filter(|task| task.task_id == *id);
                tasks.next().is_none_or(feeds)
            }
        })
}

fn failing(context: &Context<'_>, dag: &Dag) -> Option<Finding> {
    let mut found = None;
    for run in &dag.runs {
        let fails = |task: &&Task| matches!(task.state.as_str(), "failed" | "up_for_retry");
        found = run.tasks.iter().find(fails).map(|task| (run, task));
        if found.is_some() || run.state == "success" {
            break;
        }
    }
    let (run, task) = found?;
    let reason = task
        .reason
        .as_deref()
        .map_or_else(|| "no reason was kept; read its log".to_owned(), phrase);
    let Task { task_id, try_number, tries_max, .. } = task;
    let again = task.retry_at.map_or_else(String::new, |at| {
        format!("; it is tried again at {}", time(at, context.facts.now))
    });
    let sentence = if task.state == "failed" {
        let tries = if *tries_max > 1 { "tries" } else { "try" };
        format!(
            "Task {task_id} of DAG {} has failed after {try_number} of {tries_max} {tries}: {reason}.",
            dag.id
        )
    } else {
        format!(
            "Task {task_id} of DAG {} fails: try {try_number} of {tries_max} ended with: {reason}{again}.",
            dag.id
        )
    };
    let finding = if keeps_from_feeding(context, dag, run, task) {
        Finding::cause("task-failing", hop(dag, task_id))
    } else {
        Finding::remark("task-failing", hop(dag, task_id)).warn()
    };
    let next = format!(
        "read the log of {} in run {}, mend it, and clear the task",
        task_of(dag, Some(task_id)),
        run.run_id
    );
    Some(finding.says(sentence).next(next).at(&dag_file(&dag.file), line_of(&dag.source, task_id)))
}

/// What the runtime says of a task whose records did not reach Kafka: `kafka: the task ...`.
fn sent_nothing(context: &Context<'_>, dag: &Dag) -> Option<Finding> {
    for run in &dag.runs {
        let warned = run.tasks.iter().find_map(|task| Some((task, task.warnings.last()?)));
        if let Some((task, warning)) = warned {
            return Some(warned_of(context, dag, task, warning));
        }
        if run.state == "success" {
            break;
        }
    }
    None
}

fn warned_of(context: &Context<'_>, dag: &Dag, task: &Task, warning: &str) -> Finding {
    let text = warning.trim_start_matches("kafka:").trim();
    let text = text.strip_prefix("the task ").unwrap_or(text);
    let text = phrase(text);
    let told = |words: &[&str]| {
        let lower = text.to_lowercase();
        words.iter().any(|word| lower.contains(word))
    };
    let line = |words: &[&str]| {
        let holds = |line: &str| words.iter().any(|word| line.contains(word));
        let at = dag.source.lines().position(holds)?;
        u64::try_from(at + 1).ok()
    };
    let (rule, next, line) = if told(&["serializ", "serialis"]) {
        let next = if text.contains("UUID") {
            "make the value text before it is sent, as in str(uuid.uuid4())"
        } else {
            "make the value something that json.dumps takes, or give the producer a \
             value_serializer"
        };
        let uuid = if text.contains("UUID") { line(&["uuid4("]) } else { None };
        ("value-not-serialisable", next, uuid.or_else(|| line(&[".send(", ".produce("])))
    } else if told(&["flush"]) {
        let next = "call producer.flush() before the task ends";
        ("producer-not-flushed", next, line(&[".send(", ".produce("]))
    } else if told(&["nobrokersavailable", "no broker", "could not connect", "cannot be reached"]) {
        let next = "correct bootstrap_servers; the address of this project's Kafka is";
        ("producer-without-broker", next, line(&["bootstrap"]))
    } else {
        let next = "read the task's log, and look at what it sends";
        ("task-sent-nothing", next, line(&[".send(", ".produce("]))
    };
    let next = if rule == "producer-without-broker" {
        format!("{next} {}", context.facts.kafka.address)
    } else {
        next.to_owned()
    };
    let hop = hop(dag, &task.task_id);
    let finding = if context.uses(&hop) {
        Finding::cause(rule, hop)
    } else {
        Finding::remark(rule, hop).warn()
    };
    // Some that did not arrive are not all.
    let finding = if told(&["no record", "nothing"]) { finding } else { finding.warn() };
    let joint = if warning.contains("the task ") { " " } else { ": " };
    finding
        .says(format!("Task {} of DAG {}{joint}{text}.", task.task_id, dag.id))
        .next(next)
        .at(&dag_file(&dag.file), line)
}

fn stuck(context: &Context<'_>, orchestrator: &Orchestrator, dag: &Dag) -> Option<Finding> {
    let now = context.facts.now;
    let waits = |since: DateTime<Utc>| (now - since).num_seconds() >= QUEUED_SECONDS;
    let live = |run: &&Run| run.state == "running" || run.state == "queued";
    let running = dag.runs.iter().any(|run| run.state == "running");
    for run in dag.runs.iter().filter(live) {
        if run.state == "queued" && !running && waits(run.run_after) {
            return Some(unscheduled(context, dag, run));
        }
        for task in &run.tasks {
            let since = match task.state.as_str() {
                "queued" => task.queued_at.or(run.start),
                "scheduled" => run.start,
                _ => None,
            };
            if let Some(since) = since.filter(|since| waits(*since)) {
                return Some(queued(context, orchestrator, dag, task, since));
            }
        }
    }
    None
}

fn waited(now: DateTime<Utc>, since: DateTime<Utc>) -> String {
    let seconds = i32::try_from((now - since).num_seconds()).unwrap_or(i32::MAX);
    length(f64::from(seconds))
}

fn unscheduled(context: &Context<'_>, dag: &Dag, run: &Run) -> Finding {
    let hop = Hop::new(HopKind::Dag, &dag.id);
    let finding = if context.uses(&hop) {
        Finding::cause("run-queued", hop)
    } else {
        Finding::remark("run-queued", hop).warn()
    };
    finding
        .says(format!(
            "Run {} of DAG {} has been queued for {}, and no scheduler takes it.",
            run.run_id,
            dag.id,
            waited(context.facts.now, run.run_after)
        ))
        .next("start the orchestrator: `millstream up`, or `millstream up --only orchestrator`")
}

fn queued(
    context: &Context<'_>,
    orchestrator: &Orchestrator,
    dag: &Dag,
    task: &Task,
    since: DateTime<Utc>,
) -> Finding {
    let (why, next) = why_queued(orchestrator, task);
    let hop = hop(dag, &task.task_id);
    let finding = if context.uses(&hop) {
        Finding::cause("task-queued", hop)
    } else {
        Finding::remark("task-queued", hop).warn()
    };
    finding
        .says(format!(
            "Task {} of DAG {} has been {} for {}: {why}.",
            task.task_id,
            dag.id,
            task.state,
            waited(context.facts.now, since)
        ))
        .next(next)
}

fn why_queued(orchestrator: &Orchestrator, task: &Task) -> (String, String) {
    let Task { pool, pool_slots, .. } = task;
    let Some(own) = orchestrator.pools.iter().find(|known| known.name == *pool) else {
        let names = orchestrator.pools.iter().map(|pool| pool.name.as_str());
        let next = spelling::nearest(pool, names).map_or_else(
            || format!("make pool {pool}"),
            |near| format!("did you mean pool {near}?"),
        );
        return (format!("there is no pool {pool}"), next);
    };
    let slots = count(own.slots, "slot");
    let raise = format!("give pool {pool} more slots, or wait for the tasks that run in it");
    if *pool_slots > own.slots {
        return (format!("it needs {pool_slots} slots, and pool {pool} has {slots}"), raise);
    }
    let running: u64 = orchestrator.pools.iter().map(|pool| pool.running).sum();
    if own.running.saturating_add(*pool_slots) > own.slots {
        return (format!("pool {pool} has {slots}, and {} taken", are(own.running)), raise);
    }
    if orchestrator.executor.as_deref() == Some("SequentialExecutor") && running > 0 {
        let why = "the SequentialExecutor runs one task at a time, and another one runs";
        let next = "wait for it, or set orchestrator.executor to LocalExecutor";
        return (why.to_owned(), next.to_owned());
    }
    if let Some(most) = orchestrator.parallelism.filter(|most| running >= *most) {
        let why = format!("the executor runs at most {}, and so many run", count(most, "task"));
        return (why, "raise orchestrator.parallelism, or wait".to_owned());
    }
    let why = "slots are free, and no scheduler takes it";
    let next = "start the orchestrator: `millstream up`, or `millstream up --only orchestrator`";
    (why.to_owned(), next.to_owned())
}

fn are(number: u64) -> String {
    if number == 1 { "1 is".to_owned() } else { format!("{number} are") }
}

/// Whether a warning of a feeding task explains why its topic is empty.
pub(super) fn was_warned(dag: &Dag) -> bool {
    dag.runs.iter().flat_map(|run| &run.tasks).any(|task| !task.warnings.is_empty())
}

/// The task that ended well and should have sent records to this topic, with the time of that.
pub(super) fn ended_well<'a>(
    context: &Context<'a>,
    topic: &str,
) -> Option<(&'a Dag, Option<&'a str>, DateTime<Utc>)> {
    let feeders = context.feeders(&Target::Topic(topic.to_owned()));
    feeders.into_iter().filter(|(dag, _)| !was_warned(dag)).find_map(|(dag, task)| {
        let done = dag.runs.iter().find_map(|run| {
            let mut tasks = run.tasks.iter().filter(|one| one.state == "success");
            match task {
                Some(id) => tasks.find(|one| one.task_id == id)?.end,
                None => run.end.filter(|_| run.state == "success"),
            }
        })?;
        Some((dag, task, done))
    })
}
