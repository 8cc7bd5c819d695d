//! DAGs as their files were last parsed, their versions, and the files that could not be parsed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use scheduler::RunState;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::database::{Metadata, Writing};
use crate::sql::{LIST_MAX, Reader, contains, limit, maybe_micros, micros, places, rows};
use crate::{Error, RunType};

/// Latest runs that a [`DagSummary`] shows.
pub const RECENT_RUNS: usize = 14;

/// Versions of a DAG that are kept although no run used them.
const VERSIONS_KEPT: i64 = 100;

/// A DAG as its file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DagRecord {
    /// Its id.
    pub dag_id: String,
    /// The file it stands in, relative to the folder of DAGs.
    pub file: String,
    /// What runs it: `native`, `airflow 3.3.2`, `built-in`.
    pub runtime: String,
    /// Why that.
    pub runtime_reason: String,
    /// What it is for.
    pub description: Option<String>,
    /// Who answers for it.
    pub owners: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its schedule, as a person wrote it.
    pub schedule: String,
    /// The text of its file.
    pub source: String,
    /// The DAG as JSON.
    pub serialised: String,
    /// Runs at once.
    pub max_active_runs: u32,
    /// Tasks at once, in all its runs.
    pub max_active_tasks: u32,
    /// Whether it is paused when it is first seen.
    pub paused_upon_creation: bool,
}

/// The next run that a schedule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextRun {
    /// When it may start.
    pub run_after: DateTime<Utc>,
    /// The start of its data interval.
    pub interval_start: DateTime<Utc>,
    /// The end of its data interval.
    pub interval_end: DateTime<Utc>,
}

/// What a list of DAGs shows of one, and a page's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DagSummary {
    /// Its id.
    pub dag_id: String,
    /// The file it stands in, relative to the folder of DAGs.
    pub file: String,
    /// What runs it.
    pub runtime: String,
    /// Why that.
    pub runtime_reason: String,
    /// What it is for.
    pub description: Option<String>,
    /// Who answers for it.
    pub owners: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its schedule, as a person wrote it.
    pub schedule: String,
    /// Runs at once.
    pub max_active_runs: u32,
    /// Tasks at once, in all its runs.
    pub max_active_tasks: u32,
    /// Whether no new runs start.
    pub paused: bool,
    /// Whether its file no longer holds it.
    pub stale: bool,
    /// Its newest version.
    pub version: i64,
    /// The next run, if its schedule asks for one.
    pub next_run: Option<NextRun>,
    /// When its file was last parsed.
    pub last_parsed: DateTime<Utc>,
    /// Its latest runs, the newest first, at most [`RECENT_RUNS`].
    pub recent: Vec<RecentRun>,
}

/// What a list of DAGs shows of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentRun {
    /// Its id.
    pub run_id: String,
    /// What made it.
    pub run_type: RunType,
    /// Its state.
    pub state: RunState,
    /// The date it stands for.
    pub logical_date: Option<DateTime<Utc>>,
    /// When it was allowed to start.
    pub run_after: DateTime<Utc>,
    /// When it started.
    pub start: Option<DateTime<Utc>>,
    /// When it ended.
    pub end: Option<DateTime<Utc>>,
}

/// Which DAGs a list shows. The default is every DAG that is in a file, a full answer of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DagFilter {
    /// A part of the id, in any case.
    pub search: Option<String>,
    /// One of its tags.
    pub tag: Option<String>,
    /// Whether it is paused; none for either.
    pub paused: Option<bool>,
    /// Whether its file no longer holds it; none for either.
    pub stale: Option<bool>,
    /// The state of its latest run.
    pub latest_state: Option<RunState>,
    /// The most of one answer, at most [`crate::ROWS_MAX`].
    pub limit: u32,
    /// How many to pass over.
    pub offset: u32,
}

impl Default for DagFilter {
    fn default() -> Self {
        Self {
            search: None,
            tag: None,
            paused: None,
            stale: Some(false),
            latest_state: None,
            limit: crate::ROWS_MAX,
            offset: 0,
        }
    }
}

/// One version of a DAG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DagVersion {
    /// Its number, from 1 on.
    pub version: i64,
    /// When it was first seen.
    pub created_at: DateTime<Utc>,
}

/// A file that could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportError {
    /// The file, relative to the folder of DAGs.
    pub file: String,
    /// Its text.
    pub source: String,
    /// What is wrong with it.
    pub error: String,
    /// When it was parsed.
    pub at: DateTime<Utc>,
}

const UPSERT: &str = "INSERT INTO dag (dag_id, file, runtime, runtime_reason, description, owners, \
    tags, schedule, max_active_runs, max_active_tasks, paused, stale, version, last_parsed) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13) \
    ON CONFLICT (dag_id) DO UPDATE SET file = excluded.file, runtime = excluded.runtime, \
    runtime_reason = excluded.runtime_reason, description = excluded.description, \
    owners = excluded.owners, tags = excluded.tags, schedule = excluded.schedule, \
    max_active_runs = excluded.max_active_runs, max_active_tasks = excluded.max_active_tasks, \
    stale = 0, version = excluded.version, last_parsed = excluded.last_parsed";

const WHERE: &str = "WHERE ($1 = '' OR LOWER(d.dag_id) LIKE $1 ESCAPE '\\') \
    AND ($2 = '' OR EXISTS (SELECT 1 FROM dag_tag t WHERE t.dag_id = d.dag_id AND t.tag = $2)) \
    AND ($3 < 0 OR d.paused = $3) AND ($4 < 0 OR d.stale = $4) \
    AND ($5 = '' OR $5 = (SELECT r.state FROM dag_run r WHERE r.dag_id = d.dag_id \
    ORDER BY r.run_after DESC, r.run_id DESC LIMIT 1))";

/// The latest runs of some DAGs. The inner SELECT finds, once for each DAG, where the latest begin.
const RECENT: &str = "SELECT r.dag_id, r.run_id, r.run_type, r.state, r.logical_date, r.run_after, \
    r.started_at, r.ended_at FROM dag d JOIN dag_run r ON r.dag_id = d.dag_id \
    AND r.run_after >= COALESCE((SELECT x.run_after FROM dag_run x WHERE x.dag_id = d.dag_id \
    ORDER BY x.run_after DESC LIMIT 1 OFFSET 13), -9223372036854775807) \
    WHERE d.dag_id IN (LIST) ORDER BY r.dag_id, r.run_after DESC, r.run_id DESC";

impl Metadata {
    /// Keeps what a file says of a DAG, and answers its version, which grows only if the text of the
    /// file or the DAG has changed.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn record_dag(&self, dag: &DagRecord, now: DateTime<Utc>) -> Result<i64, Error> {
        let versions = self.record_dags(std::slice::from_ref(dag), now).await?;
        Ok(versions.first().copied().unwrap_or_default())
    }

    /// As [`Self::record_dag`] for many, in one transaction.
    ///
    /// # Errors
    /// If the database does not answer; then none is kept.
    pub async fn record_dags(
        &self,
        dags: &[DagRecord],
        now: DateTime<Utc>,
    ) -> Result<Vec<i64>, Error> {
        let what = "record DAGs";
        let mut tx = self.begin(what).await?;
        let mut versions = Vec::new();
        for dag in dags {
            versions.push(record(&mut tx, dag, now).await.map_err(Error::doing(what))?);
        }
        self.commit(tx, what).await?;
        Ok(versions)
    }

    /// Keeps why a file could not be parsed.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn record_import_error(
        &self,
        file: &str,
        source: &str,
        error: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let what = "record an import error";
        let mut tx = self.begin(what).await?;
        let text = "INSERT INTO import_error (file, source, error, at) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (file) DO UPDATE SET source = excluded.source, \
                    error = excluded.error, at = excluded.at";
        let query = sqlx::query(text).bind(file).bind(source).bind(error).bind(micros(now));
        query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await
    }

    /// Forgets the error of a file that is parsed again.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn clear_import_error(&self, file: &str) -> Result<(), Error> {
        let what = "clear an import error";
        let mut tx = self.begin(what).await?;
        let query = sqlx::query("DELETE FROM import_error WHERE file = $1").bind(file);
        query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await
    }

    /// The files that could not be parsed, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn import_errors(&self) -> Result<Vec<ImportError>, Error> {
        let what = "read the import errors";
        let text = "SELECT file, source, error, at FROM import_error ORDER BY file LIMIT $1";
        let query = sqlx::query(text).bind(limit(u32::MAX)).fetch_all(self.readers());
        let read = |row: &AnyRow| {
            let row = Reader::new(row, what);
            Ok(ImportError {
                file: row.text("file")?,
                source: row.text("source")?,
                error: row.text("error")?,
                at: row.time("at")?,
            })
        };
        query.await.map_err(Error::doing(what))?.iter().map(read).collect()
    }

    /// Says which files there are: DAGs of all others are stale, import errors of all others are
    /// forgotten.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn retain_files(&self, files: &[String]) -> Result<(), Error> {
        let what = "retain the DAG files";
        let doing = Error::doing(what);
        let files: BTreeSet<&str> = files.iter().map(String::as_str).collect();
        let mut tx = self.begin(what).await?;
        let known = "SELECT DISTINCT file FROM dag WHERE stale = 0 \
                     UNION SELECT file FROM import_error";
        for row in sqlx::query(known).fetch_all(&mut *tx).await.map_err(doing)? {
            let file = Reader::new(&row, what).text("file")?;
            if files.contains(file.as_str()) {
                continue;
            }
            for text in [
                "UPDATE dag SET stale = 1 WHERE file = $1",
                "DELETE FROM import_error WHERE file = $1",
            ] {
                sqlx::query(text).bind(&file).execute(&mut *tx).await.map_err(doing)?;
            }
        }
        self.commit(tx, what).await
    }

    /// Says which DAGs a file holds: others that it held before are stale.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn retain_dags(&self, file: &str, dag_ids: &[String]) -> Result<(), Error> {
        let what = "retain the DAGs of a file";
        let doing = Error::doing(what);
        let held: BTreeSet<&str> = dag_ids.iter().map(String::as_str).collect();
        let mut tx = self.begin(what).await?;
        let known = sqlx::query("SELECT dag_id FROM dag WHERE file = $1 AND stale = 0").bind(file);
        for row in known.fetch_all(&mut *tx).await.map_err(doing)? {
            let dag_id = Reader::new(&row, what).text("dag_id")?;
            if !held.contains(dag_id.as_str()) {
                let text = "UPDATE dag SET stale = 1 WHERE dag_id = $1";
                sqlx::query(text).bind(&dag_id).execute(&mut *tx).await.map_err(doing)?;
            }
        }
        self.commit(tx, what).await
    }

    /// A page of DAGs by id, and how many there are in all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn dags(&self, filter: &DagFilter) -> Result<(Vec<DagSummary>, u64), Error> {
        let what = "list the DAGs";
        let doing = Error::doing(what);
        let select = format!(
            "SELECT d.*, COUNT(*) OVER () AS total FROM dag d {WHERE} \
             ORDER BY d.dag_id LIMIT $6 OFFSET $7"
        );
        let page = |limit: i64, offset: i64| {
            let either = |flag: Option<bool>| flag.map_or(-1, i64::from);
            sqlx::query(AssertSqlSafe(select.clone()))
                .bind(
                    filter
                        .search
                        .as_deref()
                        .filter(|text| !text.is_empty())
                        .map_or_else(String::new, contains),
                )
                .bind(filter.tag.clone().unwrap_or_default())
                .bind(either(filter.paused))
                .bind(either(filter.stale))
                .bind(filter.latest_state.map_or("", RunState::name))
                .bind(limit)
                .bind(offset)
                .fetch_all(self.readers())
        };
        let found = page(limit(filter.limit), i64::from(filter.offset)).await.map_err(doing)?;
        let mut dags = found.iter().map(|row| summary(row, what)).collect::<Result<Vec<_>, _>>()?;
        self.add_recent(&mut dags).await?;
        let total = match found.first() {
            Some(row) => Reader::new(row, what).int("total")?,
            None if filter.offset == 0 && filter.limit > 0 => 0,
            None => match page(1, 0).await.map_err(doing)?.first() {
                Some(row) => Reader::new(row, what).int("total")?,
                None => 0,
            },
        };
        Ok((dags, total.unsigned_abs()))
    }

    /// One DAG.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn dag(&self, dag_id: &str) -> Result<Option<DagSummary>, Error> {
        let what = "read a DAG";
        let query = sqlx::query("SELECT * FROM dag WHERE dag_id = $1").bind(dag_id);
        let row = query.fetch_optional(self.readers()).await.map_err(Error::doing(what))?;
        let Some(row) = row else { return Ok(None) };
        let mut dags = vec![summary(&row, what)?];
        self.add_recent(&mut dags).await?;
        Ok(dags.pop())
    }

    async fn add_recent(&self, dags: &mut [DagSummary]) -> Result<(), Error> {
        let what = "read the latest runs of DAGs";
        for part in dags.chunks_mut(crate::ROWS_MAX as usize) {
            let text = RECENT.replace("LIST", &places(1, part.len()));
            let mut query = sqlx::query(AssertSqlSafe(text));
            for dag in &*part {
                query = query.bind(dag.dag_id.clone());
            }
            let mut of: BTreeMap<String, Vec<RecentRun>> = BTreeMap::new();
            for row in &query.fetch_all(self.readers()).await.map_err(Error::doing(what))? {
                let row = Reader::new(row, what);
                of.entry(row.text("dag_id")?).or_default().push(RecentRun {
                    run_id: row.text("run_id")?,
                    run_type: row.named("run_type", RunType::named)?,
                    state: row.run_state("state")?,
                    logical_date: row.maybe_time("logical_date")?,
                    run_after: row.time("run_after")?,
                    start: row.maybe_time("started_at")?,
                    end: row.maybe_time("ended_at")?,
                });
            }
            for dag in part {
                dag.recent = of.remove(&dag.dag_id).unwrap_or_default();
                dag.recent.truncate(RECENT_RUNS);
            }
        }
        Ok(())
    }

    /// Every tag of a DAG that is not stale, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn dag_tags(&self) -> Result<Vec<String>, Error> {
        let what = "list the tags";
        let text = "SELECT DISTINCT t.tag FROM dag_tag t JOIN dag d ON d.dag_id = t.dag_id \
                    WHERE d.stale = 0 ORDER BY t.tag LIMIT $1";
        let query = sqlx::query(text).bind(limit(u32::MAX)).fetch_all(self.readers());
        let rows = query.await.map_err(Error::doing(what))?;
        rows.iter().map(|row| Reader::new(row, what).text("tag")).collect()
    }

    /// The text of a DAG's file in a version, or in the newest, with its number.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn dag_source(
        &self,
        dag_id: &str,
        version: Option<i64>,
    ) -> Result<Option<(i64, String)>, Error> {
        self.of_version(dag_id, version, "source").await
    }

    /// A DAG as JSON, in a version.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn serialised(&self, dag_id: &str, version: i64) -> Result<Option<String>, Error> {
        let found = self.of_version(dag_id, Some(version), "serialised").await?;
        Ok(found.map(|(_, text)| text))
    }

    async fn of_version(
        &self,
        dag_id: &str,
        version: Option<i64>,
        column: &'static str,
    ) -> Result<Option<(i64, String)>, Error> {
        let what = "read a version of a DAG";
        let text = "SELECT version, source, serialised FROM dag_version WHERE dag_id = $1 \
                    AND ($2 < 0 OR version = $2) ORDER BY version DESC LIMIT 1";
        let query = sqlx::query(text).bind(dag_id).bind(version.unwrap_or(-1));
        let row = query.fetch_optional(self.readers()).await.map_err(Error::doing(what))?;
        let Some(row) = row else { return Ok(None) };
        let row = Reader::new(&row, what);
        Ok(Some((row.int("version")?, row.text(column)?)))
    }

    /// The versions of a DAG, the newest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn dag_versions(&self, dag_id: &str) -> Result<Vec<DagVersion>, Error> {
        let what = "list the versions of a DAG";
        let text = "SELECT version, created_at FROM dag_version WHERE dag_id = $1 \
                    ORDER BY version DESC LIMIT $2";
        let query = sqlx::query(text).bind(dag_id).bind(limit(u32::MAX));
        let rows = query.fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        let read = |row: &AnyRow| {
            let row = Reader::new(row, what);
            Ok(DagVersion { version: row.int("version")?, created_at: row.time("created_at")? })
        };
        rows.iter().map(read).collect()
    }

    /// Pauses a DAG or lets it go on; false if there is no such DAG.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_paused(&self, dag_id: &str, paused: bool) -> Result<bool, Error> {
        let what = "pause a DAG or let it go on";
        let mut tx = self.begin(what).await?;
        let query = sqlx::query("UPDATE dag SET paused = $1 WHERE dag_id = $2");
        let query = query.bind(i64::from(paused)).bind(dag_id);
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Keeps which run the schedule asks for next.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_next_run(&self, dag_id: &str, next: Option<NextRun>) -> Result<(), Error> {
        let what = "keep the next run of a DAG";
        let mut tx = self.begin(what).await?;
        set_next_run(&mut tx, dag_id, next).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await
    }

    /// Forgets a DAG with all its runs; false if there is no such DAG. A file that still holds it
    /// brings it back, without its past.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delete_dag(&self, dag_id: &str) -> Result<bool, Error> {
        let what = "delete a DAG";
        let mut tx = self.begin(what).await?;
        let query = sqlx::query("DELETE FROM dag WHERE dag_id = $1").bind(dag_id);
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }
}

pub(crate) async fn set_next_run(
    tx: &mut Writing,
    dag_id: &str,
    next: Option<NextRun>,
) -> Result<(), sqlx::Error> {
    let text = "UPDATE dag SET next_run_after = $1, next_interval_start = $2, \
                next_interval_end = $3 WHERE dag_id = $4";
    let query = sqlx::query(text)
        .bind(maybe_micros(next.map(|next| next.run_after)))
        .bind(maybe_micros(next.map(|next| next.interval_start)))
        .bind(maybe_micros(next.map(|next| next.interval_end)))
        .bind(dag_id);
    query.execute(&mut **tx).await.map(|_| ())
}

pub(crate) fn next_run(row: &Reader<'_>) -> Result<Option<NextRun>, Error> {
    let next = (
        row.maybe_time("next_run_after")?,
        row.maybe_time("next_interval_start")?,
        row.maybe_time("next_interval_end")?,
    );
    Ok(match next {
        (Some(run_after), Some(interval_start), Some(interval_end)) => {
            Some(NextRun { run_after, interval_start, interval_end })
        }
        _ => None,
    })
}

fn summary(row: &AnyRow, what: &'static str) -> Result<DagSummary, Error> {
    let row = Reader::new(row, what);
    Ok(DagSummary {
        dag_id: row.text("dag_id")?,
        file: row.text("file")?,
        runtime: row.text("runtime")?,
        runtime_reason: row.text("runtime_reason")?,
        description: row.maybe_text("description")?,
        owners: row.texts("owners")?,
        tags: row.texts("tags")?,
        schedule: row.text("schedule")?,
        max_active_runs: row.small("max_active_runs")?,
        max_active_tasks: row.small("max_active_tasks")?,
        paused: row.flag("paused")?,
        stale: row.flag("stale")?,
        version: row.int("version")?,
        next_run: next_run(&row)?,
        last_parsed: row.time("last_parsed")?,
        recent: Vec::new(),
    })
}

async fn record(tx: &mut Writing, dag: &DagRecord, now: DateTime<Utc>) -> Result<i64, sqlx::Error> {
    let text = "SELECT v.version, CASE WHEN v.source = $2 AND v.serialised = $3 THEN 1 ELSE 0 END \
                AS same, d.tags FROM dag d JOIN dag_version v ON v.dag_id = d.dag_id \
                AND v.version = d.version WHERE d.dag_id = $1";
    let query = sqlx::query(text).bind(&dag.dag_id).bind(&dag.source).bind(&dag.serialised);
    let known = match query.fetch_optional(&mut **tx).await? {
        None => None,
        Some(row) => Some(known_version(&row)?),
    };
    let tags = list(&dag.tags);
    let (version, changed, tagged) = match known {
        None => (1, true, dag.tags.is_empty()),
        Some((version, same, kept)) => (version + i64::from(!same), !same, kept == tags),
    };
    sqlx::query(UPSERT)
        .bind(&dag.dag_id)
        .bind(&dag.file)
        .bind(&dag.runtime)
        .bind(&dag.runtime_reason)
        .bind(&dag.description)
        .bind(list(&dag.owners))
        .bind(tags)
        .bind(&dag.schedule)
        .bind(i64::from(dag.max_active_runs))
        .bind(i64::from(dag.max_active_tasks))
        .bind(i64::from(dag.paused_upon_creation))
        .bind(version)
        .bind(micros(now))
        .execute(&mut **tx)
        .await?;
    if changed {
        add_version(tx, dag, version, now).await?;
    }
    if !tagged {
        set_tags(tx, dag).await?;
    }
    Ok(version)
}

/// The version, whether it is the same as the one at hand, and its tags.
fn known_version(row: &AnyRow) -> Result<(i64, bool, String), sqlx::Error> {
    use sqlx::Row as _;
    let same: i64 = row.try_get("same")?;
    Ok((row.try_get("version")?, same != 0, row.try_get("tags")?))
}

async fn add_version(
    tx: &mut Writing,
    dag: &DagRecord,
    version: i64,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let text = "INSERT INTO dag_version (dag_id, version, source, serialised, created_at) \
                VALUES ($1, $2, $3, $4, $5)";
    let query = sqlx::query(text).bind(&dag.dag_id).bind(version);
    let query = query.bind(&dag.source).bind(&dag.serialised).bind(micros(now));
    query.execute(&mut **tx).await?;
    let text = "DELETE FROM dag_version WHERE dag_id = $1 AND version <= $2 AND NOT EXISTS \
                (SELECT 1 FROM dag_run r WHERE r.dag_id = dag_version.dag_id \
                AND r.version = dag_version.version)";
    let query = sqlx::query(text).bind(&dag.dag_id).bind(version - VERSIONS_KEPT);
    query.execute(&mut **tx).await?;
    Ok(())
}

async fn set_tags(tx: &mut Writing, dag: &DagRecord) -> Result<(), sqlx::Error> {
    let query = sqlx::query("DELETE FROM dag_tag WHERE dag_id = $1").bind(&dag.dag_id);
    query.execute(&mut **tx).await?;
    let tags: BTreeSet<&String> = dag.tags.iter().collect();
    let tags: Vec<&String> = tags.into_iter().collect();
    for part in tags.chunks(LIST_MAX) {
        let text = format!("INSERT INTO dag_tag (dag_id, tag) VALUES {}", rows(part.len(), 2));
        let mut query = sqlx::query(AssertSqlSafe(text));
        for tag in part {
            query = query.bind(&dag.dag_id).bind(*tag);
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

fn list(texts: &[String]) -> String {
    Value::from(texts).to_string()
}
