//! `/monitor/health` and `/version`.

use axum::Json;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::shapes;
use crate::visit::Visit;

/// A scheduler that said nothing for so long is not well (Airflow's `scheduler_health_check_threshold`).
const SILENCE_MAX: TimeDelta = TimeDelta::seconds(30);

/// `GET /monitor/health`, and `GET /health` as Airflow 2 had it.
///
/// The scheduler's heartbeat is the last sign of life of an orchestrator; without any, its status is
/// null, not unhealthy. The DAG processor's heartbeat is the latest parse of a file.
pub(crate) async fn health(visit: Visit) -> Json<Value> {
    let metadata = &visit.desk.metadata;
    let database = metadata.dag_counts().await;
    let states = metadata.dags(&metadata::DagFilter { limit: 1, ..Default::default() }).await;
    let parsed = states.ok().and_then(|(dags, _)| dags.first().map(|dag| dag.last_parsed));
    let orchestrators = metadata.orchestrators().await.unwrap_or_default();
    let seen = orchestrators.first().map(|latest| latest.seen_at);
    let lives = |seen| if visit.desk.now() - seen <= SILENCE_MAX { "healthy" } else { "unhealthy" };
    Json(json!({
        "metadatabase": {"status": if database.is_ok() { "healthy" } else { "unhealthy" }},
        "scheduler": {
            "status": seen.map(lives),
            "latest_scheduler_heartbeat": shapes::maybe(seen),
        },
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
