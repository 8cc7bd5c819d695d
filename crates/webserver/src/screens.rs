//! The pages, one file each, and what several of them show.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod browse;
pub(crate) mod code;
pub(crate) mod configuration;
pub(crate) mod connections;
pub(crate) mod dag;
pub(crate) mod gantt;
pub(crate) mod graph;
pub(crate) mod grid;
pub(crate) mod import_errors;
pub(crate) mod list;
pub(crate) mod run;
pub(crate) mod sign_in;
pub(crate) mod task;
pub(crate) mod trigger;
pub(crate) mod users;
pub(crate) mod variables;

use chrono::{DateTime, Utc};
use metadata::{Run, RunType};
use pages::{Html, Part, Raw};
use serde_json::Value;

/// Rows of one page of a list.
pub(crate) const ROWS: u32 = 50;

/// The address of a DAG's page, or of a tab of it.
pub(crate) fn dag_at(dag_id: &str, tab: &str) -> String {
    if tab.is_empty() {
        pages::path(&["dags", dag_id])
    } else {
        pages::path(&["dags", dag_id, tab])
    }
}

/// The address of a run's page, or of a tab of it.
pub(crate) fn run_at(dag_id: &str, run_id: &str, tab: &str) -> String {
    let base = pages::path(&["dags", dag_id, "runs", run_id]);
    if tab.is_empty() { base } else { format!("{base}/{tab}") }
}

/// The address of a task instance's page, or of a tab of it.
pub(crate) fn task_at(dag_id: &str, run_id: &str, task_id: &str, tab: &str) -> String {
    let base = pages::path(&["dags", dag_id, "runs", run_id, "tasks", task_id]);
    if tab.is_empty() { base } else { format!("{base}/{tab}") }
}

/// A link.
pub(crate) fn link(href: &str, text: &str) -> Html {
    Html::with("<a href=\"{}\">{}</a>", &[&href, &text])
}

/// What a table shows where there is no value.
pub(crate) fn nil() -> Html {
    Html::with("<span class=\"nil\">-</span>", &[])
}

/// A value, or what a table shows where there is none.
pub(crate) fn or_nil(value: Option<&str>) -> Html {
    value.filter(|text| !text.is_empty()).map_or_else(nil, |text| Html::with("{}", &[&text]))
}

/// A short name of a run: what made it, and its date.
pub(crate) fn run_name(run: &Run) -> String {
    let kind = match run.run_type {
        RunType::Scheduled => "Scheduled",
        RunType::Manual => "Manual",
        RunType::Backfill => "Backfill",
    };
    let at = run.logical_date.unwrap_or(run.run_after);
    format!("{kind} {}", at.format("%Y-%m-%d %H:%M:%S"))
}

/// When the next run comes. One whose time has come is due: it is nothing that was.
pub(crate) fn next_run(at: DateTime<Utc>, now: DateTime<Utc>) -> Html {
    if at <= now { Html::with("due", &[]) } else { pages::ago(at, now) }
}

/// A JSON value, laid out for people.
pub(crate) fn json(value: &Value) -> Html {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    Html::with("<pre class=\"json\">{}</pre>", &[&text])
}

/// A choice of the state a list is filtered by, or of a tab within a page.
pub(crate) struct Segment<'a> {
    pub(crate) href: String,
    pub(crate) label: &'a str,
    pub(crate) count: Option<u64>,
    pub(crate) current: bool,
}

/// A row of choices.
pub(crate) fn segments(label: &str, segments: &[Segment<'_>]) -> Html {
    Html::of(|out| {
        out.put("<nav class=\"segments\" aria-label=\"{}\">", &[&label]);
        for segment in segments {
            let current = segment.current.then_some(Raw(" aria-current=\"true\""));
            let values: [&dyn Part; 3] = [&segment.href, &current, &segment.label];
            out.put("<a href=\"{}\"{}>{}", &values);
            if let Some(count) = segment.count {
                out.put("<small>{}</small>", &[&count]);
            }
            out.raw("</a>");
        }
        out.raw("</nav>");
    })
}
