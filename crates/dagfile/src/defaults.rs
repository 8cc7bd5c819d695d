//! What tasks share: `default_args`, and the same keys on a task.

use crate::fields::Fields;
use crate::times;
use crate::yaml::Node;
use chrono::Duration;
use dag::{Retry, TriggerRule};

/// The settings that every task has.
#[derive(Debug, Clone)]
pub(crate) struct TaskSettings {
    pub(crate) owner: String,
    pub(crate) retry: Retry,
    pub(crate) execution_timeout: Option<Duration>,
    pub(crate) depends_on_past: bool,
    pub(crate) wait_for_downstream: bool,
    pub(crate) trigger_rule: TriggerRule,
    pub(crate) pool: String,
    pub(crate) pool_slots: u32,
    pub(crate) priority_weight: i32,
}

impl Default for TaskSettings {
    fn default() -> Self {
        Self {
            owner: "airflow".to_owned(),
            retry: Retry::default(),
            execution_timeout: None,
            depends_on_past: false,
            wait_for_downstream: false,
            trigger_rule: TriggerRule::default(),
            pool: "default_pool".to_owned(),
            pool_slots: 1,
            priority_weight: 1,
        }
    }
}

/// What Airflow does with these, Millstream does not; `false` asks for nothing.
const MAILS: [&str; 2] = ["email_on_failure", "email_on_retry"];
const UNSUPPORTED: [&str; 13] = [
    "email",
    "sla",
    "queue",
    "executor",
    "executor_config",
    "run_as_user",
    "max_active_tis_per_dag",
    "on_failure_callback",
    "on_success_callback",
    "on_retry_callback",
    "on_execute_callback",
    "inlets",
    "outlets",
];

impl TaskSettings {
    /// Takes from a map what it says, over what stands already.
    pub(crate) fn read(&mut self, fields: &mut Fields<'_, '_>) {
        if let Some(owner) = fields.text("owner") {
            self.owner = owner;
        }
        if let Some(retries) = fields.count("retries") {
            self.retry.retries = retries;
        }
        if let Some(delay) = length(fields, "retry_delay", "retry_delay_sec") {
            self.retry.delay = delay;
        }
        if let Some(backoff) = fields.factor("retry_exponential_backoff") {
            self.retry.backoff = backoff;
        }
        if let Some(longest) = length(fields, "max_retry_delay", "max_retry_delay_sec") {
            self.retry.delay_max = Some(longest);
        }
        if let Some(timeout) = length(fields, "execution_timeout", "execution_timeout_secs") {
            self.execution_timeout = Some(timeout);
        }
        if let Some(depends) = fields.flag("depends_on_past") {
            self.depends_on_past = depends;
        }
        if let Some(wait) = fields.flag("wait_for_downstream") {
            self.wait_for_downstream = wait;
        }
        if let Some(pool) = fields.text("pool") {
            self.pool = pool;
        }
        if let Some(slots) = fields.count("pool_slots") {
            self.pool_slots = slots;
        }
        if let Some(weight) = fields.integer("priority_weight") {
            self.priority_weight = weight;
        }
        self.read_rule(fields);
        if let Some(node) = fields.take("weight_rule")
            && node.json().as_str() != Some("downstream")
        {
            let message = "weight_rule: only downstream, Airflow's default, is there yet";
            let problem = node.problem(message);
            fields.problem(problem);
        }
        for name in MAILS {
            if fields.flag(name) == Some(true) {
                let message = format!("{name}: no mail is sent; remove it or say false");
                let problem = fields.node().problem(message);
                fields.problem(problem);
            }
        }
        fields.unsupported(&UNSUPPORTED);
    }

    fn read_rule(&mut self, fields: &mut Fields<'_, '_>) {
        let Some(node) = fields.take("trigger_rule") else { return };
        let name = node.json();
        let name = name.as_str().unwrap_or_default();
        match TriggerRule::named(name) {
            Some(rule) => self.trigger_rule = rule,
            None => {
                let hint = spelling::hint(name, TriggerRule::NAMES.iter().map(|(name, _)| *name));
                let hint = hint.map_or(String::new(), |hint| format!("; {hint}"));
                fields.problem(node.problem(format!("{name:?} is not a trigger rule{hint}")));
            }
        }
    }
}

/// A length of time under its name, or in seconds under another.
pub(crate) fn length(
    fields: &mut Fields<'_, '_>,
    name: &'static str,
    seconds: &'static str,
) -> Option<Duration> {
    let node: &Node = fields.take(name).or_else(|| fields.take(seconds))?;
    match times::length(node) {
        Ok(length) => Some(length),
        Err(problem) => {
            fields.problem(problem);
            None
        }
    }
}
