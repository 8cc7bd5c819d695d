//! Orchestrators that work on this database, and when each of them last said that it lives.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::any::AnyRow;

use crate::Error;
use crate::database::Metadata;
use crate::sql::{Reader, limit, micros};

/// One that said nothing for so long is forgotten.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(1);

/// An orchestrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrchestratorSeen {
    /// Its name: what its tries are owned by.
    pub name: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it last said that it lives.
    pub seen_at: DateTime<Utc>,
}

impl Metadata {
    /// An orchestrator says that it lives. Those that have not for a day are forgotten.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn orchestrator_lives(
        &self,
        name: &str,
        started_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let what = "keep that an orchestrator lives";
        let doing = Error::doing(what);
        let mut tx = self.begin(what).await?;
        let text = "INSERT INTO orchestrator (name, started_at, seen_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at";
        let query = sqlx::query(text).bind(name).bind(micros(started_at)).bind(micros(now));
        query.execute(&mut *tx).await.map_err(doing)?;
        let forgotten = now.checked_sub_signed(FORGOTTEN_AFTER).unwrap_or(now);
        let query = sqlx::query("DELETE FROM orchestrator WHERE seen_at < $1");
        query.bind(micros(forgotten)).execute(&mut *tx).await.map_err(doing)?;
        self.commit(tx, what).await
    }

    /// An orchestrator says that it ends.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn orchestrator_ends(&self, name: &str) -> Result<(), Error> {
        let what = "keep that an orchestrator ends";
        let mut tx = self.begin(what).await?;
        let query = sqlx::query("DELETE FROM orchestrator WHERE name = $1").bind(name);
        query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await
    }

    /// The orchestrators that said that they live, the one that said so last first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn orchestrators(&self) -> Result<Vec<OrchestratorSeen>, Error> {
        let what = "list the orchestrators";
        let text = "SELECT name, started_at, seen_at FROM orchestrator \
                    ORDER BY seen_at DESC, name LIMIT $1";
        let query = sqlx::query(text).bind(limit(u32::MAX)).fetch_all(self.readers());
        let read = |row: &AnyRow| {
            let row = Reader::new(row, what);
            Ok(OrchestratorSeen {
                name: row.text("name")?,
                started_at: row.time("started_at")?,
                seen_at: row.time("seen_at")?,
            })
        };
        query.await.map_err(Error::doing(what))?.iter().map(read).collect()
    }
}
