//! `millstream sql QUERY`: one query over the project's topics and tables, rows as they come.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use engine::query::{Query, QueryError, QuerySettings, objects, query};
use futures::StreamExt as _;
use runtime::World;
use tokio::time::timeout;

use super::{Outcome, small_runtime};
use crate::cli::Format;
use crate::engine_link;
use crate::failure::Failure;
use crate::node::listening::Listening;
use crate::node::plan::Plan;
use crate::numbers;
use crate::project::Project;
use crate::screen;
use crate::screen::table::{Side, Table};

/// How often a query that gives no rows yet tells how far it is: every second.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Prints the rows of the query. The servers that it reads are often on this machine: it gives way to them.
pub(crate) fn run(sql: &str, format: Format, project: Option<&Path>, set: &[String]) -> Outcome {
    runtime::background::run("sql", || answer(sql, format, project, set))
        .map_err(|error| Failure::new(format!("cannot run the query: {error}")))?
}

fn answer(sql: &str, format: Format, project: Option<&Path>, set: &[String]) -> Outcome {
    let project = Project::find(project)?;
    let config = project.config(set)?;
    let parsed = engine_link::parse(&project.sql)?;
    let plan = Plan::decide(&config, &[])?;
    let data = project.data(None);
    let mut engine = engine_link::settings(&config, &plan, &project.directory, &data)?;
    if let Some(listening) = Listening::load(&data) {
        engine = engine_link::at(engine, &listening);
    }
    let settings = QuerySettings {
        kafka: engine.kafka,
        cassandra: engine.cassandra,
        memory_bytes: usize::try_from(config.size("sql.memory")?).unwrap_or(usize::MAX),
        spill_dir: std::env::temp_dir(),
        parallelism: engine.parallelism,
        now_micros: World::real(config.durability()?).clock.wall_micros(),
    };
    let runtime = small_runtime()?;
    runtime.block_on(async {
        let work = async {
            let query = query(&settings, &parsed, sql).await.map_err(|error| refused(&error))?;
            print(query, format).await
        };
        tokio::select! {
            done = work => done,
            // Dropping the query removes what it spilled.
            _ = tokio::signal::ctrl_c() => Err(Failure::new("interrupted")),
        }
    })?;
    Ok(())
}

fn refused(error: &QueryError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error.next_step() {
        Some(next) => failure.next(next),
        None => failure,
    }
}

async fn print(mut query: Query, format: Format) -> Result<(), Failure> {
    let names = query.names.clone();
    if format == Format::Csv {
        screen::say(&csv(names.iter().map(String::as_str)));
    }
    let mut count = 0;
    while let Some(batch) = next(&mut query).await {
        let batch = batch.map_err(|error| Failure::new(format!("the query broke: {error}")))?;
        if batch.num_rows() == 0 {
            continue;
        }
        let lines = lines(&names, &batch, format, count == 0)
            .map_err(|error| Failure::new(format!("a value cannot be shown: {error}")))?;
        if !lines.iter().all(|line| screen::say(line)) {
            return Ok(());
        }
        count += batch.num_rows();
    }
    let undecoded = query.undecoded.load(Ordering::Relaxed);
    if undecoded > 0 {
        screen::note(&format!("{undecoded} records did not decode and are not in the rows"));
    }
    if format == Format::Table {
        let spilled = query.spilled_bytes();
        let note = match spilled {
            0 => String::new(),
            _ => format!("; {} did not fit in memory and went over disk", numbers::bytes(spilled)),
        };
        let rows = if count == 1 { "row" } else { "rows" };
        screen::note(&format!("{count} {rows}{note}"));
    }
    Ok(())
}

/// The next batch. A wait of over a second is told on the terminal.
async fn next(query: &mut Query) -> Option<Result<RecordBatch, DataFusionError>> {
    let mut seconds = 0;
    loop {
        let Ok(batch) = timeout(PROGRESS_INTERVAL, query.rows.next()).await else {
            seconds += 1;
            screen::progress(&format!(
                "{} records read, {} gone over disk, {seconds} s",
                numbers::count(query.read.load(Ordering::Relaxed)),
                numbers::bytes(query.spilled_bytes()),
            ));
            continue;
        };
        if seconds > 0 {
            screen::progress("");
        }
        return batch;
    }
}

/// The lines of a batch. Columns of a table align within a batch; its header comes once.
fn lines(
    names: &[String],
    batch: &RecordBatch,
    format: Format,
    first: bool,
) -> Result<Vec<String>, ArrowError> {
    let options =
        FormatOptions::default().with_null(if format == Format::Csv { "" } else { "NULL" });
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    let cell = |column: usize, row: usize| columns[column].value(row).to_string();
    let rows = 0..batch.num_rows();
    Ok(match format {
        Format::Csv => rows
            .map(|row| {
                let cells: Vec<_> = (0..names.len()).map(|column| cell(column, row)).collect();
                csv(cells.iter().map(String::as_str))
            })
            .collect(),
        Format::Json => objects(names, batch)?.iter().map(ToString::to_string).collect(),
        Format::Table => {
            let side = |at: usize| match batch.column(at).data_type().is_numeric() {
                true => Side::Right,
                false => Side::Left,
            };
            let header: Vec<_> =
                names.iter().enumerate().map(|(at, name)| (name.as_str(), side(at))).collect();
            let mut table = Table::new(&header);
            for row in rows {
                table.row((0..names.len()).map(|column| cell(column, row)).collect());
            }
            table.lines().into_iter().skip(usize::from(!first)).collect()
        }
    })
}

fn csv<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let quoted = cells.map(|cell| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    });
    quoted.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_with_a_comma_or_quote_is_quoted() {
        assert_eq!(csv(["a", "b,c", "d\"e"].into_iter()), "a,\"b,c\",\"d\"\"e\"");
    }
}
