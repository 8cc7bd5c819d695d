//! What the engine's sentence about a stream is about.
//!
//! The engine tells people, not programs, what is wrong: these are the beginnings of its sentences. A
//! test reads its sources for them, so that a changed word there is seen here.

use crate::finding::{CASSANDRA, KAFKA};

/// What a stream's trouble is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble<'a> {
    /// A server does not answer, as the stream sees it.
    Away { server: &'static str, why: &'a str },
    /// Kafka answers and refuses.
    KafkaRefused,
    /// Cassandra answers and refuses: what it was asked, and why it refused.
    SinkRefused { action: &'a str, reason: &'a str },
    /// The polled source does not answer.
    SourceAway { why: &'a str },
    /// The checkpoint is ahead of the topic.
    CheckpointAhead,
    /// Records were deleted before they were read.
    Deleted,
    /// The checkpoint was made with another Kafka cluster, or with this one before it was wiped.
    OtherCluster,
    /// The checkpoint belongs to something else.
    OtherCheckpoint,
    /// The topic is gone.
    TopicGone,
    /// Anything else.
    Other,
}

impl<'a> Trouble<'a> {
    pub(super) fn of(message: &'a str) -> Self {
        let message = message.strip_prefix(STOPPED).unwrap_or(message);
        if let Some(rest) = message.strip_prefix("Kafka at ") {
            return match rest.split_once(AWAY) {
                Some((_, action)) => Self::Away { server: KAFKA, why: after_colon(action) },
                None => Self::KafkaRefused,
            };
        }
        if let Some(rest) = message.strip_prefix("Cassandra at ") {
            if let Some((_, rest)) = rest.split_once(REFUSED) {
                let (action, reason) = rest.split_once(": ").unwrap_or((rest, rest));
                let reason = reason.rsplit_once("; ").map_or(reason, |(reason, _)| reason);
                let reason = reason.split_once(DATABASE).map_or(reason, |(_, words)| words);
                return Self::SinkRefused { action, reason };
            }
            return Self::Away { server: CASSANDRA, why: after_colon(rest) };
        }
        if message.starts_with("the API at ") && message.contains(SILENT) {
            let why = message.split_once(SILENT).map_or(message, |(_, why)| why);
            return Self::SourceAway { why: why.rsplit_once("; ").map_or(why, |(why, _)| why) };
        }
        let has = |phrase: &str| message.contains(phrase);
        if has(WIPED) {
            Self::CheckpointAhead
        } else if has(UNREAD) || has(NO_LONGER) {
            Self::Deleted
        } else if has(OTHER_CLUSTER) {
            Self::OtherCluster
        } else if has(OTHER_TOPIC) || has(OTHER_QUERY) || has(COMMITTED) {
            Self::OtherCheckpoint
        } else if has(GONE) {
            Self::TopicGone
        } else {
            Self::Other
        }
    }
}

fn after_colon(text: &str) -> &str {
    text.split_once(": ").map_or(text, |(_, why)| why)
}

const STOPPED: &str = "stopped while it waited: ";
const AWAY: &str = " cannot ";
const REFUSED: &str = " refused to ";
const SILENT: &str = " does not answer: ";
const WIPED: &str = "the topic was wiped or made anew";
const UNREAD: &str = "records were deleted unread";
const NO_LONGER: &str = "no longer holds the offset that the stream wants to read next";
const OTHER_CLUSTER: &str = "belongs to another Kafka cluster";
const OTHER_TOPIC: &str = "belongs to topic ";
const OTHER_QUERY: &str = "was made by another query";
const COMMITTED: &str = " has committed batch ";
/// The driver's words before the database's own.
const DATABASE: &str = ", Error message: ";
const GONE: &str = " is gone; create it again";

/// The column that a refusal says is missing, in the words of Cassandra of any version.
pub(super) fn missing_column(reason: &str) -> Option<&str> {
    let after = ["Undefined column name ", "Unknown identifier "]
        .iter()
        .find_map(|phrase| reason.split_once(phrase).map(|(_, rest)| rest))?;
    let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '"'));
    let name = after[..end.unwrap_or(after.len())].trim_matches('"');
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_still_says_it_in_these_words() {
        let start = include_str!("../../../engine/src/stream/start.rs");
        for phrase in [WIPED, UNREAD, OTHER_CLUSTER, OTHER_TOPIC, OTHER_QUERY, COMMITTED] {
            assert!(start.contains(phrase), "{phrase}");
        }
        let kafka = include_str!("../../../engine/src/kafka.rs");
        assert!(kafka.contains("\"Kafka at {address} cannot {action} now: {source}\""));
        assert!(kafka.contains("\"Kafka at {address} refused to {action}: {source}; {next}\""));
        let cassandra = include_str!("../../../engine/src/cassandra.rs");
        assert!(cassandra.contains("\"Cassandra at {address} cannot {action} now: {reason}\""));
        let refused = "\"Cassandra at {address} refused to {action}: {reason}; {next}\"";
        assert!(cassandra.contains(refused));
        let poller = include_str!("../../../engine/src/poller.rs");
        assert!(poller.contains("\"the API at {url} does not answer: {source}; "));
        let source = include_str!("../../../engine/src/kafka/source.rs");
        assert!(source.contains(NO_LONGER) && source.contains(GONE));
        let supervise = include_str!("../../../engine/src/stream/supervise.rs");
        assert!(supervise.contains(STOPPED));
    }

    #[test]
    fn a_sentence_is_taken_apart() {
        let away =
            "stopped while it waited: Cassandra at c:9042 cannot open a session now: refused";
        assert_eq!(Trouble::of(away), Trouble::Away { server: CASSANDRA, why: "refused" });
        let refused = "Cassandra at c:9042 refused to INSERT INTO k.t (a) VALUES (?): Database \
                       returned an error: Undefined column name a in table k.t; compare the table";
        let Trouble::SinkRefused { reason, .. } = Trouble::of(refused) else { panic!("{refused}") };
        assert_eq!(missing_column(reason), Some("a"));
        let api = "the API at http://x/ does not answer: io: refused; the stream asks again";
        assert_eq!(Trouble::of(api), Trouble::SourceAway { why: "io: refused" });
        assert_eq!(Trouble::of("broken"), Trouble::Other);
    }
}
