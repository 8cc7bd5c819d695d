//! From what was seen to what is wrong: pure rules, one file per family.
//!
//! Each rule says what it finds as a cause, a symptom or a remark. Here they are put in order: what
//! stands on its own before what something else explains, errors first, and of those the furthest
//! upstream first. A symptom is explained by the first cause upstream of it.

mod brokers;
mod dags;
mod groups;
mod pipelines;
mod progress;
mod records;
mod servers;
mod sources;
mod streams;
mod tables;
mod tasks;
#[cfg(test)]
mod tests;
mod topics;
mod trouble;

use crate::facts::{Cluster, Dag, Facts, Orchestrator, Stream, Target, Topic};
use crate::finding::{Finding, Hop, HopKind, Role, Severity};
use crate::graph::Graph;
use crate::report::Pipeline;
use std::collections::BTreeSet;

/// The most findings of a report; the first are the worst.
const FINDINGS_MAX: usize = 200;

/// What the rules look at.
struct Context<'a> {
    facts: &'a Facts,
    graph: Graph,
    /// Every hop of a pipeline.
    used: BTreeSet<Hop>,
}

impl<'a> Context<'a> {
    fn new(facts: &'a Facts) -> Self {
        let graph = Graph::of(facts);
        let used = graph
            .last_streams(facts)
            .iter()
            .flat_map(|stream| graph.upstream(&crate::graph::sink_hop(stream)))
            .collect();
        Self { facts, graph, used }
    }

    fn cluster(&self) -> Option<&'a Cluster> {
        self.facts.kafka.known()
    }

    fn topic(&self, name: &str) -> Option<&'a Topic> {
        self.cluster()?.topics.get(name)
    }

    fn orchestrator(&self) -> Option<&'a Orchestrator> {
        self.facts.orchestrator.known()
    }

    fn uses(&self, hop: &Hop) -> bool {
        self.used.contains(hop)
    }

    /// The streams that read a topic.
    fn readers(&self, topic: &str) -> Vec<&'a Stream> {
        let reads = |stream: &&Stream| stream.source.topic() == Some(topic);
        self.facts.streams.iter().filter(reads).collect()
    }

    /// The DAGs with a task that feeds this, and that task if it is known.
    fn feeders(&self, target: &Target) -> Vec<(&'a Dag, Option<&'a str>)> {
        let dags = self.orchestrator().map_or(&[][..], |orchestrator| &orchestrator.dags);
        let feeds = |dag: &'a Dag| dag.feeds.iter().map(move |feed| (dag, feed));
        dags.iter()
            .flat_map(feeds)
            .filter(|(_, feed)| feed.into == *target)
            .map(|(dag, feed)| (dag, feed.task_id.as_deref()))
            .collect()
    }
}

/// `task T of DAG D`, or `DAG D` if it is not known which task.
fn task_of(dag: &Dag, task: Option<&str>) -> String {
    match task {
        Some(task) => format!("task {task} of DAG {}", dag.id),
        None => format!("DAG {}", dag.id),
    }
}

/// A DAG's file as the project names it.
fn dag_file(file: &str) -> String {
    format!("dags/{file}")
}

/// A sentence that begins with a capital.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// All that is wrong, the root cause first, and how each pipeline is.
#[must_use]
pub fn diagnose(facts: &Facts) -> (Vec<Finding>, Vec<Pipeline>) {
    let context = Context::new(facts);
    let mut findings = Vec::new();
    for rules in [
        servers::find,
        brokers::find,
        dags::find,
        tasks::find,
        sources::find,
        topics::find,
        streams::find,
        progress::find,
        records::find,
        tables::find,
        groups::find,
    ] {
        rules(&context, &mut findings);
    }
    let mut findings = ordered(&context.graph, findings);
    findings.truncate(FINDINGS_MAX);
    let pipelines = pipelines::of(&context, &mut findings);
    (findings, pipelines)
}

fn ordered(graph: &Graph, mut findings: Vec<Finding>) -> Vec<Finding> {
    let by_place = |finding: &Finding| (finding.severity, graph.level(&finding.hop));
    findings.sort_by_key(by_place);
    let causes: Vec<Hop> = findings
        .iter()
        .filter(|finding| finding.role == Role::Cause && finding.severity != Severity::Info)
        .map(|finding| finding.hop.clone())
        .collect();
    let explained = |finding: &Finding| {
        (finding.role == Role::Symptom).then(|| {
            let upstream = graph.upstream(&finding.hop);
            causes.iter().position(|cause| upstream.contains(cause))
        })?
    };
    let mut keyed: Vec<(Option<usize>, Finding)> =
        findings.into_iter().map(|finding| (explained(&finding), finding)).collect();
    // Stable: within either half the order stays.
    keyed.sort_by_key(|(cause, _)| cause.is_some());
    let mut ids = Vec::new();
    for (at, (_, finding)) in keyed.iter_mut().enumerate() {
        finding.id = at + 1;
        if finding.role == Role::Cause && finding.severity != Severity::Info {
            ids.push(finding.id);
        }
    }
    keyed
        .into_iter()
        .map(|(cause, mut finding)| {
            finding.because_of = cause.and_then(|at| ids.get(at).copied());
            finding
        })
        .collect()
}

/// The hop of a server.
fn server(name: &str) -> Hop {
    Hop::new(HopKind::Server, name)
}
