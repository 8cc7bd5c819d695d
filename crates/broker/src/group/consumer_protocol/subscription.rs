//! Which topics members subscribe to: by name, or by a pattern.
//!
//! A pattern fits whole names, those of internal topics too: as in Kafka, it is the client that leaves them
//! out where it wants to. Its syntax is RE2's as far as crate `regex` shares it, which leaves out only rarities
//! such as `\C` and `\Q...\E`.

use super::{Catalog, ConsumerGroup, Member};
use regex::{Regex, RegexBuilder};
use std::time::Duration;

/// Bytes of a pattern's program at most.
const PROGRAM_BYTES_MAX: usize = 1 << 20;
/// How often heartbeats look whether subscribed topics changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A subscription by regular expression.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    program: Regex,
}

impl Pattern {
    /// Compiles a pattern; None for an empty one, which means no pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.is_empty() {
            return Ok(None);
        }
        // Checked alone first: an unbalanced group must not close the one put around it.
        Regex::new(text).map_err(|error| error.to_string())?;
        let program = RegexBuilder::new(&format!("^(?:{text})$"))
            .size_limit(PROGRAM_BYTES_MAX)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Some(Self { text: text.to_owned(), program }))
    }

    fn fits(&self, topic: &str) -> bool {
        self.program.is_match(topic)
    }
}

impl Member {
    /// Whether it subscribes to this topic.
    pub(super) fn wants(&self, topic: &str) -> bool {
        self.names.contains(topic) || self.pattern.as_ref().is_some_and(|one| one.fits(topic))
    }
}

impl ConsumerGroup {
    /// Looks at the subscribed topics, at most once in a while unless `now_changed`; says whether
    /// they are others than before.
    pub(super) fn look_at_topics(
        &mut self,
        now: Duration,
        now_changed: bool,
        topics: impl FnOnce() -> Catalog,
    ) -> bool {
        let due = self.looked_at.is_none_or(|last| now >= last + LOOK_INTERVAL);
        if !(due || now_changed) {
            return false;
        }
        self.looked_at = Some(now);
        let mut seen = topics();
        // Members of one group mostly share one pattern: each is tried once.
        let mut patterns: Vec<&Pattern> =
            self.members.values().filter_map(|member| member.pattern.as_ref()).collect();
        patterns.sort_by_key(|pattern| &pattern.text);
        patterns.dedup_by_key(|pattern| &pattern.text);
        seen.retain(|name, _| {
            self.members.values().any(|member| member.names.contains(&**name))
                || patterns.iter().any(|pattern| pattern.fits(name))
        });
        let changed = seen != self.subscribed;
        self.subscribed = seen;
        changed
    }
}
