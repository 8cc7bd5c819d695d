//! What DAG files may use: Python packages and operators that a Deployment Manager has listed.

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;

use crate::Error;
use crate::database::Metadata;
use crate::sql::{Reader, limit, micros};

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A Python package, by its name in the package index.
    Package,
    /// An operator: a short name, or a class.
    Operator,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Operator => "operator",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Package, Self::Operator].into_iter().find(|kind| kind.name() == name)
    }
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedEntry {
    /// Which list.
    pub kind: Kind,
    /// The name.
    pub name: String,
    /// The one version of a package; `None`: any.
    pub version: Option<String>,
    /// Who listed it.
    pub added_by: String,
    /// When.
    pub added_at: DateTime<Utc>,
}

impl Metadata {
    /// Both lists, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn allowed(&self) -> Result<Vec<AllowedEntry>, Error> {
        let what = "read what DAG files may use";
        let text = "SELECT * FROM allowed ORDER BY kind, name LIMIT $1";
        let rows = sqlx::query(text).bind(limit(u32::MAX)).fetch_all(self.readers()).await;
        let read = |row: &AnyRow| {
            let row = Reader::new(row, what);
            Ok(AllowedEntry {
                kind: row.named("kind", Kind::named)?,
                name: row.text("name")?,
                version: row.maybe_text("version")?,
                added_by: row.text("added_by")?,
                added_at: row.time("added_at")?,
            })
        };
        rows.map_err(Error::doing(what))?.iter().map(read).collect()
    }

    /// Puts an entry on its list, in the place of one of the same name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn allow(&self, entry: &AllowedEntry) -> Result<(), Error> {
        let what = "add to what DAG files may use";
        let mut tx = self.begin(what).await?;
        let text = "INSERT INTO allowed (kind, name, version, added_by, added_at) \
                    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kind, name) DO UPDATE SET \
                    version = excluded.version, added_by = excluded.added_by, \
                    added_at = excluded.added_at";
        let query = sqlx::query(text).bind(entry.kind.name()).bind(&entry.name);
        let query = query.bind(&entry.version).bind(&entry.added_by).bind(micros(entry.added_at));
        query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await
    }

    /// Takes an entry off its list; false if it was not there.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn disallow(&self, kind: Kind, name: &str) -> Result<bool, Error> {
        let what = "take from what DAG files may use";
        let mut tx = self.begin(what).await?;
        let query = sqlx::query("DELETE FROM allowed WHERE kind = $1 AND name = $2");
        let query = query.bind(kind.name()).bind(name);
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }
}
