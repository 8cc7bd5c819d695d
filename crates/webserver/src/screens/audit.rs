//! Who did what: of one DAG, or of all.

use axum::extract::Path;
use axum::response::Response;
use metadata::{EventFilter, KeptEvent};
use pages::{Column, Html, Icon, Part, Table, ago};
use serde_json::Value;

use super::dag::clipped;
use super::{ROWS, dag, dag_at, link, nil, run_at, task_at};
use crate::fields::{Asked, Fields};
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// `GET /audit`.
pub(crate) async fn all(visit: Visit, Asked(asked): Asked) -> Response {
    visit.show(move |visit| all_page(visit, asked.clone())).await
}

async fn all_page(visit: Visit, asked: Fields) -> Made {
    let list = list(&visit, None, &asked, "/audit").await?;
    let note = Html::with("Who did what, and when.", &[]);
    let body = Html::of(|out| {
        out.push(&pages::page_head("Audit log", Some(&note), &Html::new()));
        out.push(&list);
    });
    let title = "Audit log".to_owned();
    Ok(Page { title, section: "audit", body, live: true, ..Page::default() })
}

/// `GET /dags/{dag_id}/audit`.
pub(crate) async fn of_dag(
    visit: Visit,
    Path(dag_id): Path<String>,
    Asked(asked): Asked,
) -> Response {
    visit.show(move |visit| dag_page(visit, dag_id.clone(), asked.clone())).await
}

async fn dag_page(visit: Visit, dag_id: String, asked: Fields) -> Made {
    let dag = visit.desk.dag(&dag_id).await?;
    let list = list(&visit, Some(&dag_id), &asked, &dag_at(&dag_id, "audit")).await?;
    Ok(dag::tab(&visit, &dag, "audit", &list))
}

async fn list(
    visit: &Visit,
    dag_id: Option<&str>,
    asked: &Fields,
    here: &str,
) -> Result<Html, Problem> {
    let filter = EventFilter {
        dag_id: dag_id.map(str::to_owned),
        who: asked.some("who"),
        what: asked.some("what"),
        limit: ROWS,
        offset: asked.number("offset", 0),
        ..EventFilter::default()
    };
    let (events, total) = visit.desk.metadata.events(&filter).await?;
    let at = |offset: u64| {
        let offset = if offset == 0 { String::new() } else { offset.to_string() };
        let (who, what) = (asked.text("who"), asked.text("what"));
        pages::query(here, &[("who", who), ("what", what), ("offset", &offset)])
    };
    Ok(Html::of(|out| {
        out.put(
            "<form class=\"filters\" action=\"{}\" data-auto><input type=\"search\" name=\"who\" \
             value=\"{}\" placeholder=\"Who\" aria-label=\"Who\"><input type=\"search\" \
             name=\"what\" value=\"{}\" placeholder=\"What, such as run.\" aria-label=\"What\">\
             <button class=\"button\" type=\"submit\">Filter</button></form>",
            &[&here, &asked.text("who"), &asked.text("what")],
        );
        out.region("events", |out| {
            if events.is_empty() {
                let filtered = filter.who.is_some() || filter.what.is_some();
                let (title, text) = if filtered {
                    ("Nothing matches", "Who is a whole name; what is how an event's name begins.")
                } else {
                    (
                        "Nothing was done",
                        "Whatever somebody changes here, or a program by its token, is written down: \
                         triggers, pauses, clears, variables, users.",
                    )
                };
                let empty = pages::empty_state(Icon::Clock, title, text, &Html::new());
                out.push(&pages::card("", &Html::new(), &empty));
                return;
            }
            out.push(&table(visit, &events, dag_id.is_none()));
            out.push(&pages::pager(total, u64::from(ROWS), u64::from(filter.offset), &at));
        });
    }))
}

fn table(visit: &Visit, events: &[KeptEvent], with_dag: bool) -> Html {
    let mut columns = vec![Column::left("What"), Column::left("When"), Column::left("Who")];
    if with_dag {
        columns.push(Column::left("DAG"));
    }
    columns.extend([Column::left("Run"), Column::left("Task"), Column::left("More")]);
    let mut table = Table::new(&columns);
    for KeptEvent { event, .. } in events {
        let what = Html::with("<code>{}</code>", &[&event.what]);
        let when = ago(event.at, visit.now);
        let dag = event.dag_id.as_ref().map_or_else(nil, |id| link(&dag_at(id, ""), id));
        let run = match (&event.dag_id, &event.run_id) {
            (Some(dag), Some(run)) => {
                let href = run_at(dag, run, "");
                Html::with("<a class=\"clip\" title=\"{}\" href=\"{}\">{}</a>", &[run, &href, run])
            }
            _ => nil(),
        };
        let task = match (&event.dag_id, &event.run_id, &event.task_id) {
            (Some(dag), Some(run), Some(task)) => link(&task_at(dag, run, task, ""), task),
            _ => nil(),
        };
        let more = match &event.extra {
            Value::Null => nil(),
            Value::Object(fields) if fields.is_empty() => nil(),
            extra => clipped(Some(&extra.to_string())),
        };
        let mut cells: Vec<&dyn Part> = vec![&what, &when, &event.who];
        if with_dag {
            cells.push(&dag);
        }
        cells.extend([&run as &dyn Part, &task, &more]);
        table.row(&cells);
    }
    table.finish()
}
