//! The doctor beside a node: what the console's page asks.

use std::pin::Pin;
use std::sync::Arc;

use console::{Finding, Findings, Severity};
use doctor::{Declared, Settings, examine};
use metadata::Metadata;
use runtime::Clock;

use super::listening::Listening;
use super::plan::Plan;
use crate::addresses::Address;

/// What the doctor is told of servers at these addresses.
pub(crate) fn settings(
    plan: &Plan,
    kafka: &str,
    cassandra: &[String],
    engine: std::net::SocketAddr,
    declared: Vec<Declared>,
) -> Settings {
    Settings {
        kafka_embedded: plan.kafka == Address::Embedded,
        cassandra_embedded: plan.cassandra == Address::Embedded,
        declared,
        ..Settings::new(kafka, cassandra, engine)
    }
}

/// The doctor of a running node.
pub(crate) fn of_node(
    plan: &Plan,
    listening: &Listening,
    declared: Vec<Declared>,
    metadata: Metadata,
    clock: Arc<dyn Clock>,
) -> Option<Arc<dyn Findings>> {
    let cassandra: Vec<String> = listening
        .cassandra
        .iter()
        .flat_map(|servers| servers.split(','))
        .map(str::to_owned)
        .collect();
    let kafka = listening.kafka.clone().unwrap_or_default();
    let settings = Settings {
        metadata_address: metadata.address().to_owned(),
        metadata: Some(metadata),
        ..settings(plan, &kafka, &cassandra, listening.engine?, declared)
    };
    Some(Arc::new(Doctor { settings, clock }))
}

#[derive(Debug)]
struct Doctor {
    settings: Settings,
    clock: Arc<dyn Clock>,
}

impl Findings for Doctor {
    fn findings(&self) -> Pin<Box<dyn Future<Output = Vec<Finding>> + Send + '_>> {
        Box::pin(async {
            let report = examine(&self.settings, self.clock.as_ref()).await;
            report.findings.into_iter().map(shown).collect()
        })
    }
}

fn shown(found: doctor::Finding) -> Finding {
    let severity = match found.severity {
        doctor::Severity::Error => Severity::Problem,
        doctor::Severity::Warning => Severity::Warning,
        doctor::Severity::Info => Severity::Note,
    };
    let at = |place: &doctor::Place| match place.line {
        Some(line) => format!("{}:{line}", place.file),
        None => place.file.clone(),
    };
    let next = match &found.place {
        Some(place) => format!("{} ({})", found.next, at(place)),
        None => found.next,
    };
    Finding { hop: found.hop.name, severity, sentence: found.sentence, next }
}
