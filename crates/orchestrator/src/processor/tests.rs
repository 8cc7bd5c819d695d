//! Folders of DAG files that change, and what the database then holds.

use super::*;
use crate::{Parsed, Parsing};
use executor::{Desk, Executor};
use metadata::{DagFilter, ImportError, SecretKey};
use runtime::{Clock, ManualClock};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use tempfile::TempDir;

/// Reads each Python file as one DAG of the file's name, or does not.
#[derive(Default)]
struct FakePython {
    asked: Mutex<Vec<String>>,
}

impl PythonParser for FakePython {
    fn parse<'a>(&'a self, file: &'a Path, desk: &'a dyn Desk) -> Parsing<'a> {
        Box::pin(async move {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            self.asked.lock().unwrap().push(name.clone());
            assert_eq!(desk.variable("where").await.unwrap().as_deref(), Some("here"));
            if name == "broken" {
                let message = "line 3: NameError".to_owned();
                return Err(ParseFault { message, passing: false });
            }
            if name == "starting" && self.asked.lock().unwrap().len() == 1 {
                let message = "the helper did not start".to_owned();
                return Err(ParseFault { message, passing: true });
            }
            let dags = dagfile::read(&dag(&name)).unwrap();
            Ok(Parsed { dags, runtime: "built-in".to_owned(), reason: "no Airflow".to_owned() })
        })
    }
}

struct Folder {
    directory: TempDir,
    metadata: Metadata,
    clock: Arc<ManualClock>,
    settings: Settings,
}

fn dag(id: &str) -> String {
    format!("{id}:\n  schedule: null\n  tasks: [{{task_id: a, operator: empty}}]\n")
}

impl Folder {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("dags")).unwrap();
        let key = SecretKey::load_or_create(&directory.path().join("key")).unwrap();
        let address = format!("sqlite:{}", directory.path().join("metadata.db").display());
        let metadata = Metadata::open(&address, &key).await.unwrap();
        let clock = Arc::new(ManualClock::at(0));
        let shared = Arc::clone(&clock) as Arc<dyn Clock>;
        let project = directory.path().to_owned();
        let executor = executor::Settings::new(project.clone(), project.join("shim"), shared);
        let executor = Arc::new(Executor::new(executor, BTreeMap::new()));
        let data = project.join("data");
        let settings = Settings::new(project.join("dags"), data, metadata.clone(), executor);
        Self { directory, metadata, clock, settings }
    }

    /// Settings that ask for lists.
    fn listing(&self, packages: bool, operators: bool) -> Settings {
        let mut executor = executor::Settings::clone(self.settings.executor.settings());
        executor.policy = executor::Policy::new(packages, operators);
        let executor = Arc::new(Executor::new(executor, BTreeMap::new()));
        Settings { executor, ..self.settings.clone() }
    }

    fn processor(&self) -> Processor {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Processor::new(&self.settings, clock, watch::channel(0).0)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join("dags").join(name), text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.directory.path().join("dags").join(name)).unwrap();
    }

    /// Ids with their files, those that are not stale.
    async fn dags(&self) -> Vec<(String, String)> {
        let (dags, _) = self.metadata.dags(&DagFilter::default()).await.unwrap();
        dags.into_iter().map(|dag| (dag.dag_id, dag.file)).collect()
    }

    async fn errors(&self) -> Vec<ImportError> {
        self.metadata.import_errors().await.unwrap()
    }
}

fn held(dags: &[(&str, &str)]) -> Vec<(String, String)> {
    dags.iter().map(|(id, file)| ((*id).to_owned(), (*file).to_owned())).collect()
}

#[tokio::test]
async fn files_come_change_and_go() {
    let folder = Folder::new().await;
    let mut processor = folder.processor();
    folder.write("a.yml", &dag("one"));
    processor.look().await;
    assert_eq!(folder.dags().await, held(&[("one", "a.yml")]));
    folder.write("a.yml", &format!("{}{}", dag("one"), dag("two")));
    processor.look().await;
    assert_eq!(folder.dags().await, held(&[("one", "a.yml"), ("two", "a.yml")]));
    folder.write("a.yml", &dag("two"));
    processor.look().await;
    assert_eq!(folder.dags().await, held(&[("two", "a.yml")]));
    fs::rename(
        folder.directory.path().join("dags/a.yml"),
        folder.directory.path().join("dags/b.yml"),
    )
    .unwrap();
    processor.look().await;
    assert_eq!(folder.dags().await, held(&[("two", "b.yml")]));
    folder.remove("b.yml");
    processor.look().await;
    assert_eq!(folder.dags().await, []);
}

#[tokio::test]
async fn an_error_is_shown_beside_the_last_good_text_and_goes_with_it() {
    let folder = Folder::new().await;
    let mut processor = folder.processor();
    folder.write("a.yml", &dag("one"));
    processor.look().await;
    folder.write("a.yml", "one:\n  shedule: null\n");
    processor.look().await;
    let errors = folder.errors().await;
    assert!(errors[0].error.starts_with("line 2, column 3: shedule"), "{errors:?}");
    assert_eq!(errors[0].source, "one:\n  shedule: null\n");
    assert_eq!(folder.dags().await, held(&[("one", "a.yml")]));
    // Also for one that starts now and knows the error from the database alone.
    folder.write("a.yml", &dag("one"));
    folder.processor().look().await;
    assert_eq!(folder.errors().await, []);
}

#[tokio::test]
async fn a_dag_belongs_to_the_file_that_had_it_first() {
    let folder = Folder::new().await;
    let mut processor = folder.processor();
    folder.write("b.yml", &dag("same"));
    processor.look().await;
    folder.write("a.yml", &format!("{}{}", dag("same"), dag("own")));
    processor.look().await;
    assert_eq!(folder.dags().await, held(&[("own", "a.yml"), ("same", "b.yml")]));
    let errors = folder.errors().await;
    assert_eq!(errors[0].file, "a.yml");
    assert!(errors[0].error.contains("the DAG same is in b.yml already"), "{errors:?}");
    // The same after a restart, whatever order the files come in.
    let mut processor = folder.processor();
    processor.look().await;
    assert_eq!(folder.dags().await, held(&[("own", "a.yml"), ("same", "b.yml")]));
    folder.remove("b.yml");
    processor.look().await;
    processor.look().await;
    assert_eq!(folder.dags().await, held(&[("own", "a.yml"), ("same", "a.yml")]));
    assert_eq!(folder.errors().await, []);
}

#[tokio::test]
async fn a_file_that_is_as_it_was_is_not_recorded_again() {
    let folder = Folder::new().await;
    let mut processor = folder.processor();
    folder.write("a.yml", &dag("one"));
    processor.look().await;
    let changes = folder.metadata.changes();
    processor.look().await;
    // Written anew, with the same text.
    folder.write("a.yml", &dag("one"));
    processor.look().await;
    assert!(!changes.has_changed().unwrap());
    folder.processor().look().await;
    assert_eq!(folder.metadata.dag("one").await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn settings_say_which_dags_are_not_paused_at_first() {
    let mut folder = Folder::new().await;
    folder.settings.unpaused = vec!["demo".to_owned()];
    folder.write("a.yml", &format!("{}{}", dag("demo"), dag("other")));
    let says = dag("says").replace("schedule", "is_paused_upon_creation: false\n  schedule");
    folder.write("b.yml", &says);
    let mut processor = folder.processor();
    processor.look().await;
    let (dags, _) = folder.metadata.dags(&DagFilter::default()).await.unwrap();
    let paused: Vec<(&str, bool)> =
        dags.iter().map(|dag| (dag.dag_id.as_str(), dag.paused)).collect();
    assert_eq!(paused, [("demo", false), ("other", true), ("says", false)]);
}

#[tokio::test]
async fn python_files_are_read_by_the_parser_and_helpers_are_passed_over() {
    let mut folder = Folder::new().await;
    let python = Arc::new(FakePython::default());
    folder.settings.python = Some(Arc::clone(&python) as Arc<dyn PythonParser>);
    folder.metadata.set_variable("where", "here", None).await.unwrap();
    let text = "from airflow import DAG\n";
    folder.write("good.py", text);
    folder.write("broken.py", text);
    folder.write("helper.py", "def twice(n): return 2 * n\n");
    let mut processor = folder.processor();
    processor.look().await;
    while let Some(done) = processor.pythons.join_next().await {
        let (name, path, source, result) = done.unwrap();
        processor.accept_python(name, path, source, result).await;
    }
    assert_eq!(folder.dags().await, held(&[("good", "good.py")]));
    let dag = folder.metadata.dag("good").await.unwrap().unwrap();
    assert_eq!((dag.runtime.as_str(), dag.runtime_reason.as_str()), ("built-in", "no Airflow"));
    let errors = folder.errors().await;
    assert_eq!((errors.len(), errors[0].file.as_str()), (1, "broken.py"));
    processor.look().await;
    assert_eq!(python.asked.lock().unwrap().len(), 2, "nothing is read twice");
}

#[tokio::test]
async fn a_python_file_is_read_again_when_its_parser_could_not() {
    let mut folder = Folder::new().await;
    folder.settings.python = Some(Arc::new(FakePython::default()));
    folder.metadata.set_variable("where", "here", None).await.unwrap();
    folder.write("starting.py", "from airflow import DAG\n");
    let mut processor = folder.processor();
    for found in [0, 0, 1] {
        processor.look().await;
        while let Some(done) = processor.pythons.join_next().await {
            let (name, path, source, result) = done.unwrap();
            processor.accept_python(name, path, source, result).await;
        }
        assert_eq!(folder.dags().await.len(), found);
        folder.clock.advance(Duration::from_secs(20));
    }
    assert_eq!(folder.errors().await, []);
}

#[tokio::test]
async fn without_python_its_files_are_import_errors_that_say_why() {
    let folder = Folder::new().await;
    folder.write("a.py", "from airflow import DAG\n");
    folder.processor().look().await;
    let errors = folder.errors().await;
    assert!(errors[0].error.contains("no Python interpreter"), "{errors:?}");
}

#[tokio::test]
async fn a_thousand_files_are_in_within_seconds() {
    let folder = Folder::new().await;
    for n in 0..1_000 {
        folder.write(&format!("d{n}.yml"), &dag(&format!("dag_{n}")));
    }
    let mut processor = folder.processor();
    let looking = tokio::time::timeout(Duration::from_secs(20), processor.look());
    looking.await.unwrap();
    assert_eq!(folder.metadata.dag_states().await.unwrap().len(), 1_000);
}

async fn list(folder: &Folder, kind: AllowedKind, name: &str) {
    let entry = metadata::AllowedEntry {
        kind,
        name: name.to_owned(),
        version: None,
        added_by: "manager".to_owned(),
        added_at: wall(folder.clock.as_ref()),
    };
    folder.metadata.allow(&entry).await.unwrap();
}

#[tokio::test]
async fn operators_that_are_not_listed_are_refused_with_their_place_until_they_are() {
    let mut folder = Folder::new().await;
    folder.settings = folder.listing(false, true);
    let mut processor = folder.processor();
    let file = "d:\n  tasks:\n    - {task_id: a, operator: empty}\n    - {task_id: b, \
                operator: bash, bash_command: date}\n";
    folder.write("a.yml", file);
    processor.look().await;
    let errors = folder.errors().await;
    assert!(errors[0].error.starts_with("line 4, column 30: the operator bash is not on the list"));
    assert!(errors[0].error.contains("Deployment Manager can add it"), "{errors:?}");
    assert_eq!(folder.dags().await, []);
    list(&folder, AllowedKind::Operator, "bash").await;
    processor.look().await;
    assert_eq!(folder.errors().await, []);
    assert_eq!(folder.dags().await, held(&[("d", "a.yml")]));
    folder.metadata.disallow(AllowedKind::Operator, "bash").await.unwrap();
    processor.look().await;
    assert_eq!(folder.errors().await.len(), 1, "what was listed can be taken back");
}

#[tokio::test]
async fn with_another_list_of_packages_python_files_are_read_again() {
    let mut folder = Folder::new().await;
    folder.settings = folder.listing(true, false);
    let python = Arc::new(FakePython::default());
    folder.settings.python = Some(Arc::clone(&python) as Arc<dyn PythonParser>);
    folder.metadata.set_variable("where", "here", None).await.unwrap();
    folder.write("p.py", "from airflow import DAG");
    let mut processor = folder.processor();
    for (listed, expected) in [("one", 1), ("one", 1), ("two", 2)] {
        list(&folder, AllowedKind::Package, listed).await;
        processor.look().await;
        if let Some(done) = processor.pythons.join_next().await {
            let (name, path, source, result) = done.unwrap();
            processor.accept_python(name, path, source, result).await;
        }
        assert_eq!(python.asked.lock().unwrap().len(), expected, "{listed}");
    }
}
