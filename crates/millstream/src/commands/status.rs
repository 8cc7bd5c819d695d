//! `millstream status`: the streams of a running project.

use std::net::SocketAddr;
use std::path::Path;

use super::{Outcome, small_runtime};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::listening::Listening;
use crate::node::plan::reachable;
use crate::node::status::{Status, ask_text};
use crate::project::Project;
use crate::screen::{self, live};

/// Prints a line per stream, or the engine's answer as it is.
pub(crate) fn run(project: Option<&Path>, json: bool, set: &[String]) -> Outcome {
    let project = Project::find(project)?;
    let config = project.config(set)?;
    let address = engine_address(&config, &project.data(None))?;
    let text = small_runtime()?.block_on(ask_text(address))?;
    let status = Status::parse(&text)?;
    if json {
        screen::say(text.trim_end());
    } else {
        for line in live::lines(&status) {
            screen::say(&line);
        }
    }
    Ok(())
}

fn engine_address(config: &Config, data: &Path) -> Result<SocketAddr, Failure> {
    let listen = config.listen("engine.listen")?;
    let running = (listen.port() == 0).then(|| Listening::load(data)?.engine).flatten();
    Ok(running.unwrap_or_else(|| reachable(listen)))
}
