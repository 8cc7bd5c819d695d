//! The effective configuration, as the process that opened the project last saw it.

use sqlx::any::AnyRow;

use crate::Error;
use crate::database::Metadata;
use crate::sql::Reader;

/// A setting. A secret's value must not come here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where it comes from: `default`, a file, an option.
    pub origin: String,
}

impl Metadata {
    /// Replaces the configuration that is shown.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn record_configuration(&self, settings: &[Setting]) -> Result<(), Error> {
        let what = "record the configuration";
        let doing = Error::doing(what);
        let mut tx = self.begin(what).await?;
        sqlx::query("DELETE FROM configuration").execute(&mut *tx).await.map_err(doing)?;
        for setting in settings {
            let text = "INSERT INTO configuration (name, value, origin) VALUES ($1, $2, $3) \
                        ON CONFLICT (name) DO UPDATE SET value = excluded.value, \
                        origin = excluded.origin";
            let query = sqlx::query(text).bind(&setting.name).bind(&setting.value);
            query.bind(&setting.origin).execute(&mut *tx).await.map_err(doing)?;
        }
        self.commit(tx, what).await
    }

    /// The configuration, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn configuration(&self) -> Result<Vec<Setting>, Error> {
        let what = "read the configuration";
        let text = "SELECT name, value, origin FROM configuration ORDER BY name";
        let rows = sqlx::query(text).fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        let read = |row: &AnyRow| {
            let row = Reader::new(row, what);
            Ok(Setting {
                name: row.text("name")?,
                value: row.text("value")?,
                origin: row.text("origin")?,
            })
        };
        rows.iter().map(read).collect()
    }
}
