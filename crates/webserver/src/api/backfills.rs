//! `/backfills`: runs of the past, asked for as a whole.

use axum::Json;
use axum::extract::Path;
use metadata::{Backfill, NewBackfill, Reprocess};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answered, Body, Moment, Paging, shapes, window, windowed};
use crate::act::Actor;
use crate::backfill::ACTIVE_RUNS_MAX;
use crate::fields::Asked;
use crate::problem::Problem;
use crate::visit::Visit;

/// Runs at a time where none is said, as in Airflow.
const ACTIVE_RUNS: u32 = 10;

/// The body that asks for a backfill.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Post {
    dag_id: String,
    from_date: Moment,
    to_date: Moment,
    run_backwards: Option<bool>,
    dag_run_conf: Option<Map<String, Value>>,
    reprocess_behavior: Option<String>,
    max_active_runs: Option<u32>,
    task_id_pattern: Option<String>,
    run_on_latest_version: Option<bool>,
}

impl Post {
    fn read(self, visit: &Visit) -> Result<NewBackfill, Problem> {
        if self.task_id_pattern.is_some() {
            return Err(Problem::unprocessable(
                "task_id_pattern is not supported: a backfill runs all tasks of the DAG",
            ));
        }
        if self.run_on_latest_version == Some(false) {
            return Err(Problem::unprocessable(
                "run_on_latest_version: the runs of a backfill are of the DAG's newest version",
            ));
        }
        let max_active_runs = self.max_active_runs.unwrap_or(ACTIVE_RUNS);
        if !(1..=ACTIVE_RUNS_MAX).contains(&max_active_runs) {
            return Err(Problem::unprocessable(format!(
                "max_active_runs: {max_active_runs} is not from 1 to {ACTIVE_RUNS_MAX}"
            )));
        }
        let reprocess = self.reprocess_behavior.as_deref().unwrap_or(Reprocess::None.name());
        let reprocess = Reprocess::named(reprocess).ok_or_else(|| {
            Problem::unprocessable(
                "reprocess_behavior: Input should be 'failed', 'completed' or 'none'",
            )
        })?;
        Ok(NewBackfill {
            dag_id: self.dag_id,
            from: self.from_date.0,
            to: self.to_date.0,
            conf: Value::Object(self.dag_run_conf.unwrap_or_default()),
            reprocess,
            backwards: self.run_backwards.unwrap_or(false),
            max_active_runs,
            created_by: visit.principal.name().to_owned(),
        })
    }
}

fn actor(visit: &Visit) -> Actor<'_> {
    Actor { desk: &visit.desk, who: visit.principal.name() }
}

/// `BackfillResponse`.
fn shape(backfill: &Backfill) -> Value {
    let asked = &backfill.asked;
    json!({
        "id": backfill.id,
        "dag_id": asked.dag_id,
        "from_date": shapes::moment(asked.from),
        "to_date": shapes::moment(asked.to),
        "dag_run_conf": asked.conf,
        "is_paused": backfill.paused,
        "reprocess_behavior": asked.reprocess.name(),
        "max_active_runs": asked.max_active_runs,
        "created_at": shapes::moment(backfill.created_at),
        "completed_at": shapes::maybe(backfill.completed_at),
        "updated_at": shapes::moment(backfill.updated_at),
        "dag_display_name": asked.dag_id,
    })
}

/// `POST /backfills`.
pub(crate) async fn post(visit: Visit, Body(body): Body<Post>) -> Answered {
    let asked = body.read(&visit)?;
    Ok(Json(shape(&actor(&visit).backfill(asked).await?)))
}

/// `POST /backfills/dry_run`: the dates of the runs that would be made or run again.
pub(crate) async fn dry_run(visit: Visit, Body(body): Body<Post>) -> Answered {
    let asked = body.read(&visit)?;
    let dates = actor(&visit).backfill_dates(&asked).await?;
    let runs = dates.into_iter().map(|date| {
        json!({
            "logical_date": shapes::moment(date),
            "partition_key": null,
            "partition_date": null,
        })
    });
    let runs: Vec<Value> = runs.collect();
    let total = runs.len() as u64;
    Ok(super::part("backfills", runs, total))
}

/// `GET /backfills?dag_id=`.
pub(crate) async fn list(visit: Visit, Asked(asked): Asked) -> Answered {
    let paging = Paging::of(&asked)?;
    let (limit, offset) = window(&paging);
    let dag_id = asked.some("dag_id");
    let dag_id = dag_id.ok_or_else(|| Problem::unprocessable("dag_id: Field required"))?;
    let (backfills, total) = visit.desk.metadata.backfills(&dag_id, limit, offset).await?;
    windowed("backfills", backfills.iter().map(shape).collect(), total, &paging)
}

/// `GET /backfills/{backfill_id}`.
pub(crate) async fn one(visit: Visit, Path(id): Path<i64>) -> Answered {
    Ok(Json(shape(&actor(&visit).known_backfill(id).await?)))
}

/// `PUT /backfills/{backfill_id}/pause`.
pub(crate) async fn pause(visit: Visit, Path(id): Path<i64>) -> Answered {
    Ok(Json(shape(&actor(&visit).pause_backfill(id, true).await?)))
}

/// `PUT /backfills/{backfill_id}/unpause`.
pub(crate) async fn unpause(visit: Visit, Path(id): Path<i64>) -> Answered {
    Ok(Json(shape(&actor(&visit).pause_backfill(id, false).await?)))
}

/// `PUT /backfills/{backfill_id}/cancel`.
pub(crate) async fn cancel(visit: Visit, Path(id): Path<i64>) -> Answered {
    Ok(Json(shape(&actor(&visit).cancel_backfill(id).await?)))
}
