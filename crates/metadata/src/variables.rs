//! Variables: named texts for tasks. Values are encrypted.

use std::fmt;

use sqlx::any::AnyRow;

use crate::Error;
use crate::database::Metadata;
use crate::sql::{Reader, limit};

/// A variable. Its value is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What it is for.
    pub description: Option<String>,
}

impl fmt::Debug for Variable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Variable({})", self.name)
    }
}

fn sealed_name(name: &str) -> String {
    format!("variable/{name}")
}

impl Metadata {
    /// All variables, by name.
    ///
    /// # Errors
    /// If the database does not answer, or a value does not open with this key.
    pub async fn variables(&self) -> Result<Vec<Variable>, Error> {
        let what = "list the variables";
        let text = "SELECT name, value, description FROM variable ORDER BY name LIMIT $1";
        let rows = sqlx::query(text).bind(limit(u32::MAX)).fetch_all(self.readers()).await;
        rows.map_err(Error::doing(what))?.iter().map(|row| self.read_variable(row, what)).collect()
    }

    /// One variable.
    ///
    /// # Errors
    /// If the database does not answer, or the value does not open with this key.
    pub async fn variable(&self, name: &str) -> Result<Option<Variable>, Error> {
        let what = "read a variable";
        let text = "SELECT name, value, description FROM variable WHERE name = $1";
        let row = sqlx::query(text).bind(name).fetch_optional(self.readers()).await;
        row.map_err(Error::doing(what))?.map(|row| self.read_variable(&row, what)).transpose()
    }

    fn read_variable(&self, row: &AnyRow, what: &'static str) -> Result<Variable, Error> {
        let row = Reader::new(row, what);
        let name = row.text("name")?;
        let value = self.opened(&sealed_name(&name), &row.text("value")?, what)?;
        Ok(Variable { name, value, description: row.maybe_text("description")? })
    }

    /// Sets a variable, new or not.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_variable(
        &self,
        name: &str,
        value: &str,
        description: Option<&str>,
    ) -> Result<(), Error> {
        let what = "set a variable";
        let sealed = self.key().seal(&sealed_name(name), value)?;
        let mut tx = self.begin(what).await?;
        let text = "INSERT INTO variable (name, value, description) VALUES ($1, $2, $3) \
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value, \
                    description = excluded.description";
        let query = sqlx::query(text).bind(name).bind(sealed).bind(description.map(str::to_owned));
        query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await
    }

    /// Deletes a variable; false if there is none of this name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delete_variable(&self, name: &str) -> Result<bool, Error> {
        self.delete("DELETE FROM variable WHERE name = $1", name, "delete a variable").await
    }

    /// Deletes the row of this name.
    pub(crate) async fn delete(
        &self,
        text: &'static str,
        name: &str,
        what: &'static str,
    ) -> Result<bool, Error> {
        let mut tx = self.begin(what).await?;
        let done = sqlx::query(text).bind(name).execute(&mut *tx).await;
        let done = done.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// What was encrypted under `name`.
    pub(crate) fn opened(
        &self,
        name: &str,
        sealed: &str,
        what: &'static str,
    ) -> Result<String, Error> {
        self.key().open(name, sealed).ok_or_else(|| {
            let key = self.key().place();
            let found = format!("{name} encrypted with another key than {key}; set it again");
            Error::Stored { what, found }
        })
    }
}
