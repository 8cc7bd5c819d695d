//! The lists of what DAG files may use: who changes them, and what is kept.

use metadata::{AllowedKind, EventFilter};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn only_an_admin_or_a_deployment_manager_adds_a_package() {
    let world = World::filled().await;
    let body = json!({"name": "Kafka_Python", "version": "2.0.2"}).to_string();
    for role in ["Viewer", "User", "Op", "OperationsUser", "DagAuthor"] {
        let refused = world.by(role, "POST /api/v2/packages", &body).await;
        assert_eq!(refused.status, 403, "{role}");
        let refused = world.by(role, "POST /api/v2/operators", "{\"name\": \"bash\"}").await;
        assert_eq!(refused.status, 403, "{role}");
    }
    assert!(world.metadata.allowed().await.unwrap().is_empty());
    let added = world.by("DeploymentManager", "POST /api/v2/packages", &body).await;
    assert_eq!(added.status, 201, "{}", added.body);
    assert_eq!(added.json()["name"], "kafka-python");
    let added = world.by("Admin", "POST /api/v2/operators", "{\"name\": \"bash\"}").await;
    assert_eq!(added.status, 201, "{}", added.body);
    let list = world.by("Op", "GET /api/v2/packages", "").await.json();
    assert_eq!(
        (&list["total_entries"], &list["packages"][0]["version"]),
        (&json!(1), &json!("2.0.2"))
    );
    let (events, _) = world.metadata.events(&EventFilter::default()).await.unwrap();
    let told: Vec<_> = events[..2]
        .iter()
        .map(|kept| (kept.event.who.as_str(), kept.event.what.as_str()))
        .collect();
    assert_eq!(told, [("Admin", "operator.allow"), ("DeploymentManager", "package.allow")]);
    for bad in ["{}", "{\"name\": \"../x\"}", "{\"name\": \"a\", \"version\": \">=2\"}"] {
        let refused = world.by("Admin", "POST /api/v2/packages", bad).await;
        assert_eq!(refused.status, 422, "{bad}");
    }
    let gone = world.by("Admin", "DELETE /api/v2/packages/kafka.python", "").await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    assert_eq!(world.by("Admin", "DELETE /api/v2/packages/kafka-python", "").await.status, 404);
}

#[tokio::test]
async fn the_configuration_page_shows_the_lists_and_lets_who_may_change_them() {
    let world = World::filled().await;
    let form =
        world.form("DeploymentManager", "/configuration/packages", "package=six&version=").await;
    assert_eq!(form.said(), "good.DAG files may use the package six.");
    let list = world.metadata.allowed().await.unwrap();
    assert_eq!((list[0].kind, list[0].version.as_deref()), (AllowedKind::Package, None));
    let page = world.page("DeploymentManager", "/configuration").await.body;
    assert!(page.contains("<b>six</b>") && page.contains("/configuration/packages/six/remove"));
    assert!(page.contains("any package that is installed"), "the setting is not there yet");
    let seen = world.page("Op", "/configuration").await.body;
    assert!(seen.contains("<b>six</b>") && !seen.contains("/remove"), "seen, not changed");
    let form = world.form("Op", "/configuration/packages", "package=six").await;
    assert_eq!(form.status, 403);
    let form = world.form("DeploymentManager", "/configuration/packages/six/remove", "").await;
    assert!(form.said().contains("may no longer use the package six"));
}
