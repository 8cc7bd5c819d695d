//! A project's streams, read from its SQL files: tables, their connectors, and one plan per INSERT.
//!
//! Everything that can be wrong in a file is found here, before anything runs, each with its file, line
//! and the next step.

mod connector;
mod problem;

pub use connector::{
    CassandraTable, Connector, Content, DatagenTable, FileTable, Format, HttpTable, KafkaTable,
    Metadata, Start,
};
pub use problem::{Problem, ProjectError};

use crate::plan::{self, Plan};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use dialect::{InsertDefinition, Position, Statement, TableDefinition};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A table of the project.
#[derive(Debug, Clone)]
pub struct Table {
    /// Name, in lower case.
    pub name: String,
    /// All columns, in declared order, named in lower case.
    pub schema: SchemaRef,
    /// Columns that come from the record itself, not from its value.
    pub metadata: BTreeMap<String, Metadata>,
    /// Event time.
    pub watermark: Option<Watermark>,
    /// Columns of the primary key.
    pub primary_key: Vec<String>,
    /// How values are encoded.
    pub format: Format,
    /// Where the records are.
    pub connector: Connector,
    /// The file that declares it.
    pub file: PathBuf,
    /// Where in the file.
    pub position: Position,
}

/// A table's event time and how long it waits for late records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// The column, a TIMESTAMP.
    pub column: String,
    /// Microseconds.
    pub delay: i64,
}

/// One INSERT: from a table to a table.
#[derive(Debug)]
pub struct Stream {
    /// Name: the sink table's.
    pub name: String,
    /// The file that declares it.
    pub file: PathBuf,
    /// Where in the file.
    pub position: Position,
    /// The statement, to tell an edit.
    pub text: String,
    /// The source.
    pub source: Table,
    /// The sink.
    pub sink: Table,
    /// What it does to a record.
    pub plan: Plan,
}

impl Stream {
    /// Whether it waits for a task, or a person, to start it.
    #[must_use]
    pub fn starts_by_task(&self) -> bool {
        matches!(&self.source.connector, Connector::Http(table) if table.start == Start::ByTask)
    }
}

/// All tables and streams of a project.
#[derive(Debug, Default)]
pub struct Project {
    /// By name.
    pub tables: BTreeMap<String, Table>,
    /// In the order of the files.
    pub streams: Vec<Arc<Stream>>,
}

impl Project {
    /// Reads the project's SQL files: their paths, for messages, and their texts.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn parse(files: Vec<(PathBuf, String)>) -> Result<Self, Vec<ProjectError>> {
        let mut project = Self::default();
        let mut errors = Vec::new();
        let mut inserts = Vec::new();
        for (file, text) in &files {
            match dialect::parse_statements(text) {
                Err(error) => errors.push(Problem::from(error).in_file(file, Position::default())),
                Ok(statements) => {
                    for statement in statements {
                        project.take(statement.value, file, &mut inserts, &mut errors);
                    }
                }
            }
        }
        let mut names = BTreeSet::new();
        for (file, insert) in inserts {
            let position = insert.position;
            match project.stream(&file, *insert) {
                Ok(stream) if names.insert(stream.name.clone()) => {
                    project.streams.push(Arc::new(stream));
                }
                Ok(stream) => errors.push(
                    Problem::new(format!("two statements insert into {}", stream.name))
                        .hint("declare a second table over the same topic or table, and insert into that")
                        .in_file(&file, position),
                ),
                Err(problem) => errors.push(problem.in_file(&file, position)),
            }
        }
        if errors.is_empty() { Ok(project) } else { Err(errors) }
    }

    fn take(
        &mut self,
        statement: Statement,
        file: &Path,
        inserts: &mut Vec<(PathBuf, Box<InsertDefinition>)>,
        errors: &mut Vec<ProjectError>,
    ) {
        match statement {
            Statement::CreateTable(definition) => {
                let position = definition.position;
                match Table::new(definition, file) {
                    Ok(table) if self.tables.contains_key(&table.name) => errors.push(
                        Problem::new(format!("table {} is declared twice", table.name))
                            .in_file(file, position),
                    ),
                    Ok(table) => {
                        self.tables.insert(table.name.clone(), table);
                    }
                    Err(problem) => errors.push(problem.in_file(file, position)),
                }
            }
            Statement::Insert(insert) => inserts.push((file.to_owned(), insert)),
            Statement::Query(_) => errors.push(
                Problem::new("a SELECT alone writes nothing")
                    .hint("write INSERT INTO <table> SELECT ..., or run it with `millstream sql`")
                    .in_file(file, Position::default()),
            ),
        }
    }

    fn stream(&self, file: &Path, insert: InsertDefinition) -> Result<Stream, Problem> {
        let name = insert.sink.to_lowercase();
        let names = || self.tables.keys().map(String::as_str);
        let Some(sink) = self.tables.get(&name) else {
            return Err(Problem::new(format!("no table is named {name}")).nearest(&name, names()));
        };
        let columns: Vec<String> = insert.columns.iter().map(|name| name.to_lowercase()).collect();
        let plan = plan::lower(&insert.query, sink, &columns, &self.tables)?;
        let Some(source) = self.tables.get(&plan.source) else {
            return Err(Problem::new(format!("no table is named {}", plan.source)));
        };
        check_pair(source, sink, &plan)?;
        Ok(Stream {
            name,
            file: file.to_owned(),
            position: insert.position,
            text: insert.text,
            source: source.clone(),
            sink: sink.clone(),
            plan,
        })
    }
}

/// Whether rows of this plan may go from `source` to `sink`.
fn check_pair(source: &Table, sink: &Table, plan: &Plan) -> Result<(), Problem> {
    match (&source.connector, &sink.connector) {
        (Connector::Cassandra(_), _) => {
            return Err(Problem::new(format!(
                "a stream cannot read table {} of Cassandra",
                source.name
            ))
            .hint("read it with `millstream sql`; a stream reads a topic, an HTTP API, a file or datagen"));
        }
        (_, polled) if polled.is_polled() => {
            return Err(Problem::new(format!("a stream cannot write to {}", sink.name))
                .hint("a stream writes to a table with connector 'cassandra' or 'kafka'"));
        }
        (polled, Connector::Cassandra(_)) if polled.is_polled() => {
            return Err(Problem::new("a source that is polled goes through a topic first").hint(
                "insert into a table with connector 'kafka', and from there into Cassandra",
            ));
        }
        (polled, _) if polled.is_polled() && plan.stateful() => {
            return Err(Problem::new("a stream from an HTTP API, a file or datagen only polls")
                .hint("deduplicate and aggregate in a second stream that reads the topic"));
        }
        _ => {}
    }
    if let Connector::Kafka(_) = &sink.connector
        && plan.deduplicate.is_some()
        && plan.window.is_none()
    {
        return Err(Problem::new("a topic cannot take back a row that an earlier record replaces")
            .hint(
                "write deduplicated rows to a table with connector 'cassandra', or aggregate them",
            ));
    }
    if let Connector::Cassandra(_) = &sink.connector {
        check_key(sink, plan)?;
    }
    Ok(())
}

fn check_key(sink: &Table, plan: &Plan) -> Result<(), Problem> {
    if sink.primary_key.is_empty() {
        return Err(Problem::new(format!("table {} has no primary key", sink.name))
            .hint("add PRIMARY KEY (column, ...) NOT ENFORCED: the key of the Cassandra table"));
    }
    for key in &sink.primary_key {
        if !plan.sink_columns.contains(key) {
            return Err(Problem::new(format!(
                "the INSERT does not set {key}, a column of {}'s primary key",
                sink.name
            )));
        }
    }
    if let (Some(found), None) = (&plan.deduplicate, &plan.window) {
        let named = |key: &&String| {
            let at = plan.sink_columns.iter().position(|column| column == *key);
            at.is_some() && found.output.contains(&at)
        };
        let covered = sink.primary_key.iter().filter(named).count();
        if covered != sink.primary_key.len() || covered != found.key.len() {
            return Err(Problem::new(format!(
                "the primary key of {} ({}) is not the deduplication key ({})",
                sink.name,
                sink.primary_key.join(", "),
                found.text
            ))
            .hint("deduplicate by the columns of the primary key, and select them unchanged"));
        }
    }
    Ok(())
}

impl Table {
    /// The CQL type that a column of it has in Cassandra, if it is there and made by its stream.
    #[must_use]
    pub fn cql_type(&self, column: &str) -> Option<String> {
        let Connector::Cassandra(target) = &self.connector else { return None };
        let field = self.schema.field_with_name(column).ok()?;
        Some(crate::cassandra::column_type(field, target))
    }

    /// What it stands for outside: its kind, and its name there: topic, `keyspace.table`, URL or path.
    #[must_use]
    pub fn place(&self) -> (&'static str, String) {
        match &self.connector {
            Connector::Kafka(kafka) => ("kafka", kafka.topic.clone()),
            Connector::Cassandra(target) => {
                ("cassandra", format!("{}.{}", target.keyspace, target.table))
            }
            Connector::Http(http) => ("http", http.url.clone()),
            Connector::File(file) => ("file", file.path.clone()),
            Connector::Datagen(_) => ("datagen", self.name.clone()),
        }
    }

    fn new(definition: TableDefinition, file: &Path) -> Result<Self, Problem> {
        let mut fields = Vec::new();
        let mut metadata = BTreeMap::new();
        for column in definition.columns {
            let name = column.name.to_lowercase();
            if let Some(kind) = column.metadata {
                let kind = Metadata::parse(&kind).ok_or_else(|| {
                    Problem::new(format!("a record has no property named {kind}"))
                        .nearest(&kind, Metadata::NAMES)
                        .at(column.position)
                })?;
                metadata.insert(name.clone(), kind);
            }
            fields.push(Field::new(name, column.data_type, column.nullable));
        }
        let schema = Arc::new(Schema::new(fields));
        let name = definition.name.to_lowercase();
        let watermark = definition.watermark.map(|found| -> Result<Watermark, Problem> {
            let column = found.column.to_lowercase();
            let is_time = schema.field_with_name(&column).is_ok_and(|field| {
                matches!(field.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _))
            });
            if !is_time {
                return Err(Problem::new(format!(
                    "the watermark's column {column} is not a TIMESTAMP"
                ))
                .at(found.position));
            }
            Ok(Watermark { column, delay: found.delay_ms.saturating_mul(1_000) })
        });
        let watermark = watermark.transpose()?;
        let primary_key = definition.primary_key.iter().map(|key| key.to_lowercase()).collect();
        let (connector, format) = connector::read(&name, &schema, &definition.options)?;
        Ok(Self {
            name,
            schema,
            metadata,
            watermark,
            primary_key,
            format,
            connector,
            file: file.to_owned(),
            position: definition.position,
        })
    }
}
