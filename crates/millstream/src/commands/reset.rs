//! `millstream reset STREAM`: moves a stopped stream to another position of its topic.

use std::path::Path;

use runtime::World;

use super::{Outcome, small_runtime};
use crate::cli::PartName;
use crate::engine_link::{self, Position};
use crate::failure::Failure;
use crate::node::lock::DataLock;
use crate::node::parts;
use crate::node::plan::Plan;
use crate::project::Project;
use crate::screen;

/// Moves the stream. Takes the data directory's lock, so it is refused while a node runs on it.
pub(crate) fn run(
    stream: &str,
    to: &str,
    project: Option<&Path>,
    data: Option<&Path>,
    set: &[String],
) -> Outcome {
    let to = read(to)?;
    let project = Project::find(project)?;
    // The embedded broker runs for this command alone, on a port nobody else has.
    let own_broker = vec!["broker.listen=127.0.0.1:0".to_owned()];
    let config = project.config(&[set, &own_broker].concat())?;
    let data = project.data(data);
    let parsed = engine_link::parse(&project.sql)?;
    let _lock = DataLock::take(&data)?;
    let plan = Plan::decide(&config, &[])?;
    let mut settings = engine_link::settings(&config, &plan, &project.directory, &data)?;
    let world = World::real(config.durability()?);
    let runtime = small_runtime()?;
    let mut broker = None;
    if plan.runs(PartName::Broker) {
        let logs = data.join("broker");
        let started = runtime.block_on(parts::broker(&config, &logs, world.clone()))?;
        settings.kafka = parts::reached(started.address());
        broker = Some(started);
    }
    let positions = engine_link::reset(&settings, &parsed, stream, to, &world);
    if let Some(broker) = broker {
        runtime.block_on(broker.stop());
    }
    let positions = positions?;
    for (partition, offset) in positions {
        screen::say(&format!("{stream}: partition {partition} goes on at {offset}"));
    }
    Ok(())
}

/// Reads earliest, latest, or `PARTITION=OFFSET,...`.
fn read(text: &str) -> Result<Position, Failure> {
    match text {
        "earliest" => Ok(Position::Earliest),
        "latest" => Ok(Position::Latest),
        _ => text
            .split(',')
            .map(|pair| {
                let (partition, offset) = pair.split_once('=')?;
                let offset = offset.trim().parse::<i64>().ok().filter(|offset| *offset >= 0)?;
                Some((partition.trim().parse::<i32>().ok()?, offset))
            })
            .collect::<Option<_>>()
            .map(Position::Offsets)
            .ok_or_else(|| {
                Failure::new(format!("--to {text} is no position"))
                    .next("write earliest, latest, or PARTITION=OFFSET such as 0=1200,1=900")
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_word_or_offsets() {
        assert!(matches!(read("latest"), Ok(Position::Latest)));
        let Ok(Position::Offsets(offsets)) = read("0=12, 1=9") else { panic!("not offsets") };
        assert_eq!(offsets.into_iter().collect::<Vec<_>>(), [(0, 12), (1, 9)]);
        assert!(read("0=-1").is_err() && read("tomorrow").is_err());
    }
}
