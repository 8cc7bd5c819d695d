//! What running tries leave: log lines, rendered arguments and XComs, of many tries in one transaction.

use serde_json::Value;

use crate::database::{Metadata, Writing};
use crate::{Error, LogLine, TaskKey, logs, xcom};

/// What a try leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct TryNotes {
    /// The task.
    pub key: TaskKey,
    /// Which of its tries.
    pub try_number: u32,
    /// Lines of its log, in their order.
    pub lines: Vec<LogLine>,
    /// Its arguments as it saw them.
    pub rendered: Option<Value>,
    /// Values for other tasks, by name; of two of one name the later counts.
    pub xcoms: Vec<(String, Value)>,
}

impl Metadata {
    /// Keeps what tries leave. What is left by a try that is not there is passed over.
    ///
    /// # Errors
    /// If an XCom is longer than [`crate::XCOM_BYTES_MAX`], or the database does not answer; then none
    /// is kept.
    pub async fn keep_notes(&self, notes: &[TryNotes]) -> Result<(), Error> {
        let what = "keep what tries leave";
        let mut tx = self.begin(what).await?;
        for notes in notes {
            keep(&mut tx, notes).await?;
        }
        self.commit(tx, what).await
    }
}

/// Keeps what one try leaves, if the try is there.
pub(crate) async fn keep(tx: &mut Writing, notes: &TryNotes) -> Result<(), Error> {
    let what = "keep what a try leaves";
    let TryNotes { key, try_number, lines, rendered, xcoms } = notes;
    if !logs::append(tx, key, *try_number, lines).await? {
        return Ok(());
    }
    if let Some(rendered) = rendered {
        let text = "UPDATE task_instance SET rendered = $1 WHERE dag_id = $2 AND run_id = $3 \
                    AND task_id = $4 AND try_number = $5";
        let query = sqlx::query(text)
            .bind(rendered.to_string())
            .bind(&key.dag_id)
            .bind(&key.run_id)
            .bind(&key.task_id)
            .bind(i64::from(*try_number));
        query.execute(&mut **tx).await.map_err(Error::doing(what))?;
    }
    for (name, value) in xcoms {
        xcom::push(tx, key, name, value).await?;
    }
    Ok(())
}
