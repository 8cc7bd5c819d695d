//! From the tree of a file to its DAGs.

use crate::defaults::{TaskSettings, length};
use crate::fields::{Fields, unknown};
use crate::yaml::{Content, Key, Node};
use crate::{Position, Problem, times};
use chrono::{DateTime, Utc};
use dag::{Dag, ID_BYTES_MAX, MAX_ACTIVE_RUNS, MAX_ACTIVE_TASKS, Operator, Task, TaskGroup};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use timetable::Zone;

/// The block whose keys count for every DAG that does not have them itself.
const DEFAULT: &str = "default";

pub(crate) fn dags(root: &Node, problems: &mut Vec<Problem>) -> Vec<Dag> {
    let Content::Map(pairs) = &root.content else {
        problems.push(root.problem("a DAG file is a map from DAG ids to DAGs"));
        return Vec::new();
    };
    let default = root.get(DEFAULT);
    let dags: Vec<Dag> = pairs
        .iter()
        .filter(|(key, _)| key.name != DEFAULT)
        .filter_map(|(key, node)| dag(key, &with_defaults(node, default), problems))
        .collect();
    if dags.is_empty() && problems.is_empty() {
        problems.push(root.problem("this file holds no DAG"));
    }
    dags
}

/// What every DAG's tasks name as operator.
pub(crate) fn operators(root: &Node) -> Vec<(Position, String)> {
    let Content::Map(dags) = &root.content else { return Vec::new() };
    let tasks = dags.iter().filter_map(|(_, dag)| dag.get("tasks"));
    let tasks = tasks.flat_map(|tasks| match &tasks.content {
        Content::List(items) => items.iter().collect(),
        Content::Map(pairs) => pairs.iter().map(|(_, task)| task).collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    let named = tasks.filter_map(|task| task.get("operator"));
    named.filter_map(|operator| Some((operator.at, text_of(operator)?))).collect()
}

/// A DAG's map with what the defaults add: keys, and keys of `default_args`.
fn with_defaults(node: &Node, default: Option<&Node>) -> Node {
    let (Content::Map(own), Some(Content::Map(shared))) =
        (&node.content, default.map(|default| &default.content))
    else {
        return node.clone();
    };
    let mut pairs = own.clone();
    for (key, value) in shared {
        match pairs.iter_mut().find(|(name, _)| name.name == key.name) {
            None => pairs.push((key.clone(), value.clone())),
            Some((_, own)) if key.name == "default_args" => *own = with_defaults(own, Some(value)),
            Some(_) => {}
        }
    }
    Node { at: node.at, content: Content::Map(pairs) }
}

fn dag(key: &Key, node: &Node, problems: &mut Vec<Problem>) -> Option<Dag> {
    let before = problems.len();
    let mut fields = Fields::of(node, &format!("the DAG {}", key.name), problems)?;
    let mut settings = TaskSettings::default();
    let mut dates = Dates::default();
    if let Some(shared) = fields.take("default_args") {
        default_args(shared, &mut settings, &mut dates, fields.problems());
    }
    dates.read(&mut fields);
    let timeout = length(&mut fields, "dagrun_timeout", "dagrun_timeout_sec");
    let id = fields.text("dag_id").unwrap_or_else(|| key.name.clone());
    let schedule = times::schedule(&mut fields, dates.zone);
    let groups = fields.take("task_groups");
    let tasks = fields.take("tasks");
    let dag = Dag {
        id,
        description: fields.text("description"),
        doc: fields.text("doc_md"),
        schedule,
        start_date: dates.start,
        end_date: dates.end,
        catchup: fields.flag("catchup").unwrap_or(false),
        paused_upon_creation: fields.flag("is_paused_upon_creation"),
        max_active_runs: fields.count("max_active_runs").unwrap_or(MAX_ACTIVE_RUNS),
        max_active_tasks: fields
            .count("max_active_tasks")
            .or_else(|| fields.count("concurrency"))
            .unwrap_or(MAX_ACTIVE_TASKS),
        timeout,
        fail_fast: fields.flag("fail_fast").or_else(|| fields.flag("fail_stop")).unwrap_or(false),
        tags: fields.texts("tags"),
        params: fields.object("params"),
        groups: Vec::new(),
        tasks: Vec::new(),
    };
    fields.unsupported(&[
        "default_view",
        "orientation",
        "render_template_as_native_obj",
        "on_success_callback",
        "on_failure_callback",
        "template_searchpath",
        "user_defined_macros",
        "user_defined_filters",
        "sla_miss_callback",
    ]);
    fields.end();
    let mut places = Places::default();
    let mut dag = dag;
    read_groups(&mut dag, groups, &mut places, problems);
    read_tasks(&mut dag, tasks, &settings, &mut places, problems);
    if problems.len() > before {
        return None;
    }
    match dag.checked() {
        Ok(dag) => Some(dag),
        Err(faults) => {
            for fault in faults {
                let at = fault.of.as_ref().and_then(|id| places.at.get(id)).copied();
                problems.push(Problem { at: at.unwrap_or(key.at), message: fault.to_string() });
            }
            None
        }
    }
}

/// From when to when, and by whose clocks.
struct Dates {
    zone: Zone,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
}

impl Default for Dates {
    fn default() -> Self {
        Self { zone: Zone::UTC, start: None, end: None }
    }
}

impl Dates {
    fn read(&mut self, fields: &mut Fields<'_, '_>) {
        if let Some(node) = fields.take("timezone") {
            match times::zone(node) {
                Ok(zone) => self.zone = zone,
                Err(problem) => fields.problem(problem),
            }
        }
        for name in ["start_date", "end_date"] {
            let Some(node) = fields.take(name) else { continue };
            match times::moment(node, self.zone) {
                Ok(at) if name == "start_date" => self.start = Some(at),
                Ok(at) => self.end = Some(at),
                Err(problem) => fields.problem(problem),
            }
        }
    }
}

fn default_args(
    node: &Node,
    settings: &mut TaskSettings,
    dates: &mut Dates,
    problems: &mut Vec<Problem>,
) {
    if let Some(mut fields) = Fields::of(node, "default_args", problems) {
        dates.read(&mut fields);
        settings.read(&mut fields);
        fields.end();
    }
}

/// Where each task and group stands, and what the file's names for them mean.
#[derive(Default)]
struct Places {
    at: BTreeMap<String, Position>,
    tasks: BTreeMap<String, String>,
    groups: BTreeMap<String, String>,
}

impl Places {
    /// The whole id of what the file calls so: a task before a group.
    fn resolve(&self, name: &str) -> String {
        let found = self.tasks.get(name).or_else(|| self.groups.get(name));
        found.cloned().unwrap_or_else(|| name.to_owned())
    }
}

/// The entries of a list of maps with a name each, or of a map from names.
fn entries<'a>(
    node: Option<&'a Node>,
    what: &str,
    name_key: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(String, &'a Node)> {
    let Some(node) = node else { return Vec::new() };
    match &node.content {
        Content::Map(pairs) => pairs.iter().map(|(key, value)| (key.name.clone(), value)).collect(),
        Content::List(items) => {
            let mut named = Vec::new();
            for item in items {
                match item.get(name_key).map(|name| &name.content) {
                    Some(Content::Text(text)) => named.push((text.clone(), item)),
                    _ => problems
                        .push(item.problem(format!("each of {what} needs {name_key}, a text"))),
                }
            }
            named
        }
        _ => {
            problems.push(node.problem(format!("{what} is a list, not {}", node.kind())));
            Vec::new()
        }
    }
}

fn read_groups(
    dag: &mut Dag,
    node: Option<&Node>,
    places: &mut Places,
    problems: &mut Vec<Problem>,
) {
    let named = entries(node, "task_groups", "group_name", problems);
    let parent_of: BTreeMap<&str, Option<String>> = named
        .iter()
        .map(|(name, node)| (name.as_str(), node.get("parent_group_name").and_then(text_of)))
        .collect();
    for (name, _) in &named {
        let mut id = name.clone();
        let mut at = parent_of.get(name.as_str()).cloned().flatten();
        // No longer than an id may be, should they lie in one another.
        while let Some(parent) = at.filter(|_| id.len() <= ID_BYTES_MAX) {
            id = format!("{parent}.{id}");
            at = parent_of.get(parent.as_str()).cloned().flatten();
        }
        places.groups.insert(name.clone(), id);
    }
    for (name, node) in &named {
        let Some(mut fields) = Fields::of(node, "a task group", problems) else { continue };
        let _named = fields.take("group_name");
        let parent = fields.text("parent_group_name");
        let tooltip = fields.text("tooltip");
        let upstream = fields.texts("dependencies");
        fields.end();
        let id = places.resolve_group(name);
        places.at.insert(id.clone(), node.at);
        dag.groups.push(TaskGroup {
            id,
            parent: parent.map(|parent| places.resolve_group(&parent)),
            tooltip,
            upstream,
        });
    }
}

impl Places {
    fn resolve_group(&self, name: &str) -> String {
        self.groups.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }
}

fn text_of(node: &Node) -> Option<String> {
    match &node.content {
        Content::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn read_tasks(
    dag: &mut Dag,
    node: Option<&Node>,
    shared: &TaskSettings,
    places: &mut Places,
    problems: &mut Vec<Problem>,
) {
    let named = entries(node, "tasks", "task_id", problems);
    for (name, node) in &named {
        let group = node.get("task_group_name").and_then(text_of);
        let id = match group {
            Some(group) => format!("{}.{name}", places.resolve_group(&group)),
            None => name.clone(),
        };
        places.tasks.insert(name.clone(), id);
    }
    for (name, node) in &named {
        let id = places.tasks.get(name).cloned().unwrap_or_else(|| name.clone());
        places.at.insert(id.clone(), node.at);
        if let Some(task) = task(id, node, shared, places, problems) {
            dag.tasks.push(task);
        }
    }
    for group in &mut dag.groups {
        group.upstream = group.upstream.iter().map(|name| places.resolve(name)).collect();
    }
}

fn task(
    id: String,
    node: &Node,
    shared: &TaskSettings,
    places: &Places,
    problems: &mut Vec<Problem>,
) -> Option<Task> {
    let mut fields = Fields::of(node, "a task", problems)?;
    let _named = fields.take("task_id");
    let operator = fields.take("operator");
    let group = group_of(&mut fields, places);
    let upstream = fields.texts("dependencies").iter().map(|name| places.resolve(name)).collect();
    let mut settings = shared.clone();
    settings.read(&mut fields);
    let doc = fields.text("doc_md");
    let Some(operator) = operator else {
        let problem = node.problem(format!("the task {id} needs operator"));
        fields.problem(problem);
        return None;
    };
    let name = text_of(operator).unwrap_or_default();
    let Some(kind) = Operator::named(&name) else {
        let hint = spelling::hint(&name, Operator::names());
        let hint = hint.unwrap_or_else(|| {
            format!("there are {}", Operator::names().collect::<Vec<_>>().join(", "))
        });
        fields.problem(operator.problem(format!("there is no operator {name:?}; {hint}")));
        return None;
    };
    let arguments = arguments(&mut fields, kind);
    if let Err(wrong) = kind.check(&arguments) {
        let problem = node.problem(wrong);
        fields.problem(problem);
    }
    Some(Task {
        id,
        operator: kind,
        arguments,
        group,
        upstream,
        trigger_rule: settings.trigger_rule,
        owner: settings.owner,
        doc,
        retry: settings.retry,
        execution_timeout: settings.execution_timeout,
        depends_on_past: settings.depends_on_past,
        wait_for_downstream: settings.wait_for_downstream,
        pool: settings.pool,
        pool_slots: settings.pool_slots,
        priority_weight: settings.priority_weight,
    })
}

/// The group that a task names.
fn group_of(fields: &mut Fields<'_, '_>, places: &Places) -> Option<String> {
    let named = fields.take("task_group_name")?;
    let name = text_of(named).unwrap_or_default();
    if !places.groups.contains_key(&name) {
        let hint = spelling::hint(&name, places.groups.keys().map(String::as_str));
        let hint = hint.map_or(String::new(), |hint| format!("; {hint}"));
        fields.problem(named.problem(format!("there is no task group {name:?}{hint}")));
    }
    Some(places.resolve_group(&name))
}

/// What is left of a task's keys: the parameters of its operator.
fn arguments(fields: &mut Fields<'_, '_>, kind: Operator) -> Map<String, Value> {
    let mut arguments = Map::new();
    for (key, value) in fields.rest() {
        let parameters = kind.parameters();
        let Some(parameter) = parameters.iter().find(|known| known.name == key.name) else {
            let known = parameters.iter().map(|known| known.name);
            let what = format!("a parameter of operator {}", kind.name());
            let problem = unknown(key, &what, known);
            fields.problem(problem);
            continue;
        };
        let json = value.json();
        match parameter.kind.check(&json) {
            Ok(()) => drop(arguments.insert(key.name.clone(), json)),
            Err(wanted) => {
                let message = format!("{} is {wanted}, not {}", key.name, value.kind());
                fields.problem(value.problem(message));
            }
        }
    }
    arguments
}
