//! The routes: each with the permission it asks for.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use door::{Door, Permission as P, Routes, secured};

use crate::assets;
use crate::desk::Desk;
use crate::problem::Problem;
use crate::views::{
    brokers, cql, dead_letters, doctor, group, groups, messages, pipeline, pipelines, reset,
    series, sign_in, sql, streams, tables, topic, topic_edit, topics, transactions,
};
use crate::visit::Visit;

/// The longest form: a message to produce.
const FORM_BYTES_MAX: usize = 4 << 20;

/// Every route of the console.
pub(crate) fn router(desk: Desk, door: Door) -> Router {
    let listed: Routes = list().with_state(desk);
    let router = listed.into_router().merge(pages::assets::routes_with(assets::ALL));
    secured(router, &[])
        .layer(axum::extract::DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(Extension(door))
}

/// The routes, with what each gives away.
fn list() -> Routes<Desk> {
    Routes::new()
        .get("/", P::Pipelines, pipelines::whole)
        .get("/fragment", P::Pipelines, pipelines::fragment)
        .get("/events", P::Pipelines, pipelines::events)
        .get("/api/pipelines", P::Pipelines, pipelines::json)
        .get("/api/series", P::Pipelines, series::answer)
        .get("/pipelines/{stream}", P::Pipelines, pipeline::one)
        .get("/health", P::Health, pipelines::health)
        .get("/login", P::SignIn, sign_in::form)
        .post("/login", P::SignIn, sign_in::sign_in)
        .get("/login/link", P::SignIn, sign_in::link)
        .post("/logout", P::SignIn, sign_in::sign_out)
        .get("/doctor", P::Doctor, doctor::show)
        .get("/api/doctor", P::Doctor, doctor::json)
        .merge(kafka())
        .merge(groups_and_transactions())
        .merge(tables_and_streams())
        .fallback(P::Health, nothing_here)
}

fn kafka() -> Routes<Desk> {
    Routes::new()
        .get("/brokers", P::Topics, brokers::list)
        .get("/brokers/{id}", P::Topics, brokers::one)
        .get("/topics", P::Topics, topics::list)
        .get("/topics/new", P::EditTopics, topics::create_page)
        .post("/topics/create", P::EditTopics, topics::create)
        .get("/topics/{topic}", P::Topics, topic::first)
        .get("/topics/{topic}/partitions", P::Topics, topic::partitions)
        .get("/topics/{topic}/consumers", P::Topics, topic::consumers)
        .get("/topics/{topic}/producers", P::Topics, topic::producers)
        .get("/topics/{topic}/charts", P::Topics, topic::charts)
        .get("/topics/{topic}/configs", P::Topics, topic_edit::configs)
        .get("/topics/{topic}/change", P::EditTopics, topic_edit::change_page)
        .post("/topics/{topic}/configs", P::EditTopics, topic_edit::set_config)
        .post("/topics/{topic}/partitions/add", P::EditTopics, topic_edit::add_partitions)
        .post("/topics/{topic}/records/delete", P::EditTopics, topic_edit::delete_records)
        .post("/topics/{topic}/delete", P::EditTopics, topic_edit::delete)
        .get("/topics/{topic}/messages", P::Messages, messages::list)
        .get("/topics/{topic}/messages/{partition}/{offset}", P::Messages, messages::one)
        .get("/topics/{topic}/produce", P::Produce, messages::produce_page)
        .post("/topics/{topic}/produce", P::Produce, messages::produce)
}

fn groups_and_transactions() -> Routes<Desk> {
    Routes::new()
        .get("/groups", P::Topics, groups::list)
        .get("/groups/{group}", P::Topics, group::one)
        .get("/groups/{group}/reset", P::EditGroups, reset::form)
        .post("/groups/{group}/reset", P::EditGroups, reset::apply)
        .post("/groups/{group}/delete", P::EditGroups, group::delete)
        .post("/groups/{group}/offsets/delete", P::EditGroups, group::delete_offsets)
        .get("/transactions", P::Topics, transactions::list)
        .get("/transactions/{id}", P::Topics, transactions::one)
}

fn tables_and_streams() -> Routes<Desk> {
    Routes::new()
        .get("/tables", P::Tables, tables::list)
        .get("/tables/{keyspace}/{table}", P::Tables, tables::one)
        .get("/cql", P::Query, cql::form)
        .post("/cql", P::Query, cql::run)
        .get("/sql", P::Query, sql::form)
        .post("/sql", P::Query, sql::run)
        .get("/streams", P::Streams, streams::list)
        .get("/streams/{stream}", P::Streams, streams::one)
        .get("/dead-letters", P::Streams, dead_letters::list)
        .get("/dead-letters/{topic}", P::Messages, dead_letters::one)
        .post("/dead-letters/{topic}/redrive", P::EditStreams, dead_letters::apply)
}

async fn nothing_here(visit: Visit, headers: axum::http::HeaderMap) -> Response {
    let takes = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if takes.is_some_and(|accept| accept.contains("text/html")) {
        return visit.answer(Err(Problem::missing("there is no page at this address")));
    }
    (StatusCode::NOT_FOUND, "nothing here: the page is at /\n").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Method;

    #[test]
    fn whatever_changes_something_asks_for_a_permission_that_no_stranger_has() {
        let listed = list();
        assert!(listed.listed().len() > 45);
        for route in listed.listed() {
            let signs_in = route.permission == P::SignIn;
            // A statement that changes asks again for its own permission.
            let queries = route.permission == P::Query;
            if route.method != Method::GET && !signs_in && !queries {
                assert!(route.permission.changes(), "{route:?}");
            }
        }
    }
}
