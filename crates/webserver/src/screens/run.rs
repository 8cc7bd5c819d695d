//! The page of a run: its tasks, its graph, its bars, and what can be done with it.

use axum::extract::Path;
use axum::response::Response;
use door::Permission;
use metadata::{DagSummary, Run, TaskInstance};
use pages::{
    Column, Field, Form, Html, Icon, Input, Name, Part, State, Tab, Table, ago, duration,
    key_values, post_button, time,
};
use scheduler::{RunState, TaskState};

use super::dag::clipped;
use super::{dag_at, gantt, graph, link, nil, or_nil, run_at, run_name, task_at};
use crate::act::Actor;
use crate::fields::{Fields, Sent};
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

const TABS: &[(&str, &str)] =
    &[("", "Tasks"), ("graph", "Graph"), ("gantt", "Gantt"), ("details", "Details")];

/// What all tabs of a run need.
struct Known {
    dag: DagSummary,
    run: Run,
    tasks: Vec<TaskInstance>,
}

async fn known(visit: &Visit, dag_id: &str, run_id: &str) -> Result<Known, Problem> {
    let dag = visit.desk.dag(dag_id).await?;
    let run = visit.desk.metadata.run(dag_id, run_id).await?;
    let run = run.ok_or_else(|| Problem::no_run(dag_id, run_id))?;
    let tasks = visit.desk.metadata.tasks(dag_id, run_id).await?;
    Ok(Known { dag, run, tasks })
}

/// `GET /dags/{dag_id}/runs/{run_id}`.
pub(crate) async fn tasks(visit: Visit, Path(ids): Path<(String, String)>) -> Response {
    visit.show(move |visit| tasks_page(visit, ids.clone())).await
}

async fn tasks_page(visit: Visit, (dag_id, run_id): (String, String)) -> Made {
    let known = known(&visit, &dag_id, &run_id).await?;
    let model = visit.desk.model(&dag_id, known.run.version).await?;
    let order = |id: &str| model.tasks.iter().position(|task| task.id == id);
    let mut tasks: Vec<&TaskInstance> = known.tasks.iter().collect();
    tasks.sort_by_key(|task| (order(&task.key.task_id).unwrap_or(usize::MAX), &task.key.task_id));
    let body = Html::of(|out| {
        out.region("run-tasks", |out| {
            if tasks.is_empty() {
                let text = "The scheduler has not looked at this run yet. Its tasks appear here as \
                            soon as it has.";
                let empty = pages::empty_state(Icon::List, "No tasks yet", text, &Html::new());
                out.push(&pages::card("", &Html::new(), &empty));
            } else {
                out.push(&table(&visit, &tasks));
            }
        });
    });
    Ok(tab(&visit, &known, "", &body))
}

fn table(visit: &Visit, tasks: &[&TaskInstance]) -> Html {
    const COLUMNS: &[Column<'_>] = &[
        Column::left("Task"),
        Column::left("State"),
        Column::left("Operator"),
        Column::right("Try"),
        Column::left("Started"),
        Column::right("Duration"),
        Column::left("Why"),
    ];
    let mut table = Table::new(COLUMNS);
    for task in tasks {
        let key = &task.key;
        let href = task_at(&key.dag_id, &key.run_id, &key.task_id, "");
        let name = Html::with(
            "<div class=\"main-cell\"><a href=\"{}\">{}</a></div>",
            &[&href, &Name(&key.task_id)],
        );
        let cells: [&dyn Part; 7] = [
            &name,
            &State(task.state.name()),
            &task.operator,
            &tries(task),
            &task.start.map_or_else(nil, |at| ago(at, visit.now)),
            &duration(task.start, task.end, visit.now),
            &clipped(task.reason.as_deref()),
        ];
        table.row(&cells);
    }
    table.finish()
}

/// Which try it is, and how many there may be.
pub(crate) fn tries(task: &TaskInstance) -> String {
    let most = task.max_tries.saturating_add(1).max(task.try_number);
    format!("{} of {most}", task.try_number)
}

/// `GET /dags/{dag_id}/runs/{run_id}/graph`.
pub(crate) async fn graph(visit: Visit, Path(ids): Path<(String, String)>) -> Response {
    visit.show(move |visit| graph_page(visit, ids.clone())).await
}

async fn graph_page(visit: Visit, (dag_id, run_id): (String, String)) -> Made {
    let known = known(&visit, &dag_id, &run_id).await?;
    let model = visit.desk.model(&dag_id, known.run.version).await?;
    let body = Html::of(|out| {
        out.region("graph", |out| {
            let picture = graph::picture(&model, Some(&run_id), &known.tasks);
            out.push(&pages::card("", &Html::new(), &picture));
        });
    });
    Ok(tab(&visit, &known, "graph", &body))
}

/// `GET /dags/{dag_id}/runs/{run_id}/gantt`.
pub(crate) async fn gantt(visit: Visit, Path(ids): Path<(String, String)>) -> Response {
    visit.show(move |visit| gantt_page(visit, ids.clone())).await
}

async fn gantt_page(visit: Visit, (dag_id, run_id): (String, String)) -> Made {
    let known = known(&visit, &dag_id, &run_id).await?;
    let body = Html::of(|out| {
        out.region("gantt", |out| {
            let chart = gantt::chart(&known.run, &known.tasks, visit.now);
            out.push(&pages::card("", &Html::new(), &chart));
        });
    });
    Ok(tab(&visit, &known, "gantt", &body))
}

/// `GET /dags/{dag_id}/runs/{run_id}/details`.
pub(crate) async fn details(visit: Visit, Path(ids): Path<(String, String)>) -> Response {
    visit.show(move |visit| details_page(visit, ids.clone())).await
}

async fn details_page(visit: Visit, (dag_id, run_id): (String, String)) -> Made {
    let known = known(&visit, &dag_id, &run_id).await?;
    let run = &known.run;
    let moment = |at: Option<chrono::DateTime<chrono::Utc>>| at.map_or_else(nil, time);
    let facts = key_values(&[
        ("Run id", Html::with("<code>{}</code>", &[&run.run_id])),
        ("Type", Html::with("{}", &[&run.run_type.name()])),
        ("Triggered by", or_nil(Some(&run.triggered_by))),
        ("DAG version", version(run)),
        ("Logical date", moment(run.logical_date)),
        ("Data interval from", moment(run.interval_start)),
        ("Data interval to", moment(run.interval_end)),
        ("Run after", time(run.run_after)),
        ("Queued", time(run.queued_at)),
        ("Started", moment(run.start)),
        ("Ended", moment(run.end)),
    ]);
    let body = Html::of(|out| {
        out.raw("<div class=\"split\"><div class=\"stack\">");
        let conf = super::json(&run.conf);
        out.push(&pages::card("Configuration of the run", &Html::new(), &conf));
        out.region("run-note", |out| {
            let at = run_at(&dag_id, &run_id, "note");
            let note = note_form(&visit, &at, run.note.as_deref());
            out.push(&pages::card("Note", &Html::new(), &note));
        });
        out.raw("</div>");
        out.region("run-facts", |out| out.push(&pages::card("", &Html::new(), &facts)));
        out.raw("</div>");
    });
    Ok(tab(&visit, &known, "details", &body))
}

fn version(run: &Run) -> Html {
    let href = dag_at(&run.dag_id, "code");
    let version = run.version.to_string();
    link(&pages::query(&href, &[("version", &version)]), &version)
}

/// The note about a run or task: a field for those who may write it.
pub(crate) fn note_form(visit: &Visit, action: &str, note: Option<&str>) -> Html {
    if !visit.may(Permission::Clear) {
        let text = note.unwrap_or("Nobody has written a note.");
        return Html::with("<p class=\"card-body dim\">{}</p>", &[&text]);
    }
    let field = Field {
        input: Input::Lines(3),
        value: note.unwrap_or_default(),
        ..Field::new("note", "What others should know")
    };
    let form = Form { action, confirm: "", submit: "Keep the note", danger: false };
    Html::with("<div class=\"card-body\">{}</div>", &[&form.around(&Html::with("{}", &[&field]))])
}

/// A tab of a run's page around what it shows.
fn tab(visit: &Visit, known: &Known, tab: &str, body: &Html) -> Page {
    let (dag_id, run_id) = (&known.run.dag_id, &known.run.run_id);
    let tabs: Vec<Tab<'_>> = TABS
        .iter()
        .map(|(key, label)| Tab {
            href: run_at(dag_id, run_id, key),
            label,
            count: None,
            current: *key == tab,
        })
        .collect();
    let body = Html::of(|out| {
        out.region("run-head", |out| out.push(&head(visit, known)));
        out.push(&pages::tabs("Views of the run", &tabs));
        out.push(body);
    });
    let crumbs = vec![
        ("DAGs".to_owned(), "/dags".to_owned()),
        (dag_id.clone(), dag_at(dag_id, "")),
        ("Runs".to_owned(), dag_at(dag_id, "runs")),
    ];
    let title = run_name(&known.run);
    Page { title, section: "dags", crumbs, body, live: true, ..Page::default() }
}

fn head(visit: &Visit, known: &Known) -> Html {
    let run = &known.run;
    let note = Html::of(|out| {
        out.push(&State(run.state.name()));
        let started = run.start.map_or_else(
            || Html::with("queued {}", &[&ago(run.queued_at, visit.now)]),
            |at| Html::with("started {}", &[&ago(at, visit.now)]),
        );
        out.put("<span>{}</span>", &[&started]);
        if run.start.is_some() {
            let took = duration(run.start, run.end, visit.now);
            out.put("<span>{}{}</span>", &[&Icon::Clock, &took]);
        }
        out.put("<span>{}{}</span>", &[&Icon::User, &run.triggered_by]);
        out.put("<span>{}</span>", &[&counts(&known.tasks)]);
        if let Some(note) = &run.note {
            out.put("<span class=\"note\">{}{}</span>", &[&Icon::Note, note]);
        }
    });
    let actions = if visit.may(Permission::Clear) { actions(visit, run) } else { Html::new() };
    let title = run_name(run);
    let stale = known.dag.version != run.version;
    Html::of(|out| {
        out.push(&pages::page_head(&title, Some(&note), &actions));
        if stale && !run.state.ended() {
            out.put(
                "<p class=\"lead\">This run keeps version {} of the DAG; the newest is {}.</p>",
                &[&run.version, &known.dag.version],
            );
        }
    })
}

/// How many tasks are in which state.
fn counts(tasks: &[TaskInstance]) -> Html {
    Html::of(|out| {
        for (name, state) in TaskState::NAMES {
            let count = tasks.iter().filter(|task| task.state == state).count();
            if count > 0 {
                let word = if name == "none" { "no status" } else { name };
                out.put(
                    "<span class=\"tally\" title=\"{} {}\"><i class=\"dot\" data-state=\"{}\"></i>{}\
                     <span class=\"sr\"> {}</span></span>",
                    &[&count, &word, &name, &count, &word],
                );
            }
        }
    })
}

fn actions(visit: &Visit, run: &Run) -> Html {
    let (dag_id, run_id) = (&run.dag_id, &run.run_id);
    let clear = run_at(dag_id, run_id, "clear");
    let mark = run_at(dag_id, run_id, "mark");
    Html::of(|out| {
        if run.state == RunState::Failed {
            let form = Form { action: &clear, confirm: "", submit: "Clear failed", danger: false };
            out.push(&post_button(&form, Some(Icon::Retry), "primary", &[("only_failed", "true")]));
        }
        let form = Form {
            action: &clear,
            confirm: "All tasks of this run are cleared and run again.",
            submit: "Clear all",
            danger: false,
        };
        out.push(&post_button(&form, Some(Icon::Clear), "", &[]));
        for (state, word, icon, danger, confirm) in [
            (
                RunState::Success,
                "Mark success",
                Icon::Check,
                false,
                "The run is marked as a success. Tasks that have not ended do not run.",
            ),
            (
                RunState::Failed,
                "Mark failed",
                Icon::Cross,
                true,
                "The run is marked as failed. Tasks that run are stopped, the others do not start.",
            ),
        ] {
            if run.state != state {
                let form = Form { action: &mark, confirm, submit: word, danger };
                out.push(&post_button(&form, Some(icon), "", &[("state", state.name())]));
            }
        }
        if run.state.ended() && visit.may(Permission::DeleteRuns) {
            let form = Form {
                action: &run_at(dag_id, run_id, "delete"),
                confirm: "The run is deleted with its tasks, logs and XComs. This cannot be undone.",
                submit: "Delete",
                danger: true,
            };
            out.push(&post_button(&form, Some(Icon::Trash), "icon-only", &[]));
        }
    })
}

/// Does something with a run, and shows it again.
async fn act<F, D>(visit: Visit, (dag_id, run_id): (String, String), done: F) -> Response
where
    F: FnOnce(Visit, Run) -> D,
    D: Future<Output = Result<String, Problem>>,
{
    let to = run_at(&dag_id, &run_id, "");
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    match actor.run(&dag_id, &run_id).await {
        Ok(run) => {
            let done = done(visit.clone(), run).await;
            visit.done(&to, done)
        }
        Err(problem) => visit.answer(Err(problem)),
    }
}

/// `POST .../clear`.
pub(crate) async fn clear(
    visit: Visit,
    Path(ids): Path<(String, String)>,
    Sent(sent): Sent,
) -> Response {
    let only_failed = sent.flag("only_failed");
    act(visit, ids, |visit, run| async move {
        let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
        let cleared = actor.clear_run(&run, only_failed).await?;
        Ok(match cleared.len() {
            0 => "There is nothing to clear.".to_owned(),
            1 => "One task is cleared.".to_owned(),
            many => format!("{many} tasks are cleared."),
        })
    })
    .await
}

/// `POST .../mark`.
pub(crate) async fn mark(
    visit: Visit,
    Path(ids): Path<(String, String)>,
    Sent(sent): Sent,
) -> Response {
    let state = RunState::named(sent.text("state"));
    act(visit, ids, |visit, run| async move {
        let state = state.ok_or_else(|| Problem::bad("this is no state of a run"))?;
        let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
        actor.mark_run(&run, state).await?;
        Ok(format!("The run is marked {}.", state.name()))
    })
    .await
}

/// `POST .../note`.
pub(crate) async fn note(
    visit: Visit,
    Path(ids): Path<(String, String)>,
    Sent(sent): Sent,
) -> Response {
    let note = note_of(&sent);
    act(visit, ids, |visit, run| async move {
        let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
        actor.note_run(&run, note).await?;
        Ok("The note is kept.".to_owned())
    })
    .await
}

/// The note of a form; browsers end lines with two characters.
pub(crate) fn note_of(sent: &Fields) -> Option<String> {
    sent.some("note").map(|note| note.replace("\r\n", "\n"))
}

/// `POST .../delete`.
pub(crate) async fn delete(visit: Visit, Path(ids): Path<(String, String)>) -> Response {
    let (dag_id, run_id) = ids;
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    match actor.delete_run(&dag_id, &run_id).await {
        Ok(()) => visit.done(&dag_at(&dag_id, "runs"), Ok("The run is deleted.".to_owned())),
        Err(problem) => visit.done(&run_at(&dag_id, &run_id, ""), Err(problem)),
    }
}
