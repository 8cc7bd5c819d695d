//! What the tasks of a DAG feed: streams that they start, topics that they send to.
//!
//! Of native tasks the serialised DAG says so. Of Python tasks it is read off the text of their file,
//! where kafka-python and confluent-kafka name the topic in the call that sends.

use crate::facts::{Feed, Target};
use crate::words::line_of;
use serde_json::Value;

/// Feeds of one DAG.
const FEEDS_MAX: usize = 100;

/// Whether the text of the file is needed.
pub(super) fn is_python(serialised: &Value) -> bool {
    tasks(serialised).any(|task| matches!(operator(task), "python" | "airflow"))
}

/// What a DAG's tasks feed; `source` is the text of its file.
pub(super) fn feeds(serialised: &Value, source: &str) -> Vec<Feed> {
    let mut feeds = Vec::new();
    for task in tasks(serialised) {
        let argument = |name: &str| task.get("arguments").and_then(|all| all.get(name)?.as_str());
        let into = match operator(task) {
            "stream" if matches!(argument("action"), Some("start" | "run")) => {
                argument("stream").map(|name| Target::Stream(name.to_owned()))
            }
            "kafka.produce" => argument("topic")
                .filter(|topic| !topic.contains('{'))
                .map(|topic| Target::Topic(topic.to_owned())),
            _ => None,
        };
        if let Some(into) = into {
            let name = match &into {
                Target::Stream(name) | Target::Topic(name) => name,
            };
            let line = line_of(source, name);
            feeds.push(Feed { task_id: id(task), into, line });
        }
    }
    let python: Vec<&Value> =
        tasks(serialised).filter(|task| matches!(operator(task), "python" | "airflow")).collect();
    if !python.is_empty() {
        // Of several it is the first: the calls stand in functions whose tasks are not known here.
        let task_id = python.first().and_then(|task| id(task));
        for (topic, line) in sent_to(source) {
            let into = Target::Topic(topic);
            if !feeds.iter().any(|feed| feed.into == into) {
                feeds.push(Feed { task_id: task_id.clone(), into, line: Some(line) });
            }
        }
    }
    feeds.truncate(FEEDS_MAX);
    feeds
}

fn tasks(serialised: &Value) -> impl Iterator<Item = &Value> {
    serialised.get("tasks").and_then(Value::as_array).into_iter().flatten()
}

fn operator(task: &Value) -> &str {
    task.get("operator").and_then(Value::as_str).unwrap_or_default()
}

fn id(task: &Value) -> Option<String> {
    task.get("task_id").and_then(Value::as_str).map(str::to_owned)
}

/// Topics in calls of `.send(` and `.produce(`, each with its line, from 1.
fn sent_to(source: &str) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for (at, line) in source.lines().enumerate() {
        let code = line.trim_start();
        if code.starts_with('#') {
            continue;
        }
        for call in [".send(", ".produce("] {
            let Some((_, rest)) = code.split_once(call) else { continue };
            // The argument may stand on the next line.
            let next = source.lines().nth(at + 1).unwrap_or_default();
            let rest = if rest.trim().is_empty() { next.trim() } else { rest.trim() };
            let rest = rest.strip_prefix("topic=").unwrap_or(rest);
            let topic = literal(rest).or_else(|| assigned(source, name(rest)?));
            if let (Some(topic), Ok(line)) = (topic, u64::try_from(at + 1)) {
                found.push((topic.to_owned(), line));
            }
        }
    }
    found.truncate(FEEDS_MAX);
    found
}

/// A Python text literal at the beginning, if it is a topic's name.
fn literal(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (inner, _) = text[1..].split_once(quote)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (!inner.is_empty() && inner.len() <= 249 && inner.chars().all(fits)).then_some(inner)
}

/// A Python name at the beginning.
fn name(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

/// The text that is assigned to a name: `TOPIC = 'users_created'`.
fn assigned<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    source.lines().find_map(|line| {
        let (left, right) = line.split_once('=')?;
        let left = left.split(':').next().unwrap_or(left);
        (left.trim() == name).then(|| literal(right.trim()))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn native_tasks_say_what_they_feed() {
        let dag = json!({"tasks": [
            {"task_id": "poll", "operator": "stream",
             "arguments": {"stream": "users_created", "action": "run", "seconds": 60}},
            {"task_id": "end", "operator": "stream",
             "arguments": {"stream": "users_created", "action": "stop"}},
            {"task_id": "tell", "operator": "kafka.produce", "arguments": {"topic": "alerts"}},
            {"task_id": "any", "operator": "kafka.produce", "arguments": {"topic": "{{ x }}"}},
        ]});
        let text = "a:\n  stream: users_created\n  topic: alerts\n";
        let found = feeds(&dag, text);
        let feed =
            |task: &str, into, line| Feed { task_id: Some(task.into()), into, line: Some(line) };
        assert_eq!(
            found,
            [
                feed("poll", Target::Stream("users_created".into()), 2),
                feed("tell", Target::Topic("alerts".into()), 3)
            ]
        );
        assert!(!is_python(&dag));
    }

    #[test]
    fn python_tasks_send_where_their_text_says() {
        let dag = json!({"tasks": [{"task_id": "stream_data_from_api", "operator": "airflow"}]});
        let text = "TOPIC: str = 'users_created'\ndef go(producer):\n    # x.send('no')\n    \
                    producer.send('user_created', json.dumps(res))\n    producer.send(TOPIC, 1)\n    \
                    producer.produce(\n        topic=\"third\",\n    )\n    socket.send(data)\n";
        let found: Vec<_> = feeds(&dag, text)
            .into_iter()
            .map(|feed| {
                assert_eq!(feed.task_id.as_deref(), Some("stream_data_from_api"));
                let Target::Topic(topic) = feed.into else { panic!("a topic") };
                (topic, feed.line)
            })
            .collect();
        let topic = |name: &str, line| (name.to_owned(), Some(line));
        assert_eq!(found, [topic("user_created", 4), topic("users_created", 5), topic("third", 6)]);
        assert!(is_python(&dag));
    }

    #[test]
    fn what_is_no_dag_feeds_nothing() {
        assert_eq!(feeds(&json!({"tasks": 7}), "x.send('a')"), []);
        assert_eq!(feeds(&json!(null), ""), []);
    }
}
