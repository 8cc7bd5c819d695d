//! The pages, as a browser asks for them.

use metadata::{RunFilter, RunType};
use scheduler::{RunState, TaskState};
use serde_json::json;

use crate::world::{World, key, users};

#[tokio::test]
async fn the_list_shows_each_dag_with_its_latest_runs_and_finds_them() {
    let world = World::filled().await;
    world.run("r1", TaskState::Failed).await;
    let home = world.page("Viewer", "/").await;
    assert_eq!(home.header("location"), Some("/dags"));
    let list = world.page("Viewer", "/dags").await;
    assert_eq!(list.status, 200);
    for part in
        ["href=\"/dags/users\"", "Users from the API", "kafka", "/dags/users/runs/r1", "ann"]
    {
        assert!(list.body.contains(part), "{part}");
    }
    for (query, found) in [
        ("search=USER", true),
        ("search=other", false),
        ("tag=kafka", true),
        ("tag=other", false),
        ("show=active", true),
        ("show=paused", false),
        ("show=failed", true),
        ("show=running", false),
    ] {
        let list = world.page("Viewer", &format!("/dags?{query}")).await;
        assert_eq!(list.body.contains("href=\"/dags/users\""), found, "{query}");
    }
    let none = world.page("Viewer", "/dags?search=other").await;
    assert!(none.body.contains("No DAG is like that"));
}

#[tokio::test]
async fn a_list_of_a_thousand_dags_is_shown_in_parts() {
    let world = World::filled().await;
    let mut dag = users();
    for number in 0..1_000 {
        dag.id = format!("dag_{number:04}");
        world.record(&dag, "many.yml", "").await;
    }
    let list = world.page("Viewer", "/dags").await;
    assert_eq!(list.body.matches("<tr class=\"\">").count(), 50);
    assert!(list.body.contains("1 to 50 of 1001"));
    let last = world.page("Viewer", "/dags?offset=1000").await;
    assert!(
        last.body.contains("1001 to 1001 of 1001") && last.body.contains("href=\"/dags/users\"")
    );
}

#[tokio::test]
async fn what_cannot_be_imported_is_named_with_its_place() {
    let world = World::filled().await;
    let source = "a:\n  tasks:\n    - operater: bash\n";
    let error = "bad.yml:3:7: unknown key operater: did you mean operator?";
    world.metadata.record_import_error("bad.yml", source, error, world.now()).await.unwrap();
    let list = world.page("Viewer", "/dags").await;
    assert!(
        list.body.contains("One DAG file cannot be imported") && list.body.contains("bad.yml:3:7")
    );
    let page = world.page("Viewer", "/import-errors").await;
    assert!(page.body.contains("data-n=\"3\" class=\"marked\""), "{}", page.body);
}

#[tokio::test]
async fn an_empty_project_says_how_a_dag_gets_there() {
    let world = World::empty().await;
    let token = world.accounts.login_link().await.unwrap();
    let come = world.send(&format!("GET /login/link?token={token}"), &[], "").await;
    let cookie = come.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let cookie = format!("Cookie: {cookie}");
    let list = world.send("GET /dags", &[&cookie, "Accept: text/html"], "").await;
    assert!(list.body.contains("No DAGs yet") && list.body.contains("dags folder"));
    for path in [
        "/runs",
        "/tasks",
        "/xcoms",
        "/variables",
        "/connections",
        "/configuration",
        "/import-errors",
    ] {
        let page = world.send(&format!("GET {path}"), &[&cookie, "Accept: text/html"], "").await;
        assert!(page.status == 200 && page.body.contains("class=\"empty\""), "{path}");
    }
}

#[tokio::test]
async fn a_run_is_triggered_with_params_of_their_types() {
    let world = World::filled().await;
    let form = world.page("User", "/dags/users/trigger").await;
    for part in
        ["name=\"param.seconds\"", "value=\"60\"", "type=\"checkbox\" id=\"f-param.verbose\""]
    {
        assert!(form.body.contains(part), "{part}: {}", form.body);
    }
    let body = "param.seconds=5&param.verbose=true&param.source=%3Ca%3E&param.shops=%5B1%2C2%5D\
                &conf=%7B%22more%22%3A1%7D&run_id=mine&note=hello";
    let sent = world.form("User", "/dags/users/trigger", body).await;
    assert_eq!((sent.status, sent.header("location")), (303, Some("/dags/users/runs/mine")));
    let run = world.metadata.run("users", "mine").await.unwrap().unwrap();
    let conf = json!({"seconds": 5, "verbose": true, "source": "<a>", "shops": [1, 2], "more": 1});
    assert_eq!(run.conf, conf);
    assert_eq!((run.state, run.run_type), (RunState::Queued, RunType::Manual));
    assert_eq!((run.triggered_by.as_str(), run.note.as_deref()), ("User", Some("hello")));
    assert_eq!(run.logical_date, Some(world.now()));
    // A second one of this id, and what is no number, come back with what was typed.
    let again = world.form("User", "/dags/users/trigger", body).await;
    assert_eq!(again.status, 409);
    assert!(again.body.contains("exists already") && again.body.contains("value=\"mine\""));
    let wrong = world.form("User", "/dags/users/trigger", "param.seconds=soon&conf=%5B%5D").await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.body.contains("seconds is not a number") && wrong.body.contains("value=\"soon\"")
    );
    let (_, total) = world.metadata.runs(Some("users"), &RunFilter::default()).await.unwrap();
    assert_eq!(total, 1);
    let (events, _) = world.metadata.events(&metadata::EventFilter::default()).await.unwrap();
    let event = events.iter().find(|kept| kept.event.what == "run.trigger").unwrap();
    assert_eq!((event.event.who.as_str(), event.event.run_id.as_deref()), ("User", Some("mine")));
}

#[tokio::test]
async fn a_switch_pauses_and_lets_go_on_and_comes_back_to_where_it_was() {
    let world = World::filled().await;
    let body = "paused=true&next=%2Fdags%3Fshow%3Dactive";
    let sent = world.form("OperationsUser", "/dags/users/pause", body).await;
    assert_eq!(sent.header("location"), Some("/dags?show=active"));
    assert_eq!(sent.said(), "good.users is paused.");
    assert!(world.metadata.dag("users").await.unwrap().unwrap().paused);
    let sent = world.form("OperationsUser", "/dags/users/pause", "paused=false&next=//evil").await;
    assert_eq!(sent.header("location"), Some("/dags/users"));
    assert!(!world.metadata.dag("users").await.unwrap().unwrap().paused);
}

#[tokio::test]
async fn the_tabs_of_a_dag_show_its_grid_graph_code_and_tasks() {
    let world = World::filled().await;
    world.run("r1", TaskState::Failed).await;
    world.record(&users(), "users.yml", "users: # changed\n").await;
    let grid = world.page("Viewer", "/dags/users").await.body;
    assert!(
        grid.contains("href=\"/dags/users/runs/r1/tasks/extract\" data-state=\"failed\""),
        "{grid}"
    );
    assert!(grid.contains("<tr class=\"group\">"));
    let graph = world.page("Viewer", "/dags/users/graph").await.body;
    assert!(graph.contains("<x-dag") && graph.contains("class=\"cluster\""), "{graph}");
    assert!(graph.contains(
        "class=\"node\" data-state=\"failed\" href=\"/dags/users/runs/r1/tasks/extract\""
    ));
    let code = world.page("Viewer", "/dags/users/code").await.body;
    assert!(code.contains("# changed") && code.contains("Version 2 (newest)"));
    let old = world.page("Viewer", "/dags/users/code?version=1").await.body;
    assert!(
        old.contains("schedule") && !old.contains("# changed") && old.contains("This is version 1")
    );
    assert_eq!(world.page("Viewer", "/dags/users/code?version=9").await.status, 404);
    let tasks = world.page("Viewer", "/dags/users/tasks").await.body;
    assert!(tasks.contains("load.<wbr>rows") && tasks.contains("all_success"));
    let details = world.page("Viewer", "/dags/users/details").await.body;
    assert!(details.contains("a YAML file") && details.contains("users.yml"));
    assert_eq!(world.page("Viewer", "/dags/none").await.status, 404);
}

#[tokio::test]
async fn a_failed_task_says_why_and_is_cleared_with_what_comes_after_it() {
    let world = World::filled().await;
    world.run("r1", TaskState::Failed).await;
    let page = world.page("User", "/dags/users/runs/r1/tasks/extract").await.body;
    assert!(page.contains("exit code 1") && page.contains("hello"), "{page}");
    let next = world.page("User", "/dags/users/runs/r1/tasks/load.rows").await.body;
    assert!(next.contains("No log lines"), "{next}");
    let at = "/dags/users/runs/r1/tasks/extract/clear";
    let sent = world.form("OperationsUser", at, "downstream=true").await;
    assert_eq!(sent.status, 303);
    let task = world.metadata.task(&key("r1")).await.unwrap().unwrap();
    assert_eq!(task.state, TaskState::None);
    let run = world.metadata.run("users", "r1").await.unwrap().unwrap();
    assert_eq!(run.state, RunState::Queued);
    assert_eq!(world.metadata.tries(&key("r1")).await.unwrap().len(), 1, "earlier tries stay");
    let waits = world.page("User", "/dags/users/runs/r1/tasks/load.rows/details").await.body;
    assert!(
        waits.contains("It waits for extract (no status) by its trigger rule all_success."),
        "{waits}"
    );
}

#[tokio::test]
async fn runs_and_tasks_are_marked_noted_and_deleted() {
    let world = World::filled().await;
    world.run("r1", TaskState::Running).await;
    let running = world.form("User", "/dags/users/runs/r1/delete", "").await;
    assert!(running.said().starts_with("bad.") && running.said().contains("cannot be deleted"));
    let sent = world.form("User", "/dags/users/runs/r1/tasks/extract/mark", "state=success").await;
    assert_eq!(sent.said(), "good.extract is marked success.");
    let sent =
        world.form("User", "/dags/users/runs/r1/tasks/extract/note", "note=fixed+by+hand").await;
    assert_eq!(sent.said(), "good.The note is kept.");
    let task = world.metadata.task(&key("r1")).await.unwrap().unwrap();
    assert_eq!((task.state, task.note.as_deref()), (TaskState::Success, Some("fixed by hand")));
    let sent = world.form("User", "/dags/users/runs/r1/tasks/extract/mark", "state=queued").await;
    assert!(sent.said().starts_with("bad."), "{}", sent.said());
    let sent = world.form("User", "/dags/users/runs/r1/mark", "state=failed").await;
    assert_eq!(sent.said(), "good.The run is marked failed.");
    let sent = world.form("User", "/dags/users/runs/r1/clear", "only_failed=true").await;
    assert_eq!(sent.status, 303);
    let sent = world.form("User", "/dags/users/runs/r1/mark", "state=success").await;
    assert_eq!(sent.status, 303);
    let sent = world.form("User", "/dags/users/runs/r1/delete", "").await;
    assert_eq!(sent.header("location"), Some("/dags/users/runs"));
    assert_eq!(world.metadata.run("users", "r1").await.unwrap(), None);
}

#[tokio::test]
async fn the_pages_of_a_run_and_a_task_show_bars_arguments_and_values() {
    let world = World::filled().await;
    world.run("r1", TaskState::Success).await;
    let run = "/dags/users/runs/r1";
    assert!(world.page("Viewer", run).await.body.contains("1 of 2"));
    assert!(world.page("Viewer", &format!("{run}/gantt")).await.body.contains("class=\"gantt\""));
    assert!(world.page("Viewer", &format!("{run}/graph")).await.body.contains("<x-dag"));
    let details = world.page("Viewer", &format!("{run}/details")).await.body;
    assert!(details.contains("&quot;seconds&quot;: 60"), "{details}");
    let task = format!("{run}/tasks/extract");
    assert!(world.page("Viewer", &format!("{task}/rendered")).await.body.contains("bash_command"));
    assert!(world.page("Viewer", &format!("{task}/xcom")).await.body.contains("return_value"));
    assert!(world.page("Viewer", "/xcoms").await.body.contains("return_value"));
    assert!(world.page("Viewer", "/tasks?state=success").await.body.contains("extract"));
    assert!(!world.page("Viewer", "/tasks?state=failed").await.body.contains("extract"));
}

#[tokio::test]
async fn a_page_follows_what_changes() {
    let world = World::filled().await;
    let watched = async { world.stream("Viewer", "/dags", &["aria-checked", "is paused"]).await };
    let changed = async {
        world.metadata.set_paused("users", true).await.unwrap();
        world.metadata.record_import_error("is paused", "", "x", world.now()).await.unwrap();
    };
    let (seen, ()) = tokio::join!(watched, changed);
    assert!(seen.contains("content-type: text/event-stream"));
    assert!(
        seen.contains("\"id\":\"dags\"") && seen.contains("\"id\":\"import-errors\""),
        "{seen}"
    );
}

#[tokio::test]
async fn a_log_is_followed_line_by_line() {
    let world = World::filled().await;
    world.run("r1", TaskState::Running).await;
    let page = world.page("Viewer", "/dags/users/runs/r1/tasks/extract").await.body;
    let stream = "/dags/users/runs/r1/tasks/extract/events?try=1&amp;after=2";
    assert!(page.contains(&format!("data-live=\"{stream}\"")), "{page}");
    let stream = stream.replace("&amp;", "&");
    let watched = async { world.stream("Viewer", &stream, &["task-head", "third line"]).await };
    let (seen, ()) = tokio::join!(watched, world.log("r1", &["third line"]));
    assert!(!seen.contains("hello"), "what the page has is not sent again: {seen}");
}

#[tokio::test]
async fn a_log_goes_on_where_it_was_when_its_stream_ended() {
    let world = World::filled().await;
    world.run("r1", TaskState::Running).await;
    let stream = "/dags/users/runs/r1/tasks/extract/events?try=1&after=0";
    let first = world.stream("Viewer", stream, &["hello", "id: 2\n"]).await;
    assert!(first.contains("retry: 500"), "{first}");
    world.log("r1", &["third line"]).await;
    let resumed = format!("{stream} HTTP/1.1\r\nLast-Event-ID: 2\r\nX-Rest:");
    let seen = world.stream("Viewer", &resumed, &["third line"]).await;
    assert!(!seen.contains("hello"), "{seen}");
}

#[tokio::test]
async fn variables_connections_and_pools_are_set_and_deleted() {
    let world = World::filled().await;
    let sent = world.form("Op", "/variables", "name=limit&value=%205%0D%0A6&description=d").await;
    assert_eq!(sent.said(), "good.The variable limit is set.");
    let variable = world.metadata.variable("limit").await.unwrap().unwrap();
    assert_eq!((variable.value.as_str(), variable.description.as_deref()), (" 5\n6", Some("d")));
    world.connection().await;
    let body = "id=warehouse&kind=postgres&host=other&port=5433&password=&extra=";
    let sent = world.form("Op", "/connections", body).await;
    assert_eq!(sent.said(), "good.The connection warehouse is set.");
    let connection = world.metadata.connection("warehouse").await.unwrap().unwrap();
    assert_eq!(connection.host.as_deref(), Some("other"));
    assert_eq!(connection.password.as_deref(), Some("pass-s3cret"), "an empty field keeps it");
    for (body, wrong) in [
        ("id=x&kind=http&port=70000", "The port"),
        ("id=x&kind=http&extra=%5B%5D", "The extra"),
        ("id=&kind=http", "an id"),
    ] {
        let sent = world.form("Op", "/connections", body).await;
        assert!(sent.said().starts_with("bad.") && sent.said().contains(wrong), "{}", sent.said());
    }
    let sent = world.form("Op", "/pools", "name=small&slots=2&description=").await;
    assert_eq!(sent.said(), "good.The pool small has 2 slots.");
    for path in ["/variables/limit/delete", "/connections/warehouse/delete", "/pools/small/delete"]
    {
        assert!(world.form("Op", path, "").await.said().starts_with("good."), "{path}");
        assert!(world.form("Op", path, "").await.said().starts_with("bad."), "{path}");
    }
    assert!(world.form("Op", "/pools/default_pool/delete", "").await.said().starts_with("bad."));
}

#[tokio::test]
async fn users_and_tokens_come_and_go() {
    let world = World::filled().await;
    let body = "name=olga&password=long+enough+for+all&role=OperationsUser";
    assert_eq!(world.form("Admin", "/users", body).await.said(), "good.olga is added.");
    let body = "role=Viewer";
    let sent = world.form("Admin", "/users/olga/role", body).await;
    assert_eq!(sent.said(), "good.olga has the role Viewer.");
    assert!(world.form("Admin", "/users/olga/role", "role=King").await.said().starts_with("bad."));
    let made = world.form("Viewer", "/account/tokens", "name=backup").await;
    assert_eq!(made.status, 200);
    let token = made.body.split("id=\"new-token\">").nth(1).unwrap().split('<').next().unwrap();
    let bearer = format!("Authorization: Bearer {}", token.trim());
    let answer = world.send("GET /api/v2/dags", &[&bearer], "").await;
    assert_eq!(answer.status, 200);
    assert!(!world.page("Viewer", "/account").await.body.contains(token), "it is shown once");
    let sent = world.form("Viewer", "/account/tokens/backup/revoke", "").await;
    assert!(sent.said().starts_with("good."));
    assert_eq!(world.send("GET /api/v2/dags", &[&bearer], "").await.status, 401);
    assert_eq!(world.form("Admin", "/users/olga/remove", "").await.said(), "good.olga is removed.");
}

#[tokio::test]
async fn files_are_kept_by_browsers_and_pages_are_not() {
    let world = World::filled().await;
    let list = world.page("Viewer", "/dags").await;
    let style = list.body.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next();
    let file = world.send(&format!("GET {}", style.unwrap()), &[], "").await;
    assert_eq!(file.status, 200);
    assert!(file.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(file.header("content-type"), Some("text/css; charset=utf-8"));
}
