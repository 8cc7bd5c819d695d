//! The tasks of a run as bars over time.

use chrono::{DateTime, Utc};
use metadata::{Run, TaskInstance};
use pages::{Html, Icon, Part, duration, seconds_text};

use super::task_at;
use crate::layout::short_name;

/// The bars, with an axis above them.
pub(crate) fn chart(run: &Run, tasks: &[TaskInstance], now: DateTime<Utc>) -> Html {
    let mut begun: Vec<&TaskInstance> = tasks.iter().filter(|task| task.start.is_some()).collect();
    begun.sort_by_key(|task| (task.start, task.key.task_id.clone()));
    let starts = begun.iter().filter_map(|task| task.queued_at.into_iter().chain(task.start).min());
    let Some(from) = starts.chain(run.start).min() else {
        let text = "Bars appear here as soon as a task of this run has started.";
        return pages::empty_state(Icon::Clock, "Nothing has started", text, &Html::new());
    };
    let ends = begun.iter().map(|task| task.end.unwrap_or(now)).chain(run.end);
    let to = ends.max().unwrap_or(now);
    let whole = (to - from).num_milliseconds().max(1);
    let share = |at: DateTime<Utc>| {
        // Hundredths of a percent, so that no float is printed.
        let part = (at - from).num_milliseconds().clamp(0, whole) * 10_000 / whole;
        (part / 100, part % 100)
    };
    Html::of(|out| {
        out.raw("<div class=\"gantt-axis\" aria-hidden=\"true\"><span></span><div>");
        for quarter in 0..=4 {
            let at = (to - from) * quarter / 4;
            out.put("<span>{}</span>", &[&seconds_text(at)]);
        }
        out.raw("</div><span></span></div><div class=\"gantt\">");
        for task in begun {
            bar(out, task, now, &share);
        }
        out.raw("</div>");
    })
}

fn bar(
    out: &mut Html,
    task: &TaskInstance,
    now: DateTime<Utc>,
    share: &dyn Fn(DateTime<Utc>) -> (i64, i64),
) {
    let Some(start) = task.start else { return };
    let key = &task.key;
    let percent = |(whole, rest): (i64, i64)| format!("{whole}.{rest:02}%");
    let span = |from: DateTime<Utc>, to: DateTime<Utc>| {
        let (from, to) = (share(from), share(to));
        let wide = (to.0 * 100 + to.1 - from.0 * 100 - from.1).max(20);
        (percent(from), percent((wide / 100, wide % 100)))
    };
    let name = short_name(&key.task_id);
    let group = key.task_id.strip_suffix(name).unwrap_or_default();
    let title = format!("{}: {}", key.task_id, task.state.name());
    out.put(
        "<a href=\"{}\" data-state=\"{}\" title=\"{}\"><span><small>{}</small>{}</span>\
         <svg aria-hidden=\"true\">",
        &[
            &task_at(&key.dag_id, &key.run_id, &key.task_id, ""),
            &task.state.name(),
            &title,
            &group,
            &name,
        ],
    );
    if let Some(queued) = task.queued_at.filter(|queued| *queued < start) {
        let (x, width) = span(queued, start);
        let values: [&dyn Part; 2] = [&x, &width];
        out.put(
            "<rect class=\"wait\" x=\"{}\" width=\"{}\" y=\"5\" height=\"6\" rx=\"2\"/>",
            &values,
        );
    }
    let (x, width) = span(start, task.end.unwrap_or(now));
    let values: [&dyn Part; 3] = [&x, &width, &duration(Some(start), task.end, now)];
    out.put(
        "<rect x=\"{}\" width=\"{}\" y=\"1\" height=\"14\" rx=\"3\"/></svg><span>{}</span></a>",
        &values,
    );
}
