//! The graph of a DAG, with the states of a run.

use std::collections::BTreeMap;

use ::dag::Dag;
use axum::extract::Path;
use axum::response::Response;
use metadata::{RunFilter, TaskInstance};
use pages::{Html, Part, Raw};
use scheduler::TaskState;

use super::{dag, dag_at, run_name, task_at};
use crate::fields::{Asked, Fields};
use crate::layout::{self, Arrow, Picture, fit, short_name};
use crate::problem::Problem;
use crate::visit::{Made, Visit};

/// Runs that can be chosen from.
const RUNS: u32 = 25;
/// Around the picture.
const MARGIN: f64 = 24.0;
/// The least of what a picture shows, so that a small DAG is not blown up.
const VIEW: (f64, f64) = (960.0, 280.0);

/// `GET /dags/{dag_id}/graph`.
pub(crate) async fn graph(
    visit: Visit,
    Path(dag_id): Path<String>,
    Asked(asked): Asked,
) -> Response {
    visit.show(move |visit| page(visit, dag_id.clone(), asked.clone())).await
}

async fn page(visit: Visit, dag_id: String, asked: Fields) -> Made {
    let dag = visit.desk.dag(&dag_id).await?;
    let filter = RunFilter { limit: RUNS, ..RunFilter::default() };
    let (mut runs, _) = visit.desk.metadata.runs(Some(&dag_id), &filter).await?;
    let wanted = asked.text("run");
    if !wanted.is_empty() && !runs.iter().any(|run| run.run_id == wanted) {
        let older = visit.desk.metadata.run(&dag_id, wanted).await?;
        runs.push(older.ok_or_else(|| Problem::no_run(&dag_id, wanted))?);
    }
    let chosen = match wanted {
        "" => runs.first(),
        wanted => runs.iter().find(|run| run.run_id == wanted),
    };
    let version = chosen.map_or(dag.version, |run| run.version);
    let model = visit.desk.model(&dag_id, version).await?;
    let tasks = match chosen {
        Some(run) => visit.desk.metadata.tasks(&dag_id, &run.run_id).await?,
        None => Vec::new(),
    };
    let aside = Html::of(|out| {
        if runs.is_empty() {
            return;
        }
        out.put(
            "<form class=\"filters flat\" action=\"{}\" data-auto>",
            &[&dag_at(&dag_id, "graph")],
        );
        out.raw("<select name=\"run\" aria-label=\"States of the run\">");
        for run in &runs {
            let here = chosen.is_some_and(|chosen| chosen.run_id == run.run_id);
            let selected = here.then_some(Raw(" selected"));
            let label = format!("{} - {}", run_name(run), run.state.name());
            let values: [&dyn Part; 3] = [&run.run_id, &selected, &label];
            out.put("<option value=\"{}\"{}>{}</option>", &values);
        }
        out.raw(
            "</select><noscript><button class=\"button\" type=\"submit\">Show</button></noscript>",
        );
        out.raw("</form>");
    });
    let body = Html::of(|out| {
        out.region("graph", |out| {
            let picture = picture(&model, chosen.map(|run| run.run_id.as_str()), &tasks);
            out.push(&pages::card("Graph", &aside, &picture));
        });
    });
    Ok(self::dag::tab(&visit, &dag, "graph", &body))
}

/// The picture of a DAG. With a run, its boxes have that run's states and lead to its tasks.
pub(crate) fn picture(model: &Dag, run_id: Option<&str>, tasks: &[TaskInstance]) -> Html {
    let picture = layout::of(model);
    let states: BTreeMap<&str, &TaskInstance> =
        tasks.iter().map(|task| (task.key.task_id.as_str(), task)).collect();
    let (width, height) = (picture.width + 2.0 * MARGIN, picture.height + 2.0 * MARGIN);
    // Without a script the picture is shown whole, in the middle.
    let (seen, high) = (width.max(VIEW.0), height.max(VIEW.1));
    let tall = match height {
        ..210.0 => "low",
        ..400.0 => "middle",
        _ => "",
    };
    let (left, top) = ((width - seen) / 2.0, (height - high) / 2.0);
    Html::of(|out| {
        out.put(
            "<x-dag class=\"{}\" size=\"{} {}\"><svg viewBox=\"{} {} {} {}\" role=\"group\" \
             aria-label=\"Graph of {}\"><g transform=\"translate({} {})\">",
            &[
                &Raw(tall),
                &half(width),
                &half(height),
                &half(left),
                &half(top),
                &half(seen),
                &half(high),
                &model.id,
                &MARGIN,
                &MARGIN,
            ],
        );
        clusters(out, &picture);
        for arrow in &picture.arrows {
            draw(out, arrow, states.get(arrow.from.as_str()).map(|task| task.state));
        }
        for task in &model.tasks {
            node(out, &picture, model, task, run_id, states.get(task.id.as_str()).copied());
        }
        out.raw(
            "</g></svg><div class=\"zoom\" data-keep=\"hidden\" hidden>\
             <button type=\"button\" data-zoom=\"out\" aria-label=\"Smaller\">&#8722;</button>\
             <button type=\"button\" data-zoom=\"in\" aria-label=\"Larger\">+</button>\
             <button type=\"button\" data-zoom=\"fit\">Fit</button></div></x-dag>",
        );
    })
}

fn clusters(out: &mut Html, picture: &Picture) {
    for (id, frame) in &picture.groups {
        out.put(
            "<g class=\"cluster\"><title>{}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" \
             height=\"{}\" rx=\"11\"/><text x=\"{}\" y=\"{}\">{}</text></g>",
            &[
                id,
                &half(frame.x),
                &half(frame.y),
                &half(frame.width),
                &half(frame.height),
                &half(frame.x + 16.0),
                &half(frame.y + 18.0),
                &fit(short_name(id), frame.width - 28.0),
            ],
        );
    }
}

/// A smooth line through the points, with a tip.
fn draw(out: &mut Html, arrow: &Arrow, from: Option<TaskState>) {
    let Some(((x, y), rest)) = arrow.points.split_first() else { return };
    let mut path = format!("M{} {}", half(*x), half(*y));
    let (mut x, mut y) = (*x, *y);
    for (at, (to_x, to_y)) in rest.iter().enumerate() {
        let to_x = if at + 1 == rest.len() { to_x - 6.0 } else { *to_x };
        if (to_y - y).abs() < 0.5 {
            path.push_str(&format!("H{}", half(to_x)));
        } else {
            let bend = ((to_x - x) / 2.0).max(24.0);
            path.push_str(&format!(
                "C{} {} {} {} {} {}",
                half(x + bend),
                half(y),
                half(to_x - bend),
                half(*to_y),
                half(to_x),
                half(*to_y)
            ));
        }
        (x, y) = (to_x, *to_y);
    }
    let done = if from == Some(TaskState::Success) { "edge done" } else { "edge" };
    let tip = format!("M{} {}l-2 -4.5 8 4.5 -8 4.5z", half(x), half(y));
    out.put(
        "<path class=\"{}\" d=\"{}\"/><path class=\"edge-tip\" d=\"{}\"/>",
        &[&Raw(done), &path, &tip],
    );
}

fn node(
    out: &mut Html,
    picture: &Picture,
    model: &Dag,
    task: &::dag::Task,
    run_id: Option<&str>,
    instance: Option<&TaskInstance>,
) {
    let Some(frame) = picture.tasks.get(&task.id) else { return };
    let operator = self::dag::operator(task);
    let state = instance.map_or(TaskState::None, |task| task.state);
    let word = match state {
        TaskState::None => String::new(),
        state => state.name().replace('_', " "),
    };
    let title = match run_id {
        Some(_) if word.is_empty() => format!("{}\n{operator}, no status", task.id),
        Some(_) => format!("{}\n{operator}, {word}", task.id),
        None => format!("{}\n{operator}", task.id),
    };
    let tag = if run_id.is_some() { "a" } else { "g" };
    out.put("<{} class=\"node\" data-state=\"{}\"", &[&Raw(tag), &state.name()]);
    if let Some(run_id) = run_id {
        out.put(" href=\"{}\"", &[&task_at(&model.id, run_id, &task.id, "")]);
    }
    out.put(
        " transform=\"translate({} {})\"><title>{}</title>\
         <rect class=\"box tint\" width=\"{}\" height=\"{}\" rx=\"9\"/>",
        &[&half(frame.x), &half(frame.y), &title, &half(frame.width), &half(frame.height)],
    );
    if run_id.is_some() && state != TaskState::None {
        let mark =
            "<rect class=\"edge-mark\" x=\"7\" y=\"10\" width=\"4\" height=\"{}\" rx=\"2\"/>";
        out.put(mark, &[&half(frame.height - 20.0)]);
    }
    // The second line holds what it is and how it is; of the two the state is not cut.
    let room = frame.width - 34.0 - layout::text_width(&word) * 0.92;
    out.put(
        "<text x=\"19\" y=\"20\">{}</text><text class=\"kind\" x=\"19\" y=\"36\">{}</text>\
         <text class=\"state-word\" x=\"{}\" y=\"36\">{}</text></{}>",
        &[
            &fit(short_name(&task.id), frame.width - 30.0),
            &fit(&operator, room.max(36.0)),
            &half(frame.width - 12.0),
            &word,
            &Raw(tag),
        ],
    );
}

/// A coordinate, to half a pixel.
fn half(number: f64) -> f64 {
    (number * 2.0).round() / 2.0
}
