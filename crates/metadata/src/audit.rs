//! Who did what, and when.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::Error;
use crate::database::Metadata;
use crate::sql::{Reader, limit, micros};

/// Something that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub who: String,
    /// What: `dag.pause`, `run.trigger`, `user.sign_in`.
    pub what: String,
    /// The DAG it was done to.
    pub dag_id: Option<String>,
    /// The run.
    pub run_id: Option<String>,
    /// The task.
    pub task_id: Option<String>,
    /// More, without secrets.
    pub extra: Value,
}

impl Event {
    /// Something done by `who`, to nothing in particular.
    #[must_use]
    pub fn new(at: DateTime<Utc>, who: &str, what: &str) -> Self {
        Self {
            at,
            who: who.to_owned(),
            what: what.to_owned(),
            dag_id: None,
            run_id: None,
            task_id: None,
            extra: Value::Null,
        }
    }
}

/// An event with its number, which grows with time.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptEvent {
    /// Its number.
    pub id: i64,
    /// What was done.
    pub event: Event,
}

/// Which events a list shows. The default is all, a full answer of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this DAG.
    pub dag_id: Option<String>,
    /// Of this run.
    pub run_id: Option<String>,
    /// Of this task.
    pub task_id: Option<String>,
    /// By this one.
    pub who: Option<String>,
    /// What was done begins with this.
    pub what: Option<String>,
    /// The most of one answer, at most [`crate::ROWS_MAX`].
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

impl Default for EventFilter {
    fn default() -> Self {
        Self {
            dag_id: None,
            run_id: None,
            task_id: None,
            who: None,
            what: None,
            limit: crate::ROWS_MAX,
            offset: 0,
        }
    }
}

impl Metadata {
    /// Keeps what was done.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn audit(&self, event: &Event) -> Result<(), Error> {
        let what = "record what was done";
        let mut tx = self.begin(what).await?;
        let text = "INSERT INTO audit_event (at, who, what, dag_id, run_id, task_id, extra) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let query = sqlx::query(text)
            .bind(micros(event.at))
            .bind(&event.who)
            .bind(&event.what)
            .bind(&event.dag_id)
            .bind(&event.run_id)
            .bind(&event.task_id)
            .bind(event.extra.to_string());
        query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await
    }

    /// A page of events, the newest first, and how many there are in all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn events(&self, filter: &EventFilter) -> Result<(Vec<KeptEvent>, u64), Error> {
        let what = "list what was done";
        let doing = Error::doing(what);
        let of = if filter.dag_id.is_some() { "dag_id = $1" } else { "$1 = ''" };
        let which = format!(
            "{of} AND ($2 = '' OR run_id = $2) AND ($3 = '' OR task_id = $3) \
             AND ($4 = '' OR who = $4) AND ($5 = '' OR SUBSTR(what, 1, LENGTH($5)) = $5)"
        );
        let bound = |text: String| {
            let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
            sqlx::query(AssertSqlSafe(text))
                .bind(or_none(&filter.dag_id))
                .bind(or_none(&filter.run_id))
                .bind(or_none(&filter.task_id))
                .bind(or_none(&filter.who))
                .bind(or_none(&filter.what))
        };
        let count = bound(format!("SELECT COUNT(*) AS total FROM audit_event WHERE {which}"));
        let row = count.fetch_one(self.readers()).await.map_err(doing)?;
        let total = Reader::new(&row, what).int("total")?;
        let page =
            format!("SELECT * FROM audit_event WHERE {which} ORDER BY id DESC LIMIT $6 OFFSET $7");
        let page = bound(page).bind(limit(filter.limit)).bind(i64::from(filter.offset));
        let rows = page.fetch_all(self.readers()).await.map_err(doing)?;
        let events = rows.iter().map(|row| read(row, what)).collect::<Result<_, _>>()?;
        Ok((events, total.unsigned_abs()))
    }

    /// Forgets events from before `older_than`; answers how many.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn keep_events(&self, older_than: DateTime<Utc>) -> Result<u64, Error> {
        let what = "forget old events";
        let mut tx = self.begin(what).await?;
        let query = sqlx::query("DELETE FROM audit_event WHERE at < $1").bind(micros(older_than));
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected())
    }
}

fn read(row: &AnyRow, what: &'static str) -> Result<KeptEvent, Error> {
    let row = Reader::new(row, what);
    let event = Event {
        at: row.time("at")?,
        who: row.text("who")?,
        what: row.text("what")?,
        dag_id: row.maybe_text("dag_id")?,
        run_id: row.maybe_text("run_id")?,
        task_id: row.maybe_text("task_id")?,
        extra: row.json("extra")?,
    };
    Ok(KeptEvent { id: row.int("id")?, event })
}
