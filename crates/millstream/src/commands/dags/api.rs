//! The webserver's API, as the command line asks it.

use std::net::SocketAddr;

use pages::path;
use serde_json::Value;

use super::super::webserver_address;
use crate::cli::dags::Running;
use crate::failure::Failure;
use crate::http::{Answer, GetError, Request, ask, lines};
use crate::node::key;
use crate::project::Project;

/// Entries of one answer.
const PAGE: usize = 100;
/// Answers of one list: more than that many DAGs are none of ours.
const PAGES_MAX: usize = 1_000;

/// The API of a running project, with the token of the local operator.
#[derive(Debug)]
pub(super) struct Api {
    address: SocketAddr,
    token: String,
}

impl Api {
    /// Finds where it is, without asking it yet.
    pub(super) fn of(running: &Running, set: &[String]) -> Result<Self, Vec<Failure>> {
        let project = Project::find(running.project.as_deref())?;
        let config = project.config(set)?;
        let data = project.data(running.data.as_deref());
        let address = webserver_address(&config, &data)?;
        let token = key::operator_token(&key::existing(&data)?);
        Ok(Self { address, token })
    }

    /// What is at a path of the API.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send("GET", path, "").await
    }

    /// Sends JSON to a path of the API; an empty text is none.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Value, Failure> {
        let answer = self.answer(method, path, body).await?;
        if !(200..300).contains(&answer.status) {
            return Err(self.refusal(&answer));
        }
        serde_json::from_str(&answer.body).map_err(|error| {
            Failure::new(format!("the answer of {} to {path} is not JSON: {error}", self.address))
        })
    }

    /// What is at a path, or nothing if there is nothing.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Value>, Failure> {
        let answer = self.answer("GET", path, "").await?;
        match answer.status {
            404 => Ok(None),
            200 => Ok(serde_json::from_str(&answer.body).ok()),
            _ => Err(self.refusal(&answer)),
        }
    }

    /// Gives each line of a log to `each`.
    pub(super) async fn log(
        &self,
        path: &str,
        each: impl FnMut(&str) -> bool,
    ) -> Result<(), Failure> {
        let request = Request { accept: "application/x-ndjson", ..self.request("GET", path, "") };
        let answer = lines(self.address, &request, each).await;
        let answer = answer.map_err(|error| self.unreached(&error))?;
        if answer.status == 200 { Ok(()) } else { Err(self.refusal(&answer)) }
    }

    /// Every entry of a list.
    pub(super) async fn all(&self, path: &str, name: &str) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        for page in 0..PAGES_MAX {
            let path = format!("{path}?limit={PAGE}&offset={}", page * PAGE);
            let mut answer = self.get(&path).await?;
            let Some(Value::Array(part)) = answer.get_mut(name).map(Value::take) else { break };
            let whole = part.len() == PAGE;
            found.extend(part);
            if !whole {
                break;
            }
        }
        Ok(found)
    }

    /// A DAG; a misspelt name is answered with the nearest.
    pub(super) async fn dag(&self, dag: &str) -> Result<Value, Failure> {
        if let Some(found) = self.find(&api(&["dags", dag])).await? {
            return Ok(found);
        }
        let known = self.all("/api/v2/dags", "dags").await?;
        let failure = Failure::new(format!("there is no DAG {dag}"));
        Err(match spelling::hint(dag, texts(&known, "dag_id")) {
            Some(hint) => failure.next(hint),
            None => failure.next("`millstream dags list` lists them"),
        })
    }

    /// The id of a run of a DAG that is there; `latest` stands for the newest.
    pub(super) async fn run(&self, dag: &str, run: &str) -> Result<String, Failure> {
        self.dag(dag).await?;
        if self.find(&api(&["dags", dag, "dagRuns", run])).await?.is_some() {
            return Ok(run.to_owned());
        }
        let path = format!("{}?limit={PAGE}", api(&["dags", dag, "dagRuns"]));
        let runs = self.get(&path).await?;
        let runs = runs.get("dag_runs").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut ids = texts(&runs, "dag_run_id");
        if run == "latest" {
            let none = || Failure::new(format!("the DAG {dag} has no run yet"));
            return ids.next().map(str::to_owned).ok_or_else(none);
        }
        let failure = Failure::new(format!("the DAG {dag} has no run {run}"));
        Err(match spelling::hint(run, ids) {
            Some(hint) => failure.next(hint),
            None => failure.next(format!("`millstream dags runs {dag}` lists them")),
        })
    }

    async fn answer(&self, method: &str, path: &str, body: &str) -> Result<Answer, Failure> {
        let answer = ask(self.address, &self.request(method, path, body)).await;
        answer.map_err(|error| self.unreached(&error))
    }

    fn request<'a>(&'a self, method: &'a str, path: &'a str, body: &'a str) -> Request<'a> {
        Request { method, token: Some(&self.token), body, ..Request::get(path) }
    }

    fn unreached(&self, error: &GetError) -> Failure {
        Failure::new(format!("no webserver answers at {}: {error}", self.address)).next(
            "start the project with `millstream up`, or name the one that runs: \
             --set webserver.listen=HOST:PORT",
        )
    }

    fn refusal(&self, answer: &Answer) -> Failure {
        if answer.status == 401 {
            return Failure::new(format!(
                "the webserver at {} does not know this project's secret key",
                self.address
            ))
            .next("another project runs there: name its directory with --project, or --data");
        }
        let detail: Option<Value> = serde_json::from_str(&answer.body).ok();
        match detail.as_ref().and_then(|answer| text(answer, "detail")) {
            Some(detail) => Failure::new(detail),
            None => Failure::new(format!(
                "the webserver at {} answered with HTTP {}",
                self.address, answer.status
            )),
        }
    }
}

/// A path of the API.
pub(super) fn api(segments: &[&str]) -> String {
    format!("/api/v2{}", path(segments))
}

/// A text of an answer.
pub(super) fn text<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(name).and_then(Value::as_str)
}

/// A text of each entry.
pub(super) fn texts<'a>(of: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a str> {
    of.iter().filter_map(move |entry| text(entry, name))
}
