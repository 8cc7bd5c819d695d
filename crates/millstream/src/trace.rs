//! The parts' own diagnostics: warnings and errors on standard error, one line each.
//!
//! A subscriber of a few lines instead of a crate for it: no filters but the level, no spans.

use std::fmt::{self, Write as _};
use std::str::FromStr as _;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::screen;

/// Shows events up to a level.
struct Lines {
    level: Level,
}

/// Installs it. The level is MILLSTREAM_LOG: error, warn (the default), info, debug or trace.
pub(crate) fn install() {
    let level = std::env::var("MILLSTREAM_LOG")
        .ok()
        .and_then(|text| Level::from_str(&text).ok())
        .unwrap_or(Level::WARN);
    // The only failure is that a subscriber is installed, and main installs once.
    let _installed = tracing::subscriber::set_global_default(Lines { level });
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let target = event.metadata().target().split("::").next().unwrap_or_default();
        let mut line = Line(format!("{:5} {target}:", event.metadata().level()));
        event.record(&mut line);
        screen::note(&line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _written = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
