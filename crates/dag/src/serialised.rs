//! A DAG as JSON, for the metadata database.
//!
//! Whoever reads a DAG there (the scheduler, the pages) needs neither its file nor what could read that.
//! Names are those of Airflow's serialised DAGs where it has the field. Lengths of time are whole
//! microseconds, moments are RFC 3339 texts.

use crate::{Dag, Operator, Retry, Schedule, Task, TaskGroup, TriggerRule};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use timetable::{Cron, Timetable, Zone};

/// The form written here. Another one is not understood.
pub const VERSION: u64 = 1;

impl Dag {
    /// The DAG as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "version": VERSION,
            "dag_id": self.id,
            "description": self.description,
            "doc_md": self.doc,
            "schedule": self.schedule.text,
            "timetable": timetable_json(&self.schedule.timetable),
            "start_date": self.start_date.map(moment_json),
            "end_date": self.end_date.map(moment_json),
            "catchup": self.catchup,
            "is_paused_upon_creation": self.paused_upon_creation,
            "max_active_runs": self.max_active_runs,
            "max_active_tasks": self.max_active_tasks,
            "dagrun_timeout": self.timeout.map(length_json),
            "fail_fast": self.fail_fast,
            "tags": self.tags,
            "params": self.params,
            "task_groups": self.groups.iter().map(group_json).collect::<Vec<_>>(),
            "tasks": self.tasks.iter().map(task_json).collect::<Vec<_>>(),
        })
    }

    /// The DAG that was written as this JSON.
    ///
    /// # Errors
    /// What is missing or wrong, and where.
    pub fn from_json(json: &Value) -> Result<Self, String> {
        let fields = Fields::of(json, "the DAG".to_owned())?;
        let version = fields.get("version").as_u64();
        if version != Some(VERSION) {
            return Err(format!(
                "the serialised DAG is of version {}, and version {VERSION} is understood; the DAG \
                 processor writes it anew when it next reads the file",
                version.map_or_else(|| "unknown".to_owned(), |version| version.to_string()),
            ));
        }
        let schedule = Schedule {
            text: fields.text("schedule")?,
            timetable: read_timetable(fields.get("timetable"))?,
        };
        Ok(Self {
            id: fields.text("dag_id")?,
            description: fields.maybe_text("description")?,
            doc: fields.maybe_text("doc_md")?,
            schedule,
            start_date: fields.moment("start_date")?,
            end_date: fields.moment("end_date")?,
            catchup: fields.flag("catchup")?,
            paused_upon_creation: fields.get("is_paused_upon_creation").as_bool(),
            max_active_runs: fields.count("max_active_runs")?,
            max_active_tasks: fields.count("max_active_tasks")?,
            timeout: fields.maybe_length("dagrun_timeout")?,
            fail_fast: fields.flag("fail_fast")?,
            tags: fields.texts("tags")?,
            params: fields.object("params")?,
            groups: fields.list("task_groups")?.iter().map(read_group).collect::<Result<_, _>>()?,
            tasks: fields.list("tasks")?.iter().map(read_task).collect::<Result<_, _>>()?,
        })
    }
}

fn group_json(group: &TaskGroup) -> Value {
    json!({
        "group_id": group.id,
        "parent": group.parent,
        "tooltip": group.tooltip,
        "upstream": group.upstream,
    })
}

fn read_group(json: &Value) -> Result<TaskGroup, String> {
    let fields = Fields::of(json, "a task group".to_owned())?;
    Ok(TaskGroup {
        id: fields.text("group_id")?,
        parent: fields.maybe_text("parent")?,
        tooltip: fields.maybe_text("tooltip")?,
        upstream: fields.texts("upstream")?,
    })
}

fn task_json(task: &Task) -> Value {
    json!({
        "task_id": task.id,
        "operator": task.operator.name(),
        "arguments": task.arguments,
        "group": task.group,
        "upstream": task.upstream,
        "trigger_rule": task.trigger_rule.name(),
        "owner": task.owner,
        "doc_md": task.doc,
        "retries": task.retry.retries,
        "retry_delay": length_json(task.retry.delay),
        "retry_exponential_backoff": task.retry.backoff,
        "max_retry_delay": task.retry.delay_max.map(length_json),
        "execution_timeout": task.execution_timeout.map(length_json),
        "depends_on_past": task.depends_on_past,
        "wait_for_downstream": task.wait_for_downstream,
        "pool": task.pool,
        "pool_slots": task.pool_slots,
        "priority_weight": task.priority_weight,
    })
}

fn read_task(json: &Value) -> Result<Task, String> {
    let named = json.get("task_id").and_then(Value::as_str).unwrap_or("without a name");
    let fields = Fields::of(json, format!("the task {named}"))?;
    let operator = fields.text("operator")?;
    let rule = fields.text("trigger_rule")?;
    let weight = fields.get("priority_weight").as_i64().and_then(|weight| weight.try_into().ok());
    Ok(Task {
        id: fields.text("task_id")?,
        operator: Operator::of_short_name(&operator)
            .ok_or_else(|| fields.wrong("operator", "an operator"))?,
        arguments: fields.object("arguments")?,
        group: fields.maybe_text("group")?,
        upstream: fields.texts("upstream")?,
        trigger_rule: TriggerRule::named(&rule)
            .ok_or_else(|| fields.wrong("trigger_rule", "a trigger rule"))?,
        owner: fields.text("owner")?,
        doc: fields.maybe_text("doc_md")?,
        retry: Retry {
            retries: fields.count("retries")?,
            delay: fields.length("retry_delay")?,
            // What JSON has no number for was written as null.
            backoff: fields.get("retry_exponential_backoff").as_f64().unwrap_or(1.0),
            delay_max: fields.maybe_length("max_retry_delay")?,
        },
        execution_timeout: fields.maybe_length("execution_timeout")?,
        depends_on_past: fields.flag("depends_on_past")?,
        wait_for_downstream: fields.flag("wait_for_downstream")?,
        pool: fields.text("pool")?,
        pool_slots: fields.count("pool_slots")?,
        priority_weight: weight.ok_or_else(|| fields.wrong("priority_weight", "a whole number"))?,
    })
}

fn timetable_json(timetable: &Timetable) -> Value {
    match timetable {
        Timetable::Null => json!({"kind": "null"}),
        Timetable::Once => json!({"kind": "once"}),
        Timetable::Continuous => json!({"kind": "continuous"}),
        Timetable::CronTrigger { cron, zone, interval } => json!({
            "kind": "cron-trigger",
            "cron": cron.expression(),
            "zone": zone.name(),
            "interval": length_json(*interval),
        }),
        Timetable::CronInterval { cron, zone } => json!({
            "kind": "cron-interval",
            "cron": cron.expression(),
            "zone": zone.name(),
        }),
        Timetable::DeltaTrigger { delta, interval } => json!({
            "kind": "delta-trigger",
            "delta": length_json(*delta),
            "interval": length_json(*interval),
        }),
        Timetable::DeltaInterval { delta } => json!({
            "kind": "delta-interval",
            "delta": length_json(*delta),
        }),
    }
}

fn read_timetable(json: &Value) -> Result<Timetable, String> {
    let fields = Fields::of(json, "the timetable".to_owned())?;
    let cron = || Cron::parse(&fields.text("cron")?).map_err(|error| error.to_string());
    let zone = || Zone::named(&fields.text("zone")?).map_err(|error| error.to_string());
    let delta = || {
        let delta = fields.length("delta")?;
        let more = delta > Duration::zero();
        if more { Ok(delta) } else { Err(fields.wrong("delta", "more than zero")) }
    };
    Ok(match fields.text("kind")?.as_str() {
        "null" => Timetable::Null,
        "once" => Timetable::Once,
        "continuous" => Timetable::Continuous,
        "cron-trigger" => Timetable::CronTrigger {
            cron: cron()?,
            zone: zone()?,
            interval: fields.length("interval")?,
        },
        "cron-interval" => Timetable::CronInterval { cron: cron()?, zone: zone()? },
        "delta-trigger" => {
            Timetable::DeltaTrigger { delta: delta()?, interval: fields.length("interval")? }
        }
        "delta-interval" => Timetable::DeltaInterval { delta: delta()? },
        _ => return Err(fields.wrong("kind", "a timetable")),
    })
}

fn moment_json(at: DateTime<Utc>) -> Value {
    Value::String(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// Microseconds; what has more than there are is as long as can be.
fn length_json(length: Duration) -> Value {
    let longest = if length < Duration::zero() { i64::MIN } else { i64::MAX };
    Value::from(length.num_microseconds().unwrap_or(longest))
}

/// An object that is read field by field.
struct Fields<'json> {
    of: String,
    object: &'json Map<String, Value>,
}

impl<'json> Fields<'json> {
    fn of(json: &'json Value, of: String) -> Result<Self, String> {
        match json.as_object() {
            Some(object) => Ok(Self { of, object }),
            None => Err(format!("{of} is not an object")),
        }
    }

    fn wrong(&self, name: &str, wanted: &str) -> String {
        format!("{name} of {} is not {wanted}: {}", self.of, self.get(name))
    }

    fn get(&self, name: &str) -> &'json Value {
        self.object.get(name).unwrap_or(&Value::Null)
    }

    fn maybe_text(&self, name: &str) -> Result<Option<String>, String> {
        match self.get(name) {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(self.wrong(name, "a text")),
        }
    }

    fn text(&self, name: &str) -> Result<String, String> {
        self.maybe_text(name)?.ok_or_else(|| self.wrong(name, "a text"))
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        self.get(name).as_bool().ok_or_else(|| self.wrong(name, "true or false"))
    }

    fn count(&self, name: &str) -> Result<u32, String> {
        let number = self.get(name).as_u64().and_then(|number| number.try_into().ok());
        number.ok_or_else(|| self.wrong(name, "a whole number that is not negative"))
    }

    fn maybe_length(&self, name: &str) -> Result<Option<Duration>, String> {
        match self.get(name) {
            Value::Null => Ok(None),
            value => match value.as_i64() {
                Some(micros) => Ok(Some(Duration::microseconds(micros))),
                None => Err(self.wrong(name, "a length of time in microseconds")),
            },
        }
    }

    fn length(&self, name: &str) -> Result<Duration, String> {
        let length = self.maybe_length(name)?;
        length.ok_or_else(|| self.wrong(name, "a length of time in microseconds"))
    }

    fn moment(&self, name: &str) -> Result<Option<DateTime<Utc>>, String> {
        let Some(text) = self.maybe_text(name)? else { return Ok(None) };
        match DateTime::parse_from_rfc3339(&text) {
            Ok(at) => Ok(Some(at.with_timezone(&Utc))),
            Err(_) => Err(self.wrong(name, "a moment")),
        }
    }

    fn list(&self, name: &str) -> Result<&'json [Value], String> {
        let list = self.get(name).as_array().map(Vec::as_slice);
        list.ok_or_else(|| self.wrong(name, "a list"))
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let texts = self.list(name)?.iter().map(|item| item.as_str().map(str::to_owned));
        texts.collect::<Option<_>>().ok_or_else(|| self.wrong(name, "a list of texts"))
    }

    fn object(&self, name: &str) -> Result<Map<String, Value>, String> {
        self.get(name).as_object().cloned().ok_or_else(|| self.wrong(name, "an object"))
    }
}

#[cfg(test)]
mod tests;
