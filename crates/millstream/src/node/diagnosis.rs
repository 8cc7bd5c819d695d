//! The doctor beside a node: what the console's page asks.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use console::{Finding, Findings, Severity};
use doctor::{Declared, Report, Settings, examine, to_json};
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

/// What the project's files declare, as of their last edit.
pub(crate) type Files = Arc<Mutex<Vec<Declared>>>;

/// The doctor of a running node.
pub(crate) fn of_node(
    plan: &Plan,
    listening: &Listening,
    files: Files,
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
        ..settings(plan, &kafka, &cassandra, listening.engine?, Vec::new())
    };
    Some(Arc::new(Doctor { settings, files, clock }))
}

#[derive(Debug)]
struct Doctor {
    settings: Settings,
    files: Files,
    clock: Arc<dyn Clock>,
}

impl Doctor {
    async fn report(&self) -> Report {
        let declared = self.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let settings = Settings { declared, ..self.settings.clone() };
        examine(&settings, self.clock.as_ref()).await
    }
}

impl Findings for Doctor {
    fn findings(&self) -> Pin<Box<dyn Future<Output = Vec<Finding>> + Send + '_>> {
        Box::pin(async {
            let found = self.report().await.findings;
            let causes = found.iter().filter(|one| one.because_of.is_none());
            causes.map(|cause| shown(cause, &found)).collect()
        })
    }

    fn json(&self) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + '_>> {
        Box::pin(async {
            to_json(&self.report().await)
                .map_err(|error| format!("cannot write the report: {error}"))
        })
    }
}

/// A finding with what it explains, as the command prints it.
fn shown(found: &doctor::Finding, all: &[doctor::Finding]) -> Finding {
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
        None => found.next.clone(),
    };
    let so = all.iter().filter(|one| one.because_of == Some(found.id));
    Finding {
        hop: found.hop.name.clone(),
        severity,
        sentence: found.sentence.clone(),
        next,
        so: so.map(|one| one.sentence.clone()).collect(),
    }
}
