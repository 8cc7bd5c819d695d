//! A stream's thread: starts it, and starts it again from its journal when what was away may be back.

use super::{Environment, StreamError, pause, poll, start};
use crate::project::Connector;
use crate::status::Trouble;
use std::time::Duration;

/// A stream that ran so long has recovered.
const STEADY: Duration = Duration::from_secs(10);

/// Runs a stream until it is told to stop or cannot go on. Its board says which.
pub fn supervise(environment: &Environment) {
    let mut tries = 0;
    loop {
        let began = environment.world.clock.elapsed();
        let outcome = run(environment);
        // A stream that starts and stumbles at once, as over a full disk, waits longer each time.
        if environment.world.clock.elapsed().saturating_sub(began) >= STEADY {
            tries = 0;
        }
        let stopped = environment.stopped();
        match outcome {
            Ok(()) => return environment.board.state("stopped", None),
            Err(error) if stopped && error.transient() => {
                let message = format!("stopped while it waited: {error}");
                return environment.board.state("stopped", Some(Trouble { message, hint: None }));
            }
            Err(error) if error.transient() => {
                pause(&environment.board, &error, tries);
                tries += 1;
            }
            Err(error) => {
                tracing::error!(stream = environment.stream.name, %error, "the stream has failed");
                let trouble = Trouble { message: error.to_string(), hint: None };
                return environment.board.state("failed", Some(trouble));
            }
        }
        if environment.stopped() {
            return environment.board.state("stopped", None);
        }
    }
}

fn run(environment: &Environment) -> Result<(), StreamError> {
    match &environment.stream.source.connector {
        Connector::Http(_) | Connector::File(_) | Connector::Datagen(_) => {
            poll::start(environment)?.run()
        }
        _ => start::start(environment)?.run(),
    }
}
