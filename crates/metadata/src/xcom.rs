//! XComs: what tasks of a run leave for each other.

use serde_json::Value;

use crate::database::{Metadata, Writing};
use crate::sql::Reader;
use crate::{Error, TaskKey};

/// Bytes of a value as JSON: XComs are notes, not a way for data.
pub const XCOM_BYTES_MAX: usize = 1024 * 1024;

/// What leaving a value is called.
const PUSH: &str = "push an XCom";

impl Metadata {
    /// Leaves a value; one of the same name is replaced.
    ///
    /// # Errors
    /// If the value is longer than [`XCOM_BYTES_MAX`], there is no such task, or the database does
    /// not answer.
    pub async fn push_xcom(&self, key: &TaskKey, name: &str, value: &Value) -> Result<(), Error> {
        let what = PUSH;
        let mut tx = self.begin(what).await?;
        push(&mut tx, key, name, value).await?;
        self.commit(tx, what).await
    }

    /// What a task of a run left under a name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn pull_xcom(
        &self,
        dag_id: &str,
        run_id: &str,
        task_id: &str,
        name: &str,
    ) -> Result<Option<Value>, Error> {
        let what = "pull an XCom";
        let text = "SELECT value FROM xcom WHERE dag_id = $1 AND run_id = $2 AND task_id = $3 \
                    AND name = $4";
        let query = sqlx::query(text).bind(dag_id).bind(run_id).bind(task_id).bind(name);
        let row = query.fetch_optional(self.readers()).await.map_err(Error::doing(what))?;
        row.map(|row| Reader::new(&row, what).json("value")).transpose()
    }

    /// Everything a task left, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn xcoms(&self, key: &TaskKey) -> Result<Vec<(String, Value)>, Error> {
        let what = "read the XComs of a task";
        let text = "SELECT name, value FROM xcom WHERE dag_id = $1 AND run_id = $2 \
                    AND task_id = $3 ORDER BY name";
        let query = sqlx::query(text).bind(&key.dag_id).bind(&key.run_id).bind(&key.task_id);
        let rows = query.fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        let mut values = Vec::new();
        for row in &rows {
            let row = Reader::new(row, what);
            values.push((row.text("name")?, row.json("value")?));
        }
        Ok(values)
    }
}

/// Leaves a value; one of the same name is replaced.
pub(crate) async fn push(
    tx: &mut Writing,
    key: &TaskKey,
    name: &str,
    value: &Value,
) -> Result<(), Error> {
    let written = value.to_string();
    if written.len() > XCOM_BYTES_MAX {
        let length = written.len();
        let reason = format!(
            "{name} of {} has {length} bytes, and at most {XCOM_BYTES_MAX} are kept; put the \
             data into a topic, a table or a file, and push its name",
            key.task_id
        );
        return Err(Error::Refused { what: PUSH, reason });
    }
    let text = "INSERT INTO xcom (dag_id, run_id, task_id, name, value) \
                VALUES ($1, $2, $3, $4, $5) ON CONFLICT (dag_id, run_id, task_id, name) \
                DO UPDATE SET value = excluded.value";
    let query = sqlx::query(text)
        .bind(&key.dag_id)
        .bind(&key.run_id)
        .bind(&key.task_id)
        .bind(name)
        .bind(written);
    query.execute(&mut **tx).await.map(|_| ()).map_err(Error::doing(PUSH))
}
