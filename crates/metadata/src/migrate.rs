//! The versions of the tables, and the way from one to the next.
//!
//! A migration is written once and never changed after a release. `{key}` stands for a text that is
//! compared byte by byte, `{id}` for a number that the table counts itself.

use crate::database::{Dialect, Metadata};
use crate::{Error, SecretKey};
use sqlx::{AssertSqlSafe, Row as _};

/// Every migration, the first is version 1.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
];

/// What is encrypted once, so that a wrong key is found at the start.
const PROBE: &str = "millstream";
/// The name it is encrypted under.
const PROBE_NAME: &str = "key";
/// The advisory lock in PostgreSQL that one migrating process holds: "mill" in ASCII.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1835625580)";

impl Metadata {
    /// Brings the tables to the newest version.
    pub(crate) async fn migrate(&self) -> Result<(), Error> {
        loop {
            let version = self.migrate_once().await?;
            if version == known() {
                return Ok(());
            }
        }
    }

    /// One step, in a transaction that no other process shares; answers the version reached.
    async fn migrate_once(&self) -> Result<i64, Error> {
        let address = self.address();
        let mut version = 0;
        let failed =
            |version| move |source| Error::Migrate { address: address.to_owned(), version, source };
        let mut tx = self.begin("migrate the metadata database").await?;
        if self.dialect() == Dialect::Postgres {
            sqlx::query(LOCK).execute(&mut *tx).await.map_err(failed(0))?;
        }
        let table = "CREATE TABLE IF NOT EXISTS migration (version BIGINT PRIMARY KEY)";
        sqlx::query(table).execute(&mut *tx).await.map_err(failed(0))?;
        let newest = "SELECT COALESCE(MAX(version), 0) AS version FROM migration";
        let row = sqlx::query(newest).fetch_one(&mut *tx).await.map_err(failed(0))?;
        let found: i64 = row.try_get("version").map_err(failed(0))?;
        if found > known() {
            return Err(Error::Newer { address: address.to_owned(), found, known: known() });
        }
        version += found;
        let next = usize::try_from(found).ok().and_then(|next| MIGRATIONS.get(next));
        if let Some(text) = next {
            version += 1;
            let text = self.dialect().written(text);
            let script = sqlx::raw_sql(AssertSqlSafe(text));
            script.execute(&mut *tx).await.map_err(failed(version))?;
            let note = sqlx::query("INSERT INTO migration (version) VALUES ($1)").bind(version);
            note.execute(&mut *tx).await.map_err(failed(version))?;
        }
        tx.commit().await.map_err(failed(version))?;
        Ok(version)
    }

    /// Finds out whether the secrets of this database are encrypted with `key`.
    pub(crate) async fn check_key(&self, key: &SecretKey) -> Result<(), Error> {
        let what = "check the secret key";
        let doing = Error::doing(what);
        let sealed = key.seal(PROBE_NAME, PROBE)?;
        let mut tx = self.begin(what).await?;
        sqlx::query(
            "INSERT INTO key_probe (id, sealed) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
        )
        .bind(sealed)
        .execute(&mut *tx)
        .await
        .map_err(doing)?;
        let row = sqlx::query("SELECT sealed FROM key_probe").fetch_one(&mut *tx);
        let sealed: String = row.await.and_then(|row| row.try_get("sealed")).map_err(doing)?;
        tx.commit().await.map_err(doing)?;
        if key.open(PROBE_NAME, &sealed).as_deref() == Some(PROBE) {
            return Ok(());
        }
        Err(Error::WrongKey { address: self.address().to_owned(), key: key.place().to_owned() })
    }
}

/// The newest version.
fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}
