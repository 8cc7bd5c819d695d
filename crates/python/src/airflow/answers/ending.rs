//! How a task ended.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Message {
    SucceedTask {},
    /// `failed`, `skipped` or `removed`.
    TaskState {
        state: String,
    },
    /// It failed, and is to be tried again.
    RetryTask {},
    RescheduleTask {
        #[serde(deserialize_with = "crate::moment::read")]
        reschedule_date: DateTime<Utc>,
    },
    DeferTask {
        #[serde(default)]
        classpath: String,
    },
    AwaitInputTask {},
    /// Comes before the end: what a branch passed over. Names, or names with map indexes.
    SkipDownstreamTasks {
        tasks: Vec<Value>,
    },
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Success,
    Failed,
    Retry,
    Skipped,
    Reschedule(DateTime<Utc>),
    /// It wants what is not there.
    Unsupported(String),
}

/// What has been told of the end so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) end: Option<End>,
    /// Tasks after it that are skipped.
    pub(crate) skips: Vec<String>,
}

impl Ended {
    pub(super) fn take(&mut self, message: Message) {
        let end = match message {
            Message::SkipDownstreamTasks { tasks } => {
                let name =
                    |task: &Value| task.as_str().or_else(|| task[0].as_str()).map(str::to_owned);
                self.skips.extend(tasks.iter().filter_map(name));
                return;
            }
            Message::SucceedTask {} => End::Success,
            Message::TaskState { state } if state == "skipped" => End::Skipped,
            Message::TaskState { .. } => End::Failed,
            Message::RetryTask {} => End::Retry,
            Message::RescheduleTask { reschedule_date } => End::Reschedule(reschedule_date),
            Message::DeferTask { classpath } => End::Unsupported(format!(
                "the task deferred itself to the trigger {classpath}, and there are no triggers yet; give \
                 it deferrable=False"
            )),
            Message::AwaitInputTask {} => End::Unsupported(
                "the task waits for a person's input, which is not there yet".to_owned(),
            ),
        };
        self.end = Some(end);
    }
}
