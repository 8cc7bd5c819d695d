//! Pools: how many slots tasks share.

use sqlx::any::AnyRow;

use crate::Error;
use crate::database::Metadata;
use crate::sql::{Reader, limit};

/// The pool of every task that names no other.
pub const DEFAULT_POOL: &str = "default_pool";

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its slots.
    pub slots: u32,
    /// What it is for.
    pub description: String,
}

/// A pool and the slots that are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolUse {
    /// The pool.
    pub pool: Pool,
    /// Slots of tasks that run.
    pub running: u64,
    /// Slots of tasks that are queued.
    pub queued: u64,
    /// Slots that tasks wait for.
    pub scheduled: u64,
}

impl Metadata {
    /// All pools, by name, with the slots that are taken.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn pools(&self) -> Result<Vec<PoolUse>, Error> {
        let what = "list the pools";
        let text = "SELECT p.name, p.slots, p.description, \
            CAST(COALESCE(SUM(CASE WHEN t.state IN ('running', 'restarting') THEN t.pool_slots \
            END), 0) AS BIGINT) AS running, \
            CAST(COALESCE(SUM(CASE WHEN t.state = 'queued' THEN t.pool_slots END), 0) AS BIGINT) \
            AS queued, \
            CAST(COALESCE(SUM(CASE WHEN t.state = 'scheduled' THEN t.pool_slots END), 0) \
            AS BIGINT) AS scheduled \
            FROM pool p LEFT JOIN task_instance t ON t.pool = p.name \
            AND t.state IN ('running', 'restarting', 'queued', 'scheduled') \
            GROUP BY p.name, p.slots, p.description ORDER BY p.name LIMIT $1";
        let rows = sqlx::query(text).bind(limit(u32::MAX)).fetch_all(self.readers()).await;
        let read = |row: &AnyRow| {
            let row = Reader::new(row, what);
            let pool = Pool {
                name: row.text("name")?,
                slots: row.small("slots")?,
                description: row.text("description")?,
            };
            Ok(PoolUse {
                pool,
                running: row.int("running")?.unsigned_abs(),
                queued: row.int("queued")?.unsigned_abs(),
                scheduled: row.int("scheduled")?.unsigned_abs(),
            })
        };
        rows.map_err(Error::doing(what))?.iter().map(read).collect()
    }

    /// Sets a pool, new or not.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_pool(&self, pool: &Pool) -> Result<(), Error> {
        let what = "set a pool";
        let mut tx = self.begin(what).await?;
        let text = "INSERT INTO pool (name, slots, description) VALUES ($1, $2, $3) \
                    ON CONFLICT (name) DO UPDATE SET slots = excluded.slots, \
                    description = excluded.description";
        let query = sqlx::query(text).bind(&pool.name).bind(i64::from(pool.slots));
        let query = query.bind(&pool.description);
        query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await
    }

    /// Deletes a pool; false if there is none of this name, or it is [`DEFAULT_POOL`].
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delete_pool(&self, name: &str) -> Result<bool, Error> {
        if name == DEFAULT_POOL {
            return Ok(false);
        }
        self.delete("DELETE FROM pool WHERE name = $1", name, "delete a pool").await
    }
}
