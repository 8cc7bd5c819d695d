//! The grid of a DAG: its tasks against its latest runs.

use std::collections::{BTreeMap, BTreeSet};

use ::dag::Dag;
use axum::extract::Path;
use axum::response::Response;
use chrono::{DateTime, Utc};
use metadata::{DagSummary, Run, TaskCell};
use pages::{Html, Icon, Raw, ago, seconds_text, tile};
use scheduler::{RunState, TaskState};

use super::{dag, dag_at, nil, run_at, run_name, task_at};
use crate::fields::{Asked, Fields};
use crate::layout::short_name;
use crate::visit::{Made, Visit};

/// Runs that are shown unless more are asked for.
const RUNS: u32 = 25;
const RUNS_MAX: u32 = 100;
/// Height of the highest bar above a column.
const BAR: i64 = 64;

/// `GET /dags/{dag_id}`.
pub(crate) async fn grid(
    visit: Visit,
    Path(dag_id): Path<String>,
    Asked(asked): Asked,
) -> Response {
    visit.show(move |visit| page(visit, dag_id.clone(), asked.clone())).await
}

async fn page(visit: Visit, dag_id: String, asked: Fields) -> Made {
    let dag = visit.desk.dag(&dag_id).await?;
    let model = visit.desk.model(&dag_id, dag.version).await?;
    let count = asked.number("runs", RUNS).clamp(1, RUNS_MAX);
    let mut runs = visit.desk.metadata.grid(&dag_id, count).await?;
    // The newest stands at the right.
    runs.reverse();
    let body = Html::of(|out| {
        out.raw("<div class=\"stack\">");
        out.region_as("div", "tiles", "dag-numbers", |out| numbers(out, &visit, &dag, &runs));
        out.region("grid", |out| {
            if runs.is_empty() {
                out.push(&pages::card("", &Html::new(), &no_runs(&visit, &dag)));
            } else {
                let body = table(&dag_id, &model, &runs);
                out.push(&pages::card("Latest runs", &how_many(&dag_id, count), &body));
            }
        });
        out.raw("</div>");
    });
    Ok(self::dag::tab(&visit, &dag, "", &body))
}

fn how_many(dag_id: &str, count: u32) -> Html {
    let choices = [10, 25, 50, 100].map(|choice: u32| {
        let href = pages::query(&dag_at(dag_id, ""), &[("runs", &choice.to_string())]);
        (choice.to_string(), href, choice == count)
    });
    let segments: Vec<super::Segment<'_>> = choices
        .iter()
        .map(|(label, href, current)| super::Segment {
            href: href.clone(),
            label,
            count: None,
            current: *current,
        })
        .collect();
    super::segments("Runs shown", &segments)
}

fn no_runs(visit: &Visit, dag: &DagSummary) -> Html {
    let text = if dag.paused {
        "The DAG is paused: no run starts by its schedule until it is switched on. It can be triggered \
         by hand."
    } else {
        "The first run appears here when the schedule asks for it, or when somebody triggers the DAG."
    };
    let action = if visit.may(door::Permission::Trigger) {
        pages::action(&dag_at(&dag.dag_id, "trigger"), Icon::Play, "Trigger", true)
    } else {
        Html::new()
    };
    pages::empty_state(Icon::Grid, "No runs yet", text, &action)
}

type Grid = [(Run, Vec<TaskCell>)];

/// What the latest runs have in common.
fn numbers(out: &mut Html, visit: &Visit, dag: &DagSummary, runs: &Grid) {
    let ended: Vec<&Run> =
        runs.iter().map(|(run, _)| run).filter(|run| run.state.ended()).collect();
    let good = ended.iter().filter(|run| run.state == RunState::Success).count();
    let rate =
        if ended.is_empty() { nil() } else { Html::with("{}%", &[&(100 * good / ended.len())]) };
    let of = format!("{good} of the latest {}", ended.len());
    out.push(&tile("Succeeded", &rate, &Html::with("{}", &[&of])));
    let mut took: Vec<_> = ended.iter().filter_map(|run| Some(run.end? - run.start?)).collect();
    took.sort_unstable();
    let middle =
        took.get(took.len() / 2).map_or_else(nil, |took| Html::with("{}", &[&seconds_text(*took)]));
    let longest = took
        .last()
        .map_or_else(Html::new, |longest| Html::with("longest {}", &[&seconds_text(*longest)]));
    out.push(&tile("Median duration", &middle, &longest));
    let last = runs.last().map(|(run, _)| run);
    let state = last.map_or_else(nil, |run| {
        Html::with(
            "<a class=\"tile-link\" href=\"{}\">{}</a>",
            &[&run_at(&run.dag_id, &run.run_id, ""), &pages::State(run.state.name())],
        )
    });
    let when =
        last.map_or_else(Html::new, |run| ago(run.start.unwrap_or(run.run_after), visit.now));
    out.push(&tile("Latest run", &state, &when));
    let next = dag.next_run.filter(|_| !dag.paused);
    let (value, note) = match next {
        Some(next) => (
            super::next_run(next.run_after, visit.now),
            Html::with("{}", &[&next.run_after.format("%Y-%m-%d %H:%M:%S").to_string()]),
        ),
        None if dag.paused => (nil(), Html::with("paused", &[])),
        None => (nil(), Html::with("the schedule asks for none", &[])),
    };
    out.push(&tile("Next run", &value, &note));
}

/// A row of the grid.
enum Row<'d> {
    Group { id: &'d str, depth: usize, members: BTreeSet<&'d str> },
    Task { id: &'d str, depth: usize },
}

/// Groups stand above their tasks, and where their first task stands.
fn rows(model: &Dag) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    let parents: BTreeMap<&str, Option<&str>> =
        model.groups.iter().map(|group| (group.id.as_str(), group.parent.as_deref())).collect();
    let above = |task: &::dag::Task| -> Vec<String> {
        let mut chain: Vec<String> = Vec::new();
        let mut at = task.group.as_deref();
        while let Some(group) = at.filter(|group| !chain.iter().any(|known| known == group)) {
            chain.push(group.to_owned());
            at = parents.get(group).copied().flatten();
        }
        chain.reverse();
        chain
    };
    let chains: Vec<Vec<String>> = model.tasks.iter().map(above).collect();
    let mut order: Vec<usize> = (0..model.tasks.len()).collect();
    // Members of a group that was opened before follow it.
    let first = |at: usize| -> Vec<usize> {
        let mut key: Vec<usize> = Vec::new();
        for depth in 0..chains[at].len() {
            let same = |other: &Vec<String>| other.get(..=depth) == chains[at].get(..=depth);
            key.push(chains.iter().position(same).unwrap_or(at));
        }
        key.push(at);
        key
    };
    order.sort_by_cached_key(|at| first(*at));
    for at in order {
        let (task, chain) = (&model.tasks[at], &chains[at]);
        for (depth, name) in chain.iter().enumerate() {
            let Some(group) = model.groups.iter().find(|group| group.id == *name) else { continue };
            if seen.insert(group.id.as_str()) {
                let inside = chains.iter().enumerate().filter(|(_, chain)| chain.contains(name));
                let members = inside.map(|(at, _)| model.tasks[at].id.as_str()).collect();
                rows.push(Row::Group { id: &group.id, depth, members });
            }
        }
        rows.push(Row::Task { id: &task.id, depth: chain.len() });
    }
    rows
}

fn table(dag_id: &str, model: &Dag, runs: &Grid) -> Html {
    let cells: Vec<BTreeMap<&str, &TaskCell>> = runs
        .iter()
        .map(|(_, cells)| cells.iter().map(|cell| (cell.task_id.as_str(), cell)).collect())
        .collect();
    Html::of(|out| {
        out.raw("<x-grid><div class=\"grid-frame\"><table class=\"grid\"><thead><tr>");
        out.raw("<th class=\"corner\" scope=\"col\">Task</th>");
        head(out, runs);
        out.raw("</tr></thead><tbody>");
        let mut known = BTreeSet::new();
        for row in rows(model) {
            match row {
                Row::Task { id, depth } => {
                    known.insert(id);
                    task_row(out, dag_id, (id, depth), runs, &cells);
                }
                Row::Group { id, depth, members } => group_row(out, (id, depth), &members, &cells),
            }
        }
        let gone: BTreeSet<&str> = cells
            .iter()
            .flat_map(|cells| cells.keys().copied())
            .filter(|id| !known.contains(id))
            .collect();
        for id in gone {
            task_row(out, dag_id, (id, 0), runs, &cells);
        }
        out.raw("</tbody></table></div></x-grid>");
        legend(out, cells.iter().flat_map(|cells| cells.values().map(|cell| cell.state)));
    })
}

/// A bar for each run, as high as it took long.
fn head(out: &mut Html, runs: &Grid) {
    let seconds = |run: &Run| match (run.start, run.end) {
        (Some(start), Some(end)) => (end - start).num_milliseconds().max(0),
        _ => 0,
    };
    let longest = runs.iter().map(|(run, _)| seconds(run)).max().unwrap_or(0).max(1);
    for (run, _) in runs {
        let height = if run.end.is_none() { BAR } else { 6 + (BAR - 6) * seconds(run) / longest };
        let took = match (run.start, run.end) {
            (Some(start), Some(end)) => seconds_text(end - start),
            (Some(_), None) => "it runs".to_owned(),
            _ => "it waits".to_owned(),
        };
        let title = format!("{}\n{}, {took}", run_name(run), run.state.name());
        let values: [&dyn pages::Part; 8] = [
            &run_at(&run.dag_id, &run.run_id, ""),
            &run.state.name(),
            &title,
            &title,
            &BAR,
            &BAR,
            &(BAR - height),
            &height,
        ];
        out.put(
            "<td><a class=\"run-bar\" href=\"{}\" data-state=\"{}\" title=\"{}\" aria-label=\"{}\">\
             <svg width=\"12\" height=\"{}\" viewBox=\"0 0 12 {}\" aria-hidden=\"true\">\
             <rect width=\"12\" y=\"{}\" height=\"{}\" rx=\"2.5\"/></svg></a></td>",
            &values,
        );
    }
}

fn row_head(out: &mut Html, id: &str, depth: usize) {
    let class = match depth {
        0 => "",
        1 => "in-1",
        2 => "in-2",
        _ => "in-3",
    };
    out.put(
        "<th scope=\"row\" title=\"{}\"><span class=\"{}\"><span class=\"name\">{}</span></span></th>",
        &[&id, &Raw(class), &short_name(id)],
    );
}

fn task_row(
    out: &mut Html,
    dag_id: &str,
    (id, depth): (&str, usize),
    runs: &Grid,
    cells: &[BTreeMap<&str, &TaskCell>],
) {
    out.raw("<tr>");
    row_head(out, id, depth);
    for ((run, _), cells) in runs.iter().zip(cells) {
        let Some(cell) = cells.get(id) else {
            out.raw("<td></td>");
            continue;
        };
        let title = format!("{id}\n{}\n{}", run_name(run), told(cell));
        let tries = (cell.try_number > 1)
            .then(|| Html::with(" tries\" data-tries=\"{}", &[&cell.try_number]));
        out.put(
            "<td><a class=\"cell{}\" href=\"{}\" data-state=\"{}\" title=\"{}\" aria-label=\"{}\">\
             </a></td>",
            &[&tries, &task_at(dag_id, &run.run_id, id, ""), &cell.state.name(), &title, &title],
        );
    }
    out.raw("</tr>");
}

fn told(cell: &TaskCell) -> String {
    let state = match cell.state {
        TaskState::None => "no status",
        state => state.name(),
    };
    let tries =
        if cell.try_number > 1 { format!(", try {}", cell.try_number) } else { String::new() };
    match took(cell.start, cell.end) {
        Some(took) => format!("{state}{tries}, {took}"),
        None => format!("{state}{tries}"),
    }
}

fn took(start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Option<String> {
    Some(seconds_text(end? - start?))
}

fn group_row(
    out: &mut Html,
    (id, depth): (&str, usize),
    members: &BTreeSet<&str>,
    cells: &[BTreeMap<&str, &TaskCell>],
) {
    out.raw("<tr class=\"group\">");
    row_head(out, id, depth);
    for cells in cells {
        let states = members.iter().filter_map(|id| cells.get(id)).map(|cell| cell.state);
        match together(states) {
            None => out.raw("<td></td>"),
            Some(state) => {
                let title = format!("{id}: {}", state.name());
                out.put(
                    "<td><span class=\"cell whole\" data-state=\"{}\" title=\"{}\"></span></td>",
                    &[&state.name(), &title],
                );
            }
        }
    }
    out.raw("</tr>");
}

/// The state of several tasks together: what needs a look comes first.
pub(crate) fn together(states: impl Iterator<Item = TaskState>) -> Option<TaskState> {
    const ORDER: [TaskState; 13] = [
        TaskState::Failed,
        TaskState::UpstreamFailed,
        TaskState::UpForRetry,
        TaskState::Running,
        TaskState::Restarting,
        TaskState::UpForReschedule,
        TaskState::Deferred,
        TaskState::Queued,
        TaskState::Scheduled,
        TaskState::None,
        TaskState::Success,
        TaskState::Skipped,
        TaskState::Removed,
    ];
    let states: BTreeSet<TaskState> = states.collect();
    ORDER.into_iter().find(|state| states.contains(state))
}

/// The states that occur, with their colours.
fn legend(out: &mut Html, states: impl Iterator<Item = TaskState>) {
    let states: BTreeSet<TaskState> = states.collect();
    out.raw("<div class=\"legend\">");
    for state in states {
        let word = match state {
            TaskState::None => "no status".to_owned(),
            state => state.name().replace('_', " "),
        };
        out.put(
            "<span><span class=\"cell\" data-state=\"{}\"></span>{}</span>",
            &[&state.name(), &word],
        );
    }
    out.raw("</div>");
}
