//! Lists over all DAGs: runs, task instances, XComs.

use axum::response::Response;
use metadata::{TaskFilter, XComFilter};
use pages::{Column, Html, Icon, Name, Part, Raw, State, Table, ago, duration};
use scheduler::TaskState;

use super::dag::{clipped, run_list};
use super::{ROWS, dag_at, link, nil, run_at, task_at};
use crate::fields::{Asked, Fields};
use crate::visit::{Made, Page, Visit};

/// `GET /runs`.
pub(crate) async fn runs(visit: Visit, Asked(asked): Asked) -> Response {
    visit.show(move |visit| runs_page(visit, asked.clone())).await
}

async fn runs_page(visit: Visit, asked: Fields) -> Made {
    let list = run_list(&visit, None, &asked, "/runs").await?;
    Ok(page("Runs", "runs", &list))
}

fn page(title: &str, section: &'static str, list: &Html) -> Page {
    let body = Html::of(|out| {
        out.push(&pages::page_head(title, None, &Html::new()));
        out.push(list);
    });
    Page { title: title.to_owned(), section, body, live: true, ..Page::default() }
}

/// `GET /tasks`.
pub(crate) async fn tasks(visit: Visit, Asked(asked): Asked) -> Response {
    visit.show(move |visit| tasks_page(visit, asked.clone())).await
}

async fn tasks_page(visit: Visit, asked: Fields) -> Made {
    let filter = TaskFilter {
        dag_id: asked.some("dag"),
        state: TaskState::named(asked.text("state")),
        search: asked.some("search"),
        limit: ROWS,
        offset: asked.number("offset", 0),
        ..TaskFilter::default()
    };
    let (tasks, total) = visit.desk.metadata.task_instances(&filter).await?;
    let list = Html::of(|out| {
        task_filters(out, &asked);
        out.region("task-list", |out| {
            if tasks.is_empty() {
                let text = "Tasks appear here as soon as the scheduler looks at a run.";
                let empty = pages::empty_state(Icon::List, "No task instances", text, &Html::new());
                out.push(&pages::card("", &Html::new(), &empty));
                return;
            }
            let mut table = Table::new(&[
                Column::left("Task"),
                Column::left("State"),
                Column::left("DAG"),
                Column::left("Run"),
                Column::right("Try"),
                Column::left("Started"),
                Column::right("Duration"),
                Column::left("Why"),
            ]);
            for task in &tasks {
                let key = &task.key;
                let href = task_at(&key.dag_id, &key.run_id, &key.task_id, "");
                let run = run_at(&key.dag_id, &key.run_id, "");
                let cells: [&dyn Part; 8] = [
                    &Html::with(
                        "<div class=\"main-cell\"><a href=\"{}\">{}</a></div>",
                        &[&href, &Name(&key.task_id)],
                    ),
                    &State(task.state.name()),
                    &link(&dag_at(&key.dag_id, ""), &key.dag_id),
                    &Html::with(
                        "<a class=\"clip run-id\" title=\"{}\" href=\"{}\">{}</a>",
                        &[&key.run_id, &run, &key.run_id],
                    ),
                    &task.try_number,
                    &task.start.map_or_else(nil, |at| ago(at, visit.now)),
                    &duration(task.start, task.end, visit.now),
                    &clipped(task.reason.as_deref()),
                ];
                table.row(&cells);
            }
            out.push(&table.finish());
            let offset = u64::from(filter.offset);
            out.push(&pages::pager(total, u64::from(ROWS), offset, &|offset| {
                let offset = if offset == 0 { String::new() } else { offset.to_string() };
                pages::query(
                    "/tasks",
                    &[
                        ("dag", asked.text("dag")),
                        ("state", asked.text("state")),
                        ("search", asked.text("search")),
                        ("offset", &offset),
                    ],
                )
            }));
        });
    });
    Ok(page("Task instances", "tasks", &list))
}

fn task_filters(out: &mut Html, asked: &Fields) {
    out.put(
        "<form class=\"filters\" action=\"/tasks\" data-auto><input type=\"search\" name=\"search\" \
         value=\"{}\" placeholder=\"Task\" aria-label=\"Part of the task's name\"><input \
         type=\"search\" name=\"dag\" value=\"{}\" placeholder=\"DAG\" aria-label=\"DAG\">\
         <select name=\"state\" aria-label=\"State\"><option value=\"\">All states</option>",
        &[&asked.text("search"), &asked.text("dag")],
    );
    for (name, _) in TaskState::NAMES {
        let word = if name == "none" { "no status".to_owned() } else { name.replace('_', " ") };
        let selected = (name == asked.text("state")).then_some(Raw(" selected"));
        let values: [&dyn Part; 3] = [&name, &selected, &word];
        out.put("<option value=\"{}\"{}>{}</option>", &values);
    }
    out.raw("</select><button class=\"button\" type=\"submit\">Filter</button></form>");
}

/// `GET /xcoms`.
pub(crate) async fn xcoms(visit: Visit, Asked(asked): Asked) -> Response {
    visit.show(move |visit| xcoms_page(visit, asked.clone())).await
}

async fn xcoms_page(visit: Visit, asked: Fields) -> Made {
    let filter = XComFilter {
        dag_id: asked.some("dag"),
        limit: ROWS,
        offset: asked.number("offset", 0),
        ..XComFilter::default()
    };
    let (entries, total) = visit.desk.metadata.xcom_entries(&filter).await?;
    let list = Html::of(|out| {
        out.put(
            "<form class=\"filters\" action=\"/xcoms\" data-auto><input type=\"search\" name=\"dag\" \
             value=\"{}\" placeholder=\"DAG\" aria-label=\"DAG\"><button class=\"button\" \
             type=\"submit\">Filter</button></form>",
            &[&asked.text("dag")],
        );
        out.region("xcom-list", |out| {
            if entries.is_empty() {
                let text = "What tasks return, or push for other tasks, appears here.";
                let empty = pages::empty_state(Icon::XCom, "No XComs", text, &Html::new());
                out.push(&pages::card("", &Html::new(), &empty));
                return;
            }
            let mut table = Table::new(&[
                Column::left("Key"),
                Column::left("Value"),
                Column::left("Task"),
                Column::left("DAG"),
                Column::left("Run"),
            ]);
            for entry in &entries {
                let key = &entry.key;
                let task = task_at(&key.dag_id, &key.run_id, &key.task_id, "xcom");
                let run = run_at(&key.dag_id, &key.run_id, "");
                let value = entry.value.to_string();
                let shown: String = value.chars().take(400).collect();
                let cells: [&dyn Part; 5] = [
                    &Html::with("<b>{}</b>", &[&entry.name]),
                    &Html::with("<code class=\"clip\" title=\"{}\">{}</code>", &[&shown, &shown]),
                    &link(&task, &key.task_id),
                    &link(&dag_at(&key.dag_id, ""), &key.dag_id),
                    &Html::with(
                        "<a class=\"clip run-id\" title=\"{}\" href=\"{}\">{}</a>",
                        &[&key.run_id, &run, &key.run_id],
                    ),
                ];
                table.row(&cells);
            }
            out.push(&table.finish());
            let offset = u64::from(filter.offset);
            out.push(&pages::pager(total, u64::from(ROWS), offset, &|offset| {
                let offset = if offset == 0 { String::new() } else { offset.to_string() };
                pages::query("/xcoms", &[("dag", asked.text("dag")), ("offset", &offset)])
            }));
        });
    });
    Ok(page("XComs", "xcoms", &list))
}
