//! How many statements a page takes: alone in its program, since it counts what the driver reports.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, TimeDelta};
use metadata::{DagFilter, DagRecord, Metadata, NewRun, RunType, SecretKey};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata as About, Subscriber};

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

/// Pages read, so that a report that comes late does not matter.
const PAGES: usize = 10;

struct Count;

impl Subscriber for Count {
    fn enabled(&self, about: &About<'_>) -> bool {
        about.target() == "sqlx::query"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {
        STATEMENTS.fetch_add(1, Ordering::SeqCst);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_page_of_a_thousand_dags_takes_two_statements() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", directory.path().join("metadata.db").display());
    let key = SecretKey::from_bytes(&[1; 32], "a test's key").unwrap();
    let metadata = Metadata::open(&address, &key).await.unwrap();
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let dags: Vec<DagRecord> = (0..1_000)
        .map(|number| DagRecord {
            dag_id: format!("dag_{number:04}"),
            file: format!("dag_{number:04}.yml"),
            tags: vec!["a".to_owned(), format!("t{}", number % 10)],
            serialised: "{}".to_owned(),
            ..DagRecord::default()
        })
        .collect();
    metadata.record_dags(&dags, start).await.unwrap();
    for dag in &dags[..50] {
        for number in 0..20 {
            let at = start + TimeDelta::minutes(number);
            let run = NewRun {
                dag_id: dag.dag_id.clone(),
                run_id: format!("r{number}"),
                run_type: RunType::Scheduled,
                logical_date: Some(at),
                interval_start: None,
                interval_end: None,
                run_after: at,
                queued_at: at,
                conf: serde_json::json!({}),
                version: 1,
                triggered_by: "scheduler".to_owned(),
                note: None,
            };
            assert!(metadata.create_run(&run).await.unwrap());
        }
    }
    // The first answer opens a connection, which takes statements of its own.
    metadata.dags(&DagFilter { limit: 1, ..DagFilter::default() }).await.unwrap();

    tracing::subscriber::set_global_default(Count).unwrap();
    for _ in 0..PAGES {
        let (page, total) = metadata.dags(&DagFilter::default()).await.unwrap();
        assert_eq!((page.len(), total), (1_000, 1_000));
        assert_eq!(page[0].recent.len(), 14);
    }
    // The driver reports a statement after its last row is there, from a thread of its own.
    let statements = STATEMENTS.load(Ordering::SeqCst);
    let expected = 2 * PAGES;
    assert!((expected - 2..=expected + 2).contains(&statements), "{statements} for {PAGES} pages");
}
