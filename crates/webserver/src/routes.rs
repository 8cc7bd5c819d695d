//! Every route, with what it gives away.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use door::{Permission as P, Routes};

use crate::api;
use crate::desk::Desk;
use crate::problem::Problem;
use crate::screens::{
    account, admin, audit, browse, code, configuration, connections, dag, graph, grid,
    import_errors, list, run, sign_in, task, trigger, users, variables,
};
use crate::visit::Visit;

const DAG: &str = "/dags/{dag_id}";
const RUN: &str = "/dags/{dag_id}/runs/{run_id}";
const TASK: &str = "/dags/{dag_id}/runs/{run_id}/tasks/{task_id}";
const API: &str = "/api/v2";

/// All of them.
pub(crate) fn all() -> Routes<Desk> {
    Routes::new()
        .get("/assets/{name}", P::Assets, pages::assets::answer)
        .get("/health", P::Health, api::health::health)
        .get("/about", P::Health, admin::about)
        .merge(doors())
        .merge(dag_pages())
        .merge(run_pages())
        .merge(lists())
        .merge(admin_pages())
        .merge(api_dags())
        .merge(api_runs())
        .merge(api_backfills())
        .merge(api_rest())
        .fallback(P::Health, nothing_here)
}

async fn nothing_here(visit: Visit, request: Request) -> Response {
    let path = request.uri().path();
    let problem = Problem::new(StatusCode::NOT_FOUND, format!("There is nothing at {path}."));
    if path.starts_with("/api/") { problem.into_response() } else { visit.answer(Err(problem)) }
}

fn doors() -> Routes<Desk> {
    Routes::new()
        .get("/login", P::SignIn, sign_in::form)
        .post("/login", P::SignIn, sign_in::sign_in)
        .get("/login/link", P::SignIn, sign_in::link)
        .post("/logout", P::SignIn, sign_in::sign_out)
        .post("/auth/token", P::SignIn, api::token::create)
        .get("/account", P::OwnAccount, account::show)
        .post("/account/password", P::OwnAccount, account::change_password)
        .post("/account/tokens", P::OwnAccount, account::add_token)
        .post("/account/tokens/{name}/revoke", P::OwnAccount, account::revoke_token)
}

fn dag_pages() -> Routes<Desk> {
    let at = |tab: &str| format!("{DAG}/{tab}");
    Routes::new()
        .get("/", P::Dags, list::home)
        .get("/dags", P::Dags, list::list)
        .get(DAG, P::Dags, grid::grid)
        .get(&at("graph"), P::Dags, graph::graph)
        .get(&at("runs"), P::Dags, dag::runs)
        .get(&at("tasks"), P::Dags, dag::tasks)
        .get(&at("code"), P::Code, code::code)
        .get(&at("details"), P::Dags, dag::details)
        .get(&at("audit"), P::Audit, audit::of_dag)
        .get(&at("trigger"), P::Trigger, trigger::form)
        .post(&at("trigger"), P::Trigger, trigger::trigger)
        .post(&at("pause"), P::Pause, list::pause)
}

fn run_pages() -> Routes<Desk> {
    let run_at = |tab: &str| format!("{RUN}/{tab}");
    let task_at = |tab: &str| format!("{TASK}/{tab}");
    Routes::new()
        .get(RUN, P::Dags, run::tasks)
        .get(&run_at("graph"), P::Dags, run::graph)
        .get(&run_at("gantt"), P::Dags, run::gantt)
        .get(&run_at("details"), P::Dags, run::details)
        .post(&run_at("clear"), P::Clear, run::clear)
        .post(&run_at("mark"), P::Clear, run::mark)
        .post(&run_at("note"), P::Clear, run::note)
        .post(&run_at("delete"), P::DeleteRuns, run::delete)
        .get(TASK, P::Logs, task::log)
        .get(&task_at("log.txt"), P::Logs, task::log_text)
        .get(&task_at("events"), P::Logs, task::events)
        .get(&task_at("rendered"), P::Logs, task::rendered)
        .get(&task_at("xcom"), P::Logs, task::xcom)
        .get(&task_at("details"), P::Dags, task::details)
        .post(&task_at("clear"), P::Clear, task::clear)
        .post(&task_at("mark"), P::Clear, task::mark)
        .post(&task_at("note"), P::Clear, task::note)
}

fn lists() -> Routes<Desk> {
    Routes::new()
        .get("/import-errors", P::Dags, import_errors::list)
        .get("/runs", P::Dags, browse::runs)
        .get("/tasks", P::Dags, browse::tasks)
        .get("/xcoms", P::Logs, browse::xcoms)
        .get("/audit", P::Audit, audit::all)
}

fn admin_pages() -> Routes<Desk> {
    Routes::new()
        .get("/variables", P::Variables, variables::list)
        .post("/variables", P::EditVariables, variables::set)
        .post("/variables/{name}/delete", P::EditVariables, variables::delete)
        .get("/connections", P::Connections, connections::list)
        .post("/connections", P::EditConnections, connections::set)
        .post("/connections/{id}/delete", P::EditConnections, connections::delete)
        .get("/pools", P::Dags, admin::pools)
        .post("/pools", P::EditPools, admin::set_pool)
        .post("/pools/{name}/delete", P::EditPools, admin::delete_pool)
        .get("/configuration", P::Configuration, configuration::show)
        .post("/configuration/{list}", P::EditPackages, configuration::add)
        .post("/configuration/{list}/{name}/remove", P::EditPackages, configuration::remove)
        .get("/users", P::Users, users::list)
        .post("/users", P::Users, users::add)
        .post("/users/{name}/role", P::Users, users::set_role)
        .post("/users/{name}/remove", P::Users, users::remove)
}

fn api_dags() -> Routes<Desk> {
    let at = |path: &str| format!("{API}/{path}");
    Routes::new()
        .get(&at("dags"), P::Dags, api::dags::list)
        .get(&at("dags/{dag_id}"), P::Dags, api::dags::one)
        .patch(&at("dags/{dag_id}"), P::Pause, api::dags::patch)
        .delete(&at("dags/{dag_id}"), P::DeleteRuns, api::dags::delete)
        .get(&at("dags/{dag_id}/details"), P::Dags, api::dags::details)
        .get(&at("dags/{dag_id}/tasks"), P::Dags, api::dags::tasks)
        .get(&at("dags/{dag_id}/tasks/{task_id}"), P::Dags, api::dags::task)
        .get(&at("dags/{dag_id}/dagVersions"), P::Dags, api::dags::versions)
        .get(&at("dags/{dag_id}/dagVersions/{version}"), P::Dags, api::dags::version)
        .get(&at("dagSources/{dag_id}"), P::Code, api::dags::source)
        .get(&at("dagTags"), P::Dags, api::dags::tags)
        .post(&at("dags/{dag_id}/clearTaskInstances"), P::Clear, api::tasks::clear)
}

fn api_runs() -> Routes<Desk> {
    let run = format!("{API}/dags/{{dag_id}}/dagRuns/{{run_id}}");
    let task = format!("{run}/taskInstances/{{task_id}}");
    Routes::new()
        .get(&format!("{API}/dags/{{dag_id}}/dagRuns"), P::Dags, api::runs::list)
        .post(&format!("{API}/dags/{{dag_id}}/dagRuns"), P::Trigger, api::runs::post)
        .get(&run, P::Dags, api::runs::one)
        .patch(&run, P::Clear, api::runs::patch)
        .delete(&run, P::DeleteRuns, api::runs::delete)
        .post(&format!("{run}/clear"), P::Clear, api::runs::clear)
        .get(&format!("{run}/taskInstances"), P::Dags, api::tasks::list)
        .get(&task, P::Dags, api::tasks::one)
        .patch(&task, P::Clear, api::tasks::patch)
        .get(&format!("{task}/tries"), P::Dags, api::tasks::tries)
        .get(&format!("{task}/dependencies"), P::Dags, api::tasks::dependencies)
        .get(&format!("{task}/logs/{{number}}"), P::Logs, api::logs::log)
        .get(&format!("{task}/xcomEntries"), P::Logs, api::tasks::xcoms)
        .get(&format!("{task}/xcomEntries/{{key}}"), P::Logs, api::tasks::xcom)
}

fn api_backfills() -> Routes<Desk> {
    let at = |path: &str| format!("{API}/backfills{path}");
    Routes::new()
        .get(&at(""), P::Dags, api::backfills::list)
        .post(&at(""), P::Trigger, api::backfills::post)
        .post(&at("/dry_run"), P::Trigger, api::backfills::dry_run)
        .get(&at("/{id}"), P::Dags, api::backfills::one)
        .put(&at("/{id}/pause"), P::Trigger, api::backfills::pause)
        .put(&at("/{id}/unpause"), P::Trigger, api::backfills::unpause)
        .put(&at("/{id}/cancel"), P::Trigger, api::backfills::cancel)
}

fn api_rest() -> Routes<Desk> {
    let at = |path: &str| format!("{API}/{path}");
    Routes::new()
        .get(&at("importErrors"), P::Dags, api::tasks::import_errors)
        .get(&at("importErrors/{id}"), P::Dags, api::things::import_error)
        .get(&at("variables"), P::Variables, api::secrets::variables)
        .post(&at("variables"), P::EditVariables, api::secrets::post_variable)
        .get(&at("variables/{name}"), P::Variables, api::secrets::variable)
        .patch(&at("variables/{name}"), P::EditVariables, api::secrets::patch_variable)
        .delete(&at("variables/{name}"), P::EditVariables, api::secrets::delete_variable)
        .get(&at("connections"), P::Connections, api::secrets::connections)
        .post(&at("connections"), P::EditConnections, api::secrets::post_connection)
        .get(&at("connections/{id}"), P::Connections, api::secrets::connection)
        .patch(&at("connections/{id}"), P::EditConnections, api::secrets::patch_connection)
        .delete(&at("connections/{id}"), P::EditConnections, api::secrets::delete_connection)
        .get(&at("pools"), P::Dags, api::things::pools)
        .post(&at("pools"), P::EditPools, api::things::post_pool)
        .get(&at("pools/{name}"), P::Dags, api::things::pool)
        .patch(&at("pools/{name}"), P::EditPools, api::things::patch_pool)
        .delete(&at("pools/{name}"), P::EditPools, api::things::delete_pool)
        .get(&at("eventLogs"), P::Audit, api::things::events)
        .get(&at("config"), P::Configuration, api::things::config)
        .get(&at("packages"), P::Configuration, api::allowed::packages)
        .post(&at("packages"), P::EditPackages, api::allowed::add_package)
        .delete(&at("packages/{name}"), P::EditPackages, api::allowed::remove_package)
        .get(&at("operators"), P::Configuration, api::allowed::operators)
        .post(&at("operators"), P::EditPackages, api::allowed::add_operator)
        .delete(&at("operators/{name}"), P::EditPackages, api::allowed::remove_operator)
        .get(&at("monitor/health"), P::Health, api::health::health)
        .get(&at("version"), P::Health, api::health::version)
}
