//! What the addresses of polled sources answer.
//!
//! Asked as the engine asks, from the stream's position on, for one record and without waiting. Only
//! `http://` addresses of the project's streams are asked.

use super::Asker;
use super::http::{self, Url};
use crate::facts::{Probe, State, Stream};
use serde_json::Value;
use std::collections::BTreeMap;

/// Sources of one report.
const SOURCES_MAX: usize = 32;

pub(super) async fn ask(
    asker: &Asker<'_>,
    streams: &[Stream],
    sources: &mut BTreeMap<String, Probe>,
) {
    let polled = streams
        .iter()
        .filter(|stream| stream.source.kind == "http" && stream.state != Some(State::Stopped));
    let mut asked = tokio::task::JoinSet::new();
    for stream in polled.take(SOURCES_MAX) {
        let url = stream.source.name.clone();
        let position = stream.partitions.first().map_or(0, |partition| partition.position);
        let (connect, wait) = (asker.settings.patience.connect, asker.left());
        let wait = wait.min(asker.settings.patience.question);
        asked.spawn(async move {
            let parts = Url::parse(&url)?;
            let joint = if parts.target.contains('?') { '&' } else { '?' };
            let target = format!("{}{joint}from={position}&results=1&wait=0", parts.target);
            let address = parts.address();
            let probe = match http::get(&address, parts.host, &target, connect, wait).await {
                Ok(answer) if (200..300).contains(&answer.code) => {
                    Probe::Answers { records: records(&answer.body) }
                }
                Ok(answer) => Probe::Refused(answer.code),
                Err(silence) => Probe::Silent(silence.why),
            };
            Some((url, probe))
        });
    }
    while let Some(done) = asked.join_next().await {
        if let Ok(Some((url, probe))) = done {
            sources.insert(url, probe);
        }
    }
}

/// How many records an answer lists: elements of the lists that are its members, or of itself.
fn records(body: &[u8]) -> Option<u64> {
    let count = |value: &Value| value.as_array().map(|list| list.len() as u64);
    let value: Value = serde_json::from_slice(body).ok()?;
    match &value {
        Value::Object(members) => {
            let lists: Vec<u64> = members.values().filter_map(count).collect();
            (!lists.is_empty()).then(|| lists.iter().sum())
        }
        other => count(other),
    }
}

#[cfg(test)]
mod tests {
    use super::records;

    #[test]
    fn records_are_counted_where_an_answer_lists_them() {
        assert_eq!(records(br#"{"results": [], "info": {"from": 7, "times": []}}"#), Some(0));
        assert_eq!(records(br#"{"results": [{}]}"#), Some(1));
        assert_eq!(records(b"[1, 2]"), Some(2));
        assert_eq!(records(br#"{"a": 1}"#), None);
        assert_eq!(records(b"<html>"), None);
    }
}
