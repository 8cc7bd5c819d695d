//! Who is not let in, what does not become markup, and how one comes in.

use metadata::DagRecord;
use scheduler::TaskState;

use crate::world::{EVIL, PASSWORD, World, users};

#[tokio::test]
async fn a_browser_without_a_session_is_sent_to_sign_in_and_a_program_is_told() {
    let world = World::filled().await;
    let page = world.send("GET /dags/users/graph?run=1", &["Accept: text/html"], "").await;
    assert_eq!(page.status, 303);
    assert_eq!(page.header("location"), Some("/login?next=%2Fdags%2Fusers%2Fgraph%3Frun%3D1"));
    let api = world.send("GET /api/v2/dags", &[], "").await;
    assert_eq!(api.status, 401);
    assert!(api.json()["detail"].is_string());
    let wrong = world.send("GET /api/v2/dags", &["Authorization: Bearer nobody"], "").await;
    assert_eq!(wrong.status, 401);
}

#[tokio::test]
async fn a_password_opens_a_session_that_lasts_until_signing_out() {
    let world = World::filled().await;
    let form = world.send("GET /login?next=%2Fruns", &["Accept: text/html"], "").await;
    assert_eq!(form.status, 200);
    assert!(form.body.contains("name=\"next\" value=\"/runs\""), "{}", form.body);
    let wrong = world.send("POST /login", &[], "name=Op&password=wrong&next=%2Fruns").await;
    assert_eq!(wrong.status, 401);
    assert!(
        wrong.body.contains("The name or the password is wrong.") && wrong.body.contains("/runs")
    );
    let body = format!("name=Op&password={}&next=%2Fruns", PASSWORD.replace(' ', "+"));
    let come = world.send("POST /login", &[], &body).await;
    assert_eq!((come.status, come.header("location")), (303, Some("/runs")));
    let cookie = come.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let page = world.send("GET /dags", &[&cookie, "Accept: text/html"], "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<span class=\"who-name\">Op<small>Op</small>"));
    let origin = format!("Origin: http://localhost:{}", world.address.port());
    let out = world.send("POST /logout", &[&cookie, &origin], "").await;
    assert_eq!((out.status, out.header("location")), (303, Some("/login")));
    let page = world.send("GET /dags", &[&cookie, "Accept: text/html"], "").await;
    assert_eq!(page.status, 303, "the session is over, not only its cookie");
}

#[tokio::test]
async fn a_link_signs_in_once_and_leads_nowhere_else() {
    let world = World::filled().await;
    let token = world.accounts.login_link().await.unwrap();
    let link = format!("GET /login/link?token={token}&next=%2Fdags%2Fusers");
    let come = world.send(&link, &["Accept: text/html"], "").await;
    assert_eq!((come.status, come.header("location")), (303, Some("/dags/users")));
    let again = world.send(&link, &["Accept: text/html"], "").await;
    assert_eq!(again.status, 401);
    assert!(again.body.contains("was used already"));
    let token = world.accounts.login_link().await.unwrap();
    let link = format!("GET /login/link?token={token}&next=%2F%2Fevil.example");
    let come = world.send(&link, &[], "").await;
    assert_eq!(come.header("location"), Some("/"));
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let world = World::filled().await;
    let token = world.accounts.sign_in("Admin", PASSWORD).await.unwrap().token;
    let cookie = format!("Cookie: millstream_session={token}");
    for origin in ["Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", ""]
    {
        let mut headers = vec![cookie.as_str()];
        headers.extend(Some(origin).filter(|origin| !origin.is_empty()));
        let sent = world.send("POST /dags/users/pause", &headers, "paused=true").await;
        assert_eq!(sent.status, 403, "{origin}");
    }
    assert!(!world.metadata.dag("users").await.unwrap().unwrap().paused);
    let own = format!("Origin: http://localhost:{}", world.address.port());
    let sent = world.send("POST /dags/users/pause", &[&cookie, &own], "paused=true").await;
    assert_eq!(sent.status, 303);
    assert!(world.metadata.dag("users").await.unwrap().unwrap().paused);
}

#[tokio::test]
async fn a_strangers_name_for_this_machine_is_not_answered() {
    let world = World::filled().await;
    for host in ["Host: evil.example", "Host: 127.0.0.1.nip.io"] {
        for path in ["/dags", "/health", "/api/v2/version", "/login"] {
            let answer = world.send(&format!("GET {path}"), &[host], "").await;
            assert_eq!(answer.status, 421, "{host} {path}");
        }
    }
}

#[tokio::test]
async fn every_page_keeps_scripts_of_others_out_by_its_headers() {
    let world = World::filled().await;
    for path in ["/dags", "/login", "/nothing", "/dags/users/code"] {
        let page = world.page("Admin", path).await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
    }
}

/// A world in which every text that others write is an evil one.
async fn evil_world() -> World {
    let world = World::filled().await;
    world.run("r1", TaskState::Failed).await;
    let mut dag = users();
    dag.description = Some(EVIL.to_owned());
    dag.doc = Some(EVIL.to_owned());
    dag.tags = vec![EVIL.to_owned()];
    dag.params = serde_json::json!({EVIL: EVIL}).as_object().cloned().unwrap();
    dag.tasks[1].owner = EVIL.to_owned();
    dag.tasks[1].pool = EVIL.to_owned();
    dag.schedule.text = EVIL.to_owned();
    world.record(&dag, "users.yml", EVIL).await;
    // No file can name a DAG so; the database could.
    let record = DagRecord {
        dag_id: EVIL.to_owned(),
        file: EVIL.to_owned(),
        runtime: EVIL.to_owned(),
        runtime_reason: EVIL.to_owned(),
        owners: vec![EVIL.to_owned()],
        schedule: EVIL.to_owned(),
        source: EVIL.to_owned(),
        serialised: users().to_json().to_string(),
        ..DagRecord::default()
    };
    world.metadata.record_dag(&record, world.now()).await.unwrap();
    world.metadata.record_import_error(EVIL, EVIL, EVIL, world.now()).await.unwrap();
    world.metadata.set_variable(EVIL, EVIL, Some(EVIL)).await.unwrap();
    world.metadata.set_run_note("users", "r1", Some(EVIL)).await.unwrap();
    world
}

#[tokio::test]
async fn foreign_texts_are_inert_on_every_page() {
    let world = evil_world().await;
    let (run, task) = ("/dags/users/runs/r1", "/dags/users/runs/r1/tasks/extract");
    let evil = pages::path(&["dags", EVIL]);
    let mut seen = 0;
    for path in [
        "/dags",
        "/import-errors",
        "/runs",
        "/tasks",
        "/xcoms",
        "/audit",
        "/variables",
        "/connections",
        "/users",
        "/account",
        "/pools",
        "/about",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(
        ["", "/graph", "/runs", "/tasks", "/code", "/details", "/audit", "/trigger"]
            .map(|tab| format!("/dags/users{tab}")),
    )
    .chain(["", "/graph", "/code", "/details", "/trigger"].map(|tab| format!("{evil}{tab}")))
    .chain(["", "/graph", "/gantt", "/details"].map(|tab| format!("{run}{tab}")))
    .chain(["", "/rendered", "/xcom", "/details"].map(|tab| format!("{task}{tab}")))
    .chain([pages::query("/variables", &[("show", EVIL), ("edit", EVIL)])])
    .chain([pages::query("/dags", &[("search", EVIL), ("tag", EVIL), ("show", EVIL)])])
    .chain([pages::query("/tasks", &[("dag", EVIL), ("search", EVIL)])])
    .chain([pages::query("/audit", &[("who", EVIL), ("what", EVIL)])])
    .chain([pages::path(&[EVIL]), format!("{run}x{}", pages::segment(EVIL))])
    {
        let page = world.page("Admin", &path).await;
        assert!(page.status < 500, "{path}: {}", page.body);
        assert!(!page.body.contains("<script>alert"), "{path}");
        assert!(!page.body.contains("<img src=x"), "{path}");
        seen += page.body.matches("&lt;script&gt;alert").count();
    }
    assert!(seen > 40, "the texts are shown, {seen} times");
    let stream = format!("{task}/events?try=1&after=0");
    let events = world.stream("Admin", &stream, &["\"append\"", "alert(2)"]).await;
    assert!(
        !events.contains("<script>alert") && events.contains("&lt;script&gt;alert"),
        "{events}"
    );
    let text = world.page("Admin", &format!("{task}/log.txt?try=1")).await;
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(text.header("x-content-type-options"), Some("nosniff"));
    assert!(text.body.contains(EVIL), "as text it is whole");
}

#[tokio::test]
async fn what_was_just_done_is_said_once_and_as_text() {
    let world = World::filled().await;
    let said = format!("Cookie: millstream_said=good.{}", pages::segment(EVIL));
    let token = world.accounts.sign_in("Viewer", PASSWORD).await.unwrap().token;
    let session = format!("Cookie: millstream_session={token}");
    let page = world.send("GET /dags", &[&said, &session, "Accept: text/html"], "").await;
    assert!(page.body.contains("toast good") && !page.body.contains("<script>alert"));
    assert!(page.head.contains("millstream_said=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"));
}

#[tokio::test]
async fn secrets_do_not_leave_the_server() {
    let world = World::filled().await;
    world.connection().await;
    world.metadata.set_variable("api_key", "var-s3cret", None).await.unwrap();
    for path in
        ["/connections", "/connections?edit=warehouse", "/variables", "/variables?show=other"]
    {
        let page = world.page("Admin", path).await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("s3cret"), "{path}: {}", page.body);
    }
    for path in ["/api/v2/connections", "/api/v2/connections/warehouse"] {
        let answer = world.by("Admin", &format!("GET {path}"), "").await;
        assert!(answer.status == 200 && !answer.body.contains("s3cret"), "{}", answer.body);
    }
    let page = world.page("Op", "/variables?show=api_key").await;
    assert!(page.body.contains("var-s3cret"), "who may set it may see it");
    let (events, _) = world.metadata.events(&metadata::EventFilter::default()).await.unwrap();
    assert!(events.iter().any(|kept| kept.event.what == "variable.show" && kept.event.who == "Op"));
}
