//! `/monitor/health` and `/version`.

use axum::Json;
use serde_json::{Value, json};

use super::shapes;
use crate::visit::Visit;

/// `GET /monitor/health`, and `GET /health` as Airflow 2 had it.
///
/// Whether a scheduler of another process lives is not known here, so that its status is null, not
/// unhealthy. The DAG processor's heartbeat is the latest parse of a file.
pub(crate) async fn health(visit: Visit) -> Json<Value> {
    let metadata = &visit.desk.metadata;
    let database = metadata.dag_counts().await;
    let states = metadata.dags(&metadata::DagFilter { limit: 1, ..Default::default() }).await;
    let parsed = states.ok().and_then(|(dags, _)| dags.first().map(|dag| dag.last_parsed));
    Json(json!({
        "metadatabase": {"status": if database.is_ok() { "healthy" } else { "unhealthy" }},
        "scheduler": {"status": null, "latest_scheduler_heartbeat": null},
        "triggerer": {"status": null, "latest_triggerer_heartbeat": null},
        "dag_processor": {
            "status": parsed.map(|_| "healthy"),
            "latest_dag_processor_heartbeat": shapes::maybe(parsed),
        },
    }))
}

/// `GET /version`.
pub(crate) async fn version(_: Visit) -> Json<Value> {
    Json(json!({"version": env!("CARGO_PKG_VERSION"), "git_version": null}))
}
