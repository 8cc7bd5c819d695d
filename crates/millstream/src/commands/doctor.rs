//! `millstream doctor`: why a table is empty or late, hop by hop.

use std::path::Path;

use doctor::{examine, to_json, to_text};
use runtime::World;

use super::{Outcome, small_runtime};
use crate::engine_link;
use crate::failure::Failure;
use crate::node::{diagnosis, key, listening::Listening, orchestration, plan::Plan};
use crate::project::Project;
use crate::screen;

/// Prints what the doctor found, as text or as JSON.
pub(crate) fn run(project: Option<&Path>, json: bool, set: &[String]) -> Outcome {
    let project = Project::find(project)?;
    let config = project.config(set)?;
    let plan = Plan::decide(&config, &[])?;
    let data = project.data(None);
    let mut engine = engine_link::settings(&config, &plan, &project.directory, &data)?;
    if let Some(listening) = Listening::load(&data) {
        let address = listening.engine;
        engine = engine_link::at(engine, &listening);
        engine.listen = address.unwrap_or(engine.listen);
    }
    let clock = World::real(config.durability()?).clock;
    let report = small_runtime()?.block_on(async {
        // Files with mistakes declare nothing; what runs is asked all the same.
        let declared = engine_link::parse(&project.sql)
            .map_or_else(|_| Vec::new(), |parsed| engine_link::declared(&parsed));
        let mut settings =
            diagnosis::settings(&plan, &engine.kafka, &engine.cassandra, engine.listen, declared);
        let opened = match key::load(&data) {
            Ok(key) => orchestration::database(&config, &data, &key).await,
            Err(failure) => Err(failure),
        };
        match opened {
            Ok(metadata) => {
                metadata.address().clone_into(&mut settings.metadata_address);
                settings.metadata = Some(metadata);
            }
            Err(failure) => settings.metadata_trouble = Some(failure.to_string()),
        }
        examine(&settings, clock.as_ref()).await
    });
    if json {
        let text = to_json(&report)
            .map_err(|error| Failure::new(format!("cannot print the report: {error}")))?;
        screen::say(&text);
    } else {
        screen::say(to_text(&report).trim_end());
    }
    Ok(())
}
