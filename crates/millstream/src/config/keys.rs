//! The list of settings: name, kind and range of each.
//!
//! The defaults and the words for people are in `defaults.toml`; a test holds the two together.

use std::time::Duration;

use crate::failure::Failure;
use spelling::nearest;

/// What a setting may hold. Bounds are inclusive.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// True or false.
    Flag,
    /// A whole number.
    Count(u64, u64),
    /// A share such as `"2%"`, 0 to 100.
    Percent,
    /// A duration such as `"30s"`.
    Span(Duration, Duration),
    /// A size in bytes such as `"64MiB"`.
    Size(u64, u64),
    /// An address to listen on.
    Listen(Reach),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Where a part runs: `"embedded"`, or servers.
    Place(Part),
    /// The metadata database: `"embedded"`, or the address of a PostgreSQL.
    Database,
}

/// Who may connect to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Any machine, if the user opens it.
    Anyone,
    /// This machine only: the page and the status service have no authentication.
    Loopback,
}

/// Whether a part can run elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It can.
    Built,
    /// Not yet: any other value than `"embedded"` is refused.
    NotBuilt,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const PIB: u64 = 1 << 50;

/// Every setting there is, `section.key`, in the order of `defaults.toml`.
pub(crate) const KEYS: &[(&str, Kind)] = &[
    ("addresses.kafka", Kind::Place(Part::Built)),
    ("addresses.cassandra", Kind::Place(Part::Built)),
    ("addresses.spark", Kind::Place(Part::NotBuilt)),
    ("addresses.registry", Kind::Place(Part::NotBuilt)),
    ("addresses.database", Kind::Database),
    ("addresses.connect", Kind::Place(Part::NotBuilt)),
    ("addresses.orchestrator", Kind::Place(Part::NotBuilt)),
    ("broker.listen", Kind::Listen(Reach::Anyone)),
    ("broker.advertised_host", Kind::Text),
    ("broker.partitions", Kind::Count(1, 1_000)),
    ("broker.auto_create_topics", Kind::Flag),
    ("broker.retention", Kind::Span(Duration::from_secs(1), Duration::from_secs(36_500 * 86_400))),
    ("broker.retention_bytes", Kind::Size(0, PIB)),
    ("broker.segment", Kind::Size(MIB, GIB)),
    ("broker.memory", Kind::Size(4 * MIB, PIB)),
    ("broker.batch_max", Kind::Size(1 << 10, 64 * MIB)),
    ("store.listen", Kind::Listen(Reach::Anyone)),
    ("store.advertised_host", Kind::Text),
    ("store.cache", Kind::Size(MIB, 64 * GIB)),
    ("store.memtable", Kind::Size(16 * KIB, GIB)),
    ("engine.listen", Kind::Listen(Reach::Loopback)),
    ("engine.parallelism", Kind::Count(1, 256)),
    ("engine.batch_records", Kind::Count(1, 1_000_000)),
    ("engine.memory", Kind::Size(4 * MIB, PIB)),
    ("engine.commit_interval", Kind::Span(Duration::from_millis(1), Duration::from_secs(600))),
    (
        "engine.topic_commit_interval",
        Kind::Span(Duration::from_millis(1), Duration::from_secs(600)),
    ),
    ("engine.commit_records", Kind::Count(1, 10_000_000)),
    ("engine.journal", Kind::Size(KIB, GIB)),
    ("sql.memory", Kind::Size(32 * MIB, PIB)),
    ("orchestrator.executor", Kind::Choice(&["LocalExecutor", "SequentialExecutor"])),
    ("orchestrator.parallelism", Kind::Count(1, 1_000)),
    ("orchestrator.python", Kind::Text),
    ("orchestrator.paused_at_creation", Kind::Flag),
    ("orchestrator.unpaused", Kind::Text),
    ("orchestrator.packages", Kind::Choice(&["any", "listed"])),
    ("orchestrator.operators", Kind::Choice(&["any", "listed"])),
    ("webserver.listen", Kind::Listen(Reach::Anyone)),
    ("webserver.names", Kind::Text),
    ("console.listen", Kind::Listen(Reach::Anyone)),
    ("generator.enabled", Kind::Flag),
    ("generator.listen", Kind::Listen(Reach::Anyone)),
    ("generator.seed", Kind::Count(0, u64::MAX)),
    ("generator.rate", Kind::Count(1, 1_000_000)),
    ("generator.late", Kind::Percent),
    ("generator.duplicate", Kind::Percent),
    ("generator.corrupt", Kind::Percent),
    ("durability.mode", Kind::Choice(&["group", "os"])),
];

/// The key as it stands in the table, with its kind.
pub(crate) fn find(key: &str) -> Option<(&'static str, Kind)> {
    KEYS.iter().find(|(name, _)| *name == key).copied()
}

/// The sections, in the order of `defaults.toml`.
pub(crate) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = KEYS.iter().filter_map(|(name, _)| name.split('.').next()).collect();
    sections.dedup();
    sections
}

/// The failure about a key that does not exist.
pub(crate) fn unknown(key: &str) -> Failure {
    let failure = Failure::new(format!("{key} is not a setting"));
    match nearest(key, KEYS.iter().map(|(name, _)| *name)) {
        Some(near) => failure.next(format!("did you mean {near}?")),
        None => failure.next("`millstream config defaults` lists every setting"),
    }
}

/// The name of the environment variable of a key.
pub(crate) fn variable(key: &str) -> String {
    format!("MILLSTREAM_{}", key.replace('.', "_").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_answered_with_the_nearest() {
        let text = unknown("broker.retentoin").to_string();
        assert!(text.contains("did you mean broker.retention?"), "{text}");
        let text = unknown("weather").to_string();
        assert!(text.contains("config defaults"), "{text}");
    }

    #[test]
    fn no_two_keys_share_an_environment_variable() {
        let mut names: Vec<_> = KEYS.iter().map(|(key, _)| variable(key)).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
