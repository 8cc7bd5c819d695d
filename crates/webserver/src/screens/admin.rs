//! Pools, and what this is.

use axum::extract::Path;
use axum::response::Response;
use door::Permission;
use metadata::{DEFAULT_POOL, Pool, PoolUse};
use pages::{Column, Field, Form, Html, Icon, Input, Part, Table, key_values, post_button};
use serde_json::json;

use crate::act::Actor;
use crate::fields::Sent;
use crate::problem::Problem;
use crate::visit::{Made, Page, Visit};

/// `GET /pools`.
pub(crate) async fn pools(visit: Visit) -> Response {
    visit.show(pools_page).await
}

async fn pools_page(visit: Visit) -> Made {
    let pools = visit.desk.metadata.pools().await?;
    let edits = visit.may(Permission::EditPools);
    let note = Html::with("How many tasks may run at a time, by kind.", &[]);
    let body = Html::of(|out| {
        out.push(&pages::page_head("Pools", Some(&note), &Html::new()));
        out.raw("<div class=\"stack\">");
        out.region("pools", |out| out.push(&pool_table(&pools, edits)));
        if edits {
            out.push(&pool_form());
        }
        out.raw("</div>");
    });
    Ok(Page { title: "Pools".to_owned(), section: "pools", body, live: true, ..Page::default() })
}

fn pool_table(pools: &[PoolUse], edits: bool) -> Html {
    let mut table = Table::new(&[
        Column::left("Pool"),
        Column::left("Slots in use"),
        Column::right("Slots"),
        Column::right("Running"),
        Column::right("Queued"),
        Column::right("Waiting"),
        Column::actions("Delete"),
    ]);
    for PoolUse { pool, running, queued, scheduled } in pools {
        let name = Html::with(
            "<div class=\"main-cell\"><b>{}</b><small>{}</small></div>",
            &[&pool.name, &pool.description],
        );
        let delete = if edits && pool.name != DEFAULT_POOL {
            let action = pages::path(&["pools", &pool.name, "delete"]);
            let confirm =
                format!("The pool {} is deleted. Tasks that name it do not start.", pool.name);
            let form = Form { action: &action, confirm: &confirm, submit: "Delete", danger: true };
            post_button(&form, Some(Icon::Trash), "icon-only", &[])
        } else {
            Html::new()
        };
        let cells: [&dyn Part; 7] = [
            &name,
            &meter(u64::from(pool.slots), *running, *queued),
            &pool.slots,
            running,
            queued,
            scheduled,
            &delete,
        ];
        table.row(&cells);
    }
    table.finish()
}

/// A bar of the slots that are taken.
fn meter(slots: u64, running: u64, queued: u64) -> Html {
    let share = |taken: u64| (taken.min(slots) * 100).checked_div(slots).unwrap_or(0);
    let (running, both) = (share(running), share(running + queued));
    Html::with(
        "<svg class=\"meter\" role=\"img\" aria-label=\"{}% in use\"><rect class=\"all\" \
         width=\"100%\" height=\"8\" rx=\"4\"/><rect data-state=\"queued\" width=\"{}%\" \
         height=\"8\" rx=\"4\"/><rect data-state=\"running\" width=\"{}%\" height=\"8\" rx=\"4\"/></svg>",
        &[&both, &both, &running],
    )
}

fn pool_form() -> Html {
    let fields = Html::of(|out| {
        out.raw("<div class=\"columns\">");
        let fields = [
            Field { required: true, ..Field::new("name", "Name") },
            Field { input: Input::Number, required: true, ..Field::new("slots", "Slots") },
            Field::new("description", "Description"),
        ];
        fields.iter().for_each(|field| out.push(field));
        out.raw("</div>");
    });
    let form = Form { action: "/pools", confirm: "", submit: "Set the pool", danger: false };
    let form = Html::with("<div class=\"card-body\">{}</div>", &[&form.around(&fields)]);
    pages::card("Add or change a pool", &Html::new(), &form)
}

/// `POST /pools`.
pub(crate) async fn set_pool(visit: Visit, Sent(sent): Sent) -> Response {
    let done = async {
        let name = sent.text("name").to_owned();
        let slots = sent.text("slots").parse();
        let slots =
            slots.map_err(|_| Problem::unprocessable("The slots are not a whole number."))?;
        let pool = Pool { name, slots, description: sent.text("description").to_owned() };
        save_pool(&visit, &pool).await?;
        Ok(format!("The pool {} has {} slots.", pool.name, pool.slots))
    };
    let done = done.await;
    visit.done("/pools", done)
}

/// Keeps a pool.
pub(crate) async fn save_pool(visit: &Visit, pool: &Pool) -> Result<(), Problem> {
    if pool.name.is_empty() || pool.name.chars().count() > 250 {
        return Err(Problem::unprocessable("A pool has a name of 1 to 250 characters."));
    }
    visit.desk.metadata.set_pool(pool).await?;
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    let extra = json!({"pool": pool.name, "slots": pool.slots});
    actor.audit("pool.set", None, None, None, extra).await
}

/// `POST /pools/{name}/delete`.
pub(crate) async fn delete_pool(visit: Visit, Path(name): Path<String>) -> Response {
    let done = remove_pool(&visit, &name).await;
    visit.done("/pools", done.map(|()| format!("The pool {name} is deleted.")))
}

/// Deletes a pool.
pub(crate) async fn remove_pool(visit: &Visit, name: &str) -> Result<(), Problem> {
    if name == DEFAULT_POOL {
        return Err(Problem::bad("Default Pool can't be deleted"));
    }
    if !visit.desk.metadata.delete_pool(name).await? {
        return Err(Problem::missing(format!("The Pool with name: `{name}` was not found")));
    }
    let actor = Actor { desk: &visit.desk, who: visit.principal.name() };
    actor.audit("pool.delete", None, None, None, json!({"pool": name})).await
}

/// `GET /about`.
pub(crate) async fn about(visit: Visit) -> Response {
    visit.show(about_page).await
}

async fn about_page(visit: Visit) -> Made {
    // Whether the database answers is shown; that it does not is no reason to show nothing.
    let works = visit.desk.metadata.dag_counts().await;
    let state = if works.is_ok() { "ready" } else { "down" };
    let word = if works.is_ok() { "answers" } else { "does not answer" };
    let database =
        Html::with("<span class=\"chip\" data-state=\"{}\"><i></i>{}</span>", &[&state, &word]);
    let mut facts = vec![
        ("Version", Html::with("{}", &[&env!("CARGO_PKG_VERSION")])),
        ("Metadata database", database),
    ];
    if visit.may(Permission::Configuration) {
        let address = Html::with("<code>{}</code>", &[&visit.desk.metadata.address()]);
        facts.push(("Its address", address));
    }
    if visit.may(Permission::Dags) {
        facts.push(("API", super::link("/api/v2/version", "/api/v2")));
        facts.push(("Health", super::link("/health", "/health")));
    }
    let body = Html::of(|out| {
        let note = Html::with("One program for what Airflow, Kafka, Spark and Cassandra do.", &[]);
        out.push(&pages::page_head("Millstream", Some(&note), &Html::new()));
        out.put(
            "<div class=\"narrow\">{}</div>",
            &[&pages::card("", &Html::new(), &key_values(&facts))],
        );
    });
    Ok(Page { title: "About".to_owned(), section: "about", body, ..Page::default() })
}
