//! The head of a DAG's pages, and its smaller tabs: runs, tasks, details.

use axum::extract::Path;
use axum::response::Response;
use dag::{Dag, Task};
use door::Permission;
use metadata::{DagSummary, Run, RunFilter, RunType};
use pages::{Badge, Column, Html, Icon, Name, Part, State, Tab, Table, Tone, ago, duration, time};
use scheduler::RunState;

use super::{ROWS, Segment, dag_at, link, list, nil, or_nil, run_at, run_name, segments};
use crate::desk::Desk;
use crate::fields::{Asked, Fields};
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// The tabs of a DAG: last part of the address, word, permission.
const TABS: &[(&str, &str, Permission)] = &[
    ("", "Grid", Permission::Dags),
    ("graph", "Graph", Permission::Dags),
    ("runs", "Runs", Permission::Dags),
    ("tasks", "Tasks", Permission::Dags),
    ("code", "Code", Permission::Code),
    ("details", "Details", Permission::Dags),
    ("audit", "Audit", Permission::Audit),
];

/// A tab of a DAG's page around what it shows.
pub(crate) fn tab(visit: &Visit, dag: &DagSummary, tab: &str, body: &Html) -> Page {
    let label = TABS.iter().find(|(key, _, _)| *key == tab).map_or("", |(_, label, _)| label);
    let tabs: Vec<Tab<'_>> = TABS
        .iter()
        .filter(|(_, _, permission)| visit.may(*permission))
        .map(|(key, label, _)| Tab {
            href: dag_at(&dag.dag_id, key),
            label,
            count: None,
            current: *key == tab,
        })
        .collect();
    let body = Html::of(|out| {
        out.region("dag-head", |out| out.push(&head(visit, dag)));
        out.push(&pages::tabs("Views of the DAG", &tabs));
        out.push(body);
    });
    let title = if tab.is_empty() { dag.dag_id.clone() } else { label.to_owned() };
    let mut crumbs = vec![("DAGs".to_owned(), "/dags".to_owned())];
    if !tab.is_empty() {
        crumbs.push((dag.dag_id.clone(), dag_at(&dag.dag_id, "")));
    }
    Page { title, section: "dags", crumbs, body, live: true, ..Page::default() }
}

fn head(visit: &Visit, dag: &DagSummary) -> Html {
    let note = Html::of(|out| {
        if let Some(text) = &dag.description {
            out.put("<p class=\"lead\">{}</p>", &[text]);
        }
        if dag.stale {
            out.push(&Badge(Tone::Warn, "in no file any more"));
        }
        if dag.paused {
            out.push(&Badge(Tone::Plain, "paused"));
        }
        out.put("<span>{}<code>{}</code></span>", &[&Icon::Clock, &dag.schedule]);
        if let Some(next) = dag.next_run.filter(|_| !dag.paused) {
            out.put("<span>next run {}</span>", &[&super::next_run(next.run_after, visit.now)]);
        }
        if !dag.owners.is_empty() {
            out.put("<span>{}{}</span>", &[&Icon::User, &dag.owners.join(", ")]);
        }
        out.put(
            "<span title=\"{}\">{}{}</span>",
            &[&dag.runtime_reason, &Icon::Settings, &dag.runtime],
        );
        for tag in &dag.tags {
            let href = pages::query("/dags", &[("tag", tag)]);
            out.put("<a class=\"badge\" href=\"{}\">{}</a>", &[&href, tag]);
        }
    });
    let actions = Html::of(|out| {
        let word = if dag.paused { "Paused" } else { "Active" };
        out.put(
            "<span class=\"switch-with\">{}<span class=\"dim small\">{}</span></span>",
            &[&list::switch(visit, dag), &word],
        );
        if visit.may(Permission::Trigger) && !dag.stale {
            let href = dag_at(&dag.dag_id, "trigger");
            out.push(&pages::action(&href, Icon::Play, "Trigger", true));
        }
    });
    pages::page_head(&dag.dag_id, Some(&note), &actions)
}

/// `GET /dags/{dag_id}/runs`.
pub(crate) async fn runs(
    visit: Visit,
    Path(dag_id): Path<String>,
    Asked(asked): Asked,
) -> Response {
    visit.show(move |visit| runs_page(visit, dag_id.clone(), asked.clone())).await
}

async fn runs_page(visit: Visit, dag_id: String, asked: Fields) -> Made {
    let dag = visit.desk.dag(&dag_id).await?;
    let body = run_list(&visit, Some(&dag_id), &asked, &dag_at(&dag_id, "runs")).await?;
    Ok(tab(&visit, &dag, "runs", &body))
}

/// A list of runs, of one DAG or of all.
pub(crate) async fn run_list(
    visit: &Visit,
    dag_id: Option<&str>,
    asked: &Fields,
    here: &str,
) -> Result<Html, Problem> {
    let state = RunState::named(asked.text("state"));
    let run_type = RunType::named(asked.text("type"));
    let offset = asked.number("offset", 0);
    let filter = RunFilter { state, run_type, limit: ROWS, offset };
    let (runs, total) = visit.desk.metadata.runs(dag_id, &filter).await?;
    let address = |state: &str, offset: u64| {
        let offset = if offset == 0 { String::new() } else { offset.to_string() };
        let kind = asked.text("type");
        pages::query(here, &[("state", state), ("type", kind), ("offset", &offset)])
    };
    let choices = ["", "queued", "running", "success", "failed"].map(|name| Segment {
        href: address(name, 0),
        label: if name.is_empty() { "All" } else { name },
        count: None,
        current: name == asked.text("state"),
    });
    Ok(Html::of(|out| {
        out.put("<div class=\"filters\">{}</div>", &[&segments("Runs shown", &choices)]);
        out.region("runs", |out| {
            if runs.is_empty() {
                let text = "A run appears here when the schedule asks for one, or when somebody \
                            triggers the DAG.";
                let empty = pages::empty_state(Icon::Play, "No runs", text, &Html::new());
                out.push(&pages::card("", &Html::new(), &empty));
                return;
            }
            out.push(&run_table(visit, &runs, dag_id.is_none()));
            let next = |offset| address(asked.text("state"), offset);
            out.push(&pages::pager(total, u64::from(ROWS), u64::from(offset), &next));
        });
    }))
}

fn run_table(visit: &Visit, runs: &[Run], with_dag: bool) -> Html {
    let mut columns = vec![Column::left("Run"), Column::left("State")];
    if with_dag {
        columns.insert(0, Column::left("DAG"));
    }
    columns.extend([
        Column::left("Type"),
        Column::left("Started"),
        Column::right("Duration"),
        Column::left("By"),
        Column::left("Note"),
    ]);
    let mut table = Table::new(&columns);
    for run in runs {
        let href = run_at(&run.dag_id, &run.run_id, "");
        let name = Html::with(
            "<div class=\"main-cell\"><a href=\"{}\">{}</a><small>{}</small></div>",
            &[&href, &run_name(run), &run.run_id],
        );
        let started = run.start.map_or_else(nil, |at| ago(at, visit.now));
        let dag = link(&dag_at(&run.dag_id, ""), &run.dag_id);
        let state = State(run.state.name());
        let note = clipped(run.note.as_deref());
        let took = duration(run.start, run.end, visit.now);
        let mut cells: Vec<&dyn Part> = vec![&name, &state];
        if with_dag {
            cells.insert(0, &dag);
        }
        let kind = run.run_type.name();
        cells.extend([&kind as &dyn Part, &started, &took, &run.triggered_by, &note]);
        table.row(&cells);
    }
    table.finish()
}

/// A text on one line, whole in its title.
pub(crate) fn clipped(text: Option<&str>) -> Html {
    match text.filter(|text| !text.is_empty()) {
        None => nil(),
        Some(text) => Html::with("<span class=\"clip\" title=\"{}\">{}</span>", &[&text, &text]),
    }
}

/// `GET /dags/{dag_id}/tasks`.
pub(crate) async fn tasks(visit: Visit, Path(dag_id): Path<String>) -> Response {
    visit.show(move |visit| tasks_page(visit, dag_id.clone())).await
}

async fn tasks_page(visit: Visit, dag_id: String) -> Made {
    const COLUMNS: &[Column<'_>] = &[
        Column::left("Task"),
        Column::left("Operator"),
        Column::left("After"),
        Column::left("Trigger rule"),
        Column::right("Retries"),
        Column::left("Pool"),
        Column::left("Owner"),
    ];
    let dag = visit.desk.dag(&dag_id).await?;
    let model = visit.desk.model(&dag_id, dag.version).await?;
    let mut table = Table::new(COLUMNS).live("dag-tasks");
    for task in &model.tasks {
        let name = Html::with("<b>{}</b>", &[&Name(&task.id)]);
        let after = Html::of(|out| {
            for (at, id) in task.upstream.iter().enumerate() {
                out.put("{}{}", &[&if at == 0 { "" } else { ", " }, &Name(id)]);
            }
        });
        let after = if task.upstream.is_empty() { nil() } else { after };
        let pool = pool(task);
        let cells: [&dyn Part; 7] = [
            &name,
            &operator(task),
            &after,
            &task.trigger_rule.name(),
            &task.retry.retries,
            &pool,
            &or_nil(Some(&task.owner)),
        ];
        table.row(&cells);
    }
    Ok(tab(&visit, &dag, "tasks", &table.finish()))
}

fn pool(task: &Task) -> String {
    if task.pool_slots == 1 {
        task.pool.clone()
    } else {
        format!("{} ({} slots)", task.pool, task.pool_slots)
    }
}

/// The word for what a task does: its operator, or the class that Python runs.
pub(crate) fn operator(task: &Task) -> String {
    let class = task.arguments.get("operator").and_then(serde_json::Value::as_str);
    match (task.operator, class) {
        (dag::Operator::Airflow, Some(class)) => {
            class.rsplit('.').next().unwrap_or(class).to_owned()
        }
        (operator, _) => operator.name().to_owned(),
    }
}

/// `GET /dags/{dag_id}/details`.
pub(crate) async fn details(visit: Visit, Path(dag_id): Path<String>) -> Response {
    visit.show(move |visit| details_page(visit, dag_id.clone())).await
}

async fn details_page(visit: Visit, dag_id: String) -> Made {
    let dag = visit.desk.dag(&dag_id).await?;
    let model = visit.desk.model(&dag_id, dag.version).await?;
    let facts = facts(&visit.desk, &dag, &model);
    let body = Html::of(|out| {
        out.region_as("div", "stack", "dag-details", |out| {
            let list = Html::with("<div class=\"wide-facts\">{}</div>", &[&facts]);
            out.push(&pages::card("", &Html::new(), &list));
            if !model.params.is_empty() {
                let params = super::json(&serde_json::Value::Object(model.params.clone()));
                out.push(&pages::card("Params and their defaults", &Html::new(), &params));
            }
            if let Some(doc) = &model.doc {
                let doc = Html::with("<pre class=\"json\">{}</pre>", &[doc]);
                out.push(&pages::card("Documentation", &Html::new(), &doc));
            }
        });
    });
    Ok(tab(&visit, &dag, "details", &body))
}

fn facts(desk: &Desk, dag: &DagSummary, model: &Dag) -> Html {
    let now = desk.now();
    let text = |text: &str| or_nil(Some(text));
    let moment = |at: Option<chrono::DateTime<chrono::Utc>>| at.map_or_else(nil, time);
    let yes = |flag: bool| Html::with("{}", &[&if flag { "yes" } else { "no" }]);
    let next = dag.next_run;
    let pairs = [
        ("DAG id", text(&dag.dag_id)),
        ("File", Html::with("<code>{}</code>", &[&dag.file])),
        ("Version", Html::with("{}", &[&dag.version])),
        ("Last parsed", ago(dag.last_parsed, now)),
        ("Runs in", text(&dag.runtime)),
        ("Why there", text(&dag.runtime_reason)),
        ("Schedule", Html::with("<code>{}</code>", &[&dag.schedule])),
        ("Next run after", moment(next.map(|next| next.run_after))),
        ("Next data interval from", moment(next.map(|next| next.interval_start))),
        ("Next data interval to", moment(next.map(|next| next.interval_end))),
        ("Start date", moment(model.start_date)),
        ("End date", moment(model.end_date)),
        ("Catchup", yes(model.catchup)),
        ("Runs at a time", Html::with("{}", &[&dag.max_active_runs])),
        ("Tasks at a time", Html::with("{}", &[&dag.max_active_tasks])),
        (
            "Run timeout",
            model
                .timeout
                .map_or_else(nil, |length| Html::with("{}", &[&pages::seconds_text(length)])),
        ),
        ("Ends with its first failure", yes(model.fail_fast)),
        ("Owners", text(&dag.owners.join(", "))),
        ("Tags", text(&dag.tags.join(", "))),
        ("Tasks", Html::with("{}", &[&model.tasks.len()])),
    ];
    pages::key_values(&pairs)
}
