//! Every role on every route.

use std::collections::BTreeMap;

use door::{Permission, Role};
use webserver::listed;

use crate::world::World;

/// Who gets through, route by route. The first column is somebody without a name on this machine.
/// Roles: Viewer, User, Op, Admin; OperationsUser, DagAuthor, DeploymentManager.
const TABLE: &str = "
                                              -  V U O A  o d m
GET    /assets/{name}                         x  x x x x  x x x
GET    /health                                x  x x x x  x x x
GET    /about                                 x  x x x x  x x x
GET    /login                                 x  x x x x  x x x
POST   /login                                 x  x x x x  x x x
GET    /login/link                            x  x x x x  x x x
POST   /logout                                x  x x x x  x x x
POST   /auth/token                            x  x x x x  x x x
GET    /account                               .  x x x x  x x x
POST   /account/password                      .  x x x x  x x x
POST   /account/tokens                        .  x x x x  x x x
POST   /account/tokens/{name}/revoke          .  x x x x  x x x

GET    /                                      .  x x x x  x x x
GET    /dags                                  .  x x x x  x x x
GET    /dags/{dag}                            .  x x x x  x x x
GET    /dags/{dag}/graph                      .  x x x x  x x x
GET    /dags/{dag}/runs                       .  x x x x  x x x
GET    /dags/{dag}/tasks                      .  x x x x  x x x
GET    /dags/{dag}/code                       .  x x x x  x x x
GET    /dags/{dag}/details                    .  x x x x  x x x
GET    /dags/{dag}/audit                      .  x x x x  x x x
GET    /dags/{dag}/trigger                    .  . x x x  x . x
POST   /dags/{dag}/trigger                    .  . x x x  x . x
POST   /dags/{dag}/pause                      .  . x x x  x . x

GET    /dags/{dag}/runs/{run}                 .  x x x x  x x x
GET    /dags/{dag}/runs/{run}/graph           .  x x x x  x x x
GET    /dags/{dag}/runs/{run}/gantt           .  x x x x  x x x
GET    /dags/{dag}/runs/{run}/details         .  x x x x  x x x
POST   /dags/{dag}/runs/{run}/clear           .  . x x x  x . x
POST   /dags/{dag}/runs/{run}/mark            .  . x x x  x . x
POST   /dags/{dag}/runs/{run}/note            .  . x x x  x . x
POST   /dags/{dag}/runs/{run}/delete          .  . x x x  . . x
GET    /dags/{dag}/runs/{run}/tasks/{task}    .  x x x x  x x x
GET    /dags/{dag}/runs/{run}/tasks/{task}/log.txt   .  x x x x  x x x
GET    /dags/{dag}/runs/{run}/tasks/{task}/events    .  x x x x  x x x
GET    /dags/{dag}/runs/{run}/tasks/{task}/rendered  .  x x x x  x x x
GET    /dags/{dag}/runs/{run}/tasks/{task}/xcom      .  x x x x  x x x
GET    /dags/{dag}/runs/{run}/tasks/{task}/details   .  x x x x  x x x
POST   /dags/{dag}/runs/{run}/tasks/{task}/clear     .  . x x x  x . x
POST   /dags/{dag}/runs/{run}/tasks/{task}/mark      .  . x x x  x . x
POST   /dags/{dag}/runs/{run}/tasks/{task}/note      .  . x x x  x . x

GET    /import-errors                         .  x x x x  x x x
GET    /runs                                  .  x x x x  x x x
GET    /tasks                                 .  x x x x  x x x
GET    /xcoms                                 .  x x x x  x x x
GET    /audit                                 .  x x x x  x x x
GET    /variables                             .  . . x x  . . x
POST   /variables                             .  . . x x  . . x
POST   /variables/{name}/delete               .  . . x x  . . x
GET    /connections                           .  . . x x  . . x
POST   /connections                           .  . . x x  . . x
POST   /connections/{id}/delete               .  . . x x  . . x
GET    /pools                                 .  x x x x  x x x
POST   /pools                                 .  . . x x  . . x
POST   /pools/{name}/delete                   .  . . x x  . . x
GET    /configuration                         .  . . x x  . . x
POST   /configuration/{list}                  .  . . . x  . . x
POST   /configuration/{list}/{name}/remove    .  . . . x  . . x
GET    /users                                 .  . . . x  . . x
POST   /users                                 .  . . . x  . . x
POST   /users/{name}/role                     .  . . . x  . . x
POST   /users/{name}/remove                   .  . . . x  . . x

GET    /api/v2/dags                           .  x x x x  x x x
GET    /api/v2/dags/{dag}                     .  x x x x  x x x
PATCH  /api/v2/dags/{dag}                     .  . x x x  x . x
DELETE /api/v2/dags/{dag}                     .  . x x x  . . x
GET    /api/v2/dags/{dag}/details             .  x x x x  x x x
GET    /api/v2/dags/{dag}/tasks               .  x x x x  x x x
GET    /api/v2/dags/{dag}/tasks/{task}        .  x x x x  x x x
GET    /api/v2/dags/{dag}/dagVersions         .  x x x x  x x x
GET    /api/v2/dags/{dag}/dagVersions/{version}      .  x x x x  x x x
GET    /api/v2/dagSources/{dag}               .  x x x x  x x x
GET    /api/v2/dagTags                        .  x x x x  x x x
POST   /api/v2/dags/{dag}/clearTaskInstances  .  . x x x  x . x
GET    /api/v2/dags/{dag}/dagRuns             .  x x x x  x x x
POST   /api/v2/dags/{dag}/dagRuns             .  . x x x  x . x
GET    /api/v2/dags/{dag}/dagRuns/{run}       .  x x x x  x x x
PATCH  /api/v2/dags/{dag}/dagRuns/{run}       .  . x x x  x . x
DELETE /api/v2/dags/{dag}/dagRuns/{run}       .  . x x x  . . x
POST   /api/v2/dags/{dag}/dagRuns/{run}/clear .  . x x x  x . x
GET    /api/v2/dags/{dag}/dagRuns/{run}/taskInstances                            .  x x x x  x x x
GET    /api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}                     .  x x x x  x x x
PATCH  /api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}                     .  . x x x  x . x
GET    /api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/tries               .  x x x x  x x x
GET    /api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/dependencies        .  x x x x  x x x
GET    /api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{number}       .  x x x x  x x x
GET    /api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries         .  x x x x  x x x
GET    /api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/{key}   .  x x x x  x x x
GET    /api/v2/backfills                      .  x x x x  x x x
POST   /api/v2/backfills                      .  . x x x  x . x
POST   /api/v2/backfills/dry_run              .  . x x x  x . x
GET    /api/v2/backfills/{id}                 .  x x x x  x x x
PUT    /api/v2/backfills/{id}/pause           .  . x x x  x . x
PUT    /api/v2/backfills/{id}/unpause         .  . x x x  x . x
PUT    /api/v2/backfills/{id}/cancel          .  . x x x  x . x
GET    /api/v2/importErrors                   .  x x x x  x x x
GET    /api/v2/importErrors/{id}              .  x x x x  x x x
GET    /api/v2/variables                      .  . . x x  . . x
POST   /api/v2/variables                      .  . . x x  . . x
GET    /api/v2/variables/{name}               .  . . x x  . . x
PATCH  /api/v2/variables/{name}               .  . . x x  . . x
DELETE /api/v2/variables/{name}               .  . . x x  . . x
GET    /api/v2/connections                    .  . . x x  . . x
POST   /api/v2/connections                    .  . . x x  . . x
GET    /api/v2/connections/{id}               .  . . x x  . . x
PATCH  /api/v2/connections/{id}               .  . . x x  . . x
DELETE /api/v2/connections/{id}               .  . . x x  . . x
GET    /api/v2/pools                          .  x x x x  x x x
POST   /api/v2/pools                          .  . . x x  . . x
GET    /api/v2/pools/{name}                   .  x x x x  x x x
PATCH  /api/v2/pools/{name}                   .  . . x x  . . x
DELETE /api/v2/pools/{name}                   .  . . x x  . . x
GET    /api/v2/eventLogs                      .  x x x x  x x x
GET    /api/v2/config                         .  . . x x  . . x
GET    /api/v2/packages                       .  . . x x  . . x
POST   /api/v2/packages                       .  . . . x  . . x
DELETE /api/v2/packages/{name}                .  . . . x  . . x
GET    /api/v2/operators                      .  . . x x  . . x
POST   /api/v2/operators                      .  . . . x  . . x
DELETE /api/v2/operators/{name}               .  . . . x  . . x
GET    /api/v2/monitor/health                 x  x x x x  x x x
GET    /api/v2/version                        x  x x x x  x x x
";

/// Each route of the table with its marks.
fn table() -> BTreeMap<String, Vec<bool>> {
    let mut rows = BTreeMap::new();
    for line in TABLE.lines().skip(2).filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let route = format!("{} {}", words.next().unwrap(), words.next().unwrap());
        let marks: Vec<bool> = words.map(|mark| mark == "x").collect();
        assert_eq!(marks.len(), 1 + Role::NAMES.len(), "{line}");
        assert!(rows.insert(route, marks).is_none(), "twice: {line}");
    }
    rows
}

/// The path as the table writes it.
fn short(path: &str) -> String {
    let names = [("{dag_id}", "{dag}"), ("{run_id}", "{run}"), ("{task_id}", "{task}")];
    names.iter().fold(path.to_owned(), |path, (long, short)| path.replace(long, short))
}

/// A path of things that are not there: whoever gets through is told so, and changes nothing.
fn nowhere(path: &str) -> String {
    let numbers = ["{version}", "{number}", "{id}"];
    let path = numbers.iter().fold(path.to_owned(), |path, name| path.replace(name, "7"));
    let mut parts = Vec::new();
    for part in path.split('/') {
        parts.push(if part.starts_with('{') { "none" } else { part });
    }
    parts.join("/")
}

#[tokio::test]
async fn every_role_gets_through_where_the_table_says_so_and_nowhere_else() {
    let world = World::filled().await;
    let mut table = table();
    for route in listed() {
        let name = format!("{} {}", route.method, short(&route.path));
        let marks = table.remove(&name);
        let marks = marks.unwrap_or_else(|| panic!("{name} is not in the table"));
        let request = format!("{} {}", route.method, nowhere(&route.path));
        for ((role, _), mark) in Role::NAMES.iter().zip(&marks[1..]) {
            let answer = world.by(role, &request, "").await;
            let refused = answer.status == 403;
            assert_eq!(refused, !mark, "{role}: {name} answers {}", answer.status);
            // Who signs in shows a name and a password; none is a wrong one.
            let signs_in = name == "POST /login" || name == "POST /auth/token";
            assert!(answer.status != 401 || signs_in, "{role}: {name}");
            assert!(answer.status != 500, "{role}: {name}: {}", answer.body);
        }
        let answer = world.send(&request, &[], "").await;
        let stopped = answer.status == 401 && answer.body.contains("sign in");
        assert_eq!(stopped, !marks[0], "nobody: {name} answers {}: {}", answer.status, answer.body);
    }
    assert!(table.is_empty(), "no such routes: {table:?}");
}

#[tokio::test]
async fn whoever_may_not_see_a_page_is_told_so_on_a_page() {
    let world = World::filled().await;
    let page = world.page("Viewer", "/variables").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("Not allowed") && page.body.contains("Viewer"), "{}", page.body);
    assert!(!page.body.contains("href=\"/variables\""), "the navigation has what may be seen");
    let api = world.by("Viewer", "GET /api/v2/variables", "").await;
    assert_eq!(api.status, 403);
    assert!(api.json()["detail"].is_string());
}

#[tokio::test]
async fn a_page_offers_what_its_reader_may_do() {
    let world = World::filled().await;
    world.run("r1", scheduler::TaskState::Success).await;
    let offers = |body: &str| {
        ["/trigger\"", "/pause\"", "/clear\"", "/mark\"", "/delete\""].map(|end| body.contains(end))
    };
    for (role, triggers, deletes) in [
        ("Viewer", false, false),
        ("DagAuthor", false, false),
        ("OperationsUser", true, false),
        ("User", true, true),
    ] {
        let dag = world.page(role, "/dags/users").await.body;
        let run = world.page(role, "/dags/users/runs/r1").await.body;
        assert_eq!(offers(&dag)[..2], [triggers, triggers], "{role}");
        assert_eq!(offers(&run)[2..], [triggers, triggers, deletes], "{role}");
    }
}

#[test]
fn the_routes_ask_for_what_their_method_does() {
    for route in listed() {
        let reads = route.method == axum::http::Method::GET;
        let own = matches!(route.permission, Permission::SignIn | Permission::OwnAccount);
        let form = route.path.ends_with("/trigger");
        // Users are seen by nobody who may not change them.
        let users = route.permission == Permission::Users;
        assert!(reads != route.permission.changes() || own || form || users, "{route:?}");
    }
}
