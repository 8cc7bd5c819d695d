//! From a request to its file in `api`, with tracing around it.

use crate::api::{self, Answer, Session};
use crate::execute::failure::{Failure, Outcome};
use crate::node::traces::Trace;
use cql::Version;
use cql::request::{BatchQuery, Request};
use cql::response::{Extras, Response};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Answers a request.
pub(crate) async fn answer(
    session: &Arc<Session>,
    version: Version,
    request: Request,
    tracing: bool,
) -> (Response, Extras) {
    let mut extras = Extras::default();
    let traced = tracing.then(|| Traced::start(session, &request));
    match choose(session, version, request).await {
        Ok(answer) => {
            extras.warnings = answer.warnings;
            if let Some(traced) = traced {
                extras.tracing_id = Some(traced.finish(session, &answer.response));
            }
            (answer.response, extras)
        }
        Err(failure) => {
            let response = Response::Error(*failure.0);
            if let Some(traced) = traced {
                extras.tracing_id = Some(traced.finish(session, &response));
            }
            (response, extras)
        }
    }
}

async fn choose(session: &Arc<Session>, version: Version, request: Request) -> Outcome<Answer> {
    match request {
        Request::Query(query) => api::query::answer(session, version, query).await,
        Request::Prepare(prepare) => api::prepare::answer(session, version, &prepare),
        Request::Execute(execute) => api::execute::answer(session, version, execute).await,
        Request::Batch(batch) => api::batch::answer(session, version, batch).await,
        Request::AuthResponse(_) => {
            Err(Failure::protocol("AUTH_RESPONSE is not expected: no authentication is asked for"))
        }
        Request::Startup(_) | Request::Options | Request::Register(_) => {
            Err(Failure::protocol("the request is answered by the connection"))
        }
    }
}

/// The most characters of a text that a trace keeps.
const TEXT_MAX: usize = 1000;

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

struct Traced {
    id: cql::value::Uuid,
    request: &'static str,
    parameters: BTreeMap<String, String>,
    started: i64,
}

impl Traced {
    fn start(session: &Session, request: &Request) -> Self {
        let started = session.node.clock.wall_micros();
        let mut parameters = BTreeMap::new();
        let name = match request {
            Request::Query(query) => {
                parameters.insert("query".to_owned(), shortened(&query.query));
                "Execute CQL3 query"
            }
            Request::Prepare(prepare) => {
                parameters.insert("query".to_owned(), shortened(&prepare.query));
                "Preparing CQL3 query"
            }
            Request::Execute(execute) => {
                if let Some(prepared) = session.node.prepared.get(&execute.id) {
                    parameters.insert("query".to_owned(), shortened(&prepared.text));
                }
                "Execute CQL3 prepared query"
            }
            Request::Batch(batch) => {
                let texts = batch.statements.iter().filter_map(|one| match &one.statement {
                    BatchQuery::Text(text) => Some(shortened(text)),
                    BatchQuery::Prepared(id) => {
                        session.node.prepared.get(id).map(|prepared| shortened(&prepared.text))
                    }
                });
                parameters
                    .extend((0..).zip(texts.take(100)).map(|(at, t)| (format!("query_{at}"), t)));
                "Execute batch of CQL3 queries"
            }
            _ => "other",
        };
        let id = session.node.timeuuid(started);
        Self { id, request: name, parameters, started }
    }

    fn finish(self, session: &Session, response: &Response) -> cql::value::Uuid {
        let duration = session.node.clock.wall_micros().saturating_sub(self.started).max(1);
        let answered = match response {
            Response::Rows(rows) => format!("Read {} live rows", rows.count),
            Response::Error(error) => format!("Refused: {}", error.message),
            _ => "Applied".to_owned(),
        };
        let mut events = Vec::new();
        let parse = format!("Parsing {}", self.parameters.values().next().map_or("", |q| q));
        for (elapsed, activity) in [(1, parse), (duration, answered)] {
            events.push((elapsed, session.node.timeuuid(self.started + elapsed), activity));
        }
        session.node.traces.add(Trace {
            id: self.id,
            client: session.client,
            coordinator: session.local,
            command: "QUERY",
            request: self.request,
            parameters: self.parameters,
            started: self.started,
            duration,
            events,
        });
        self.id
    }
}
