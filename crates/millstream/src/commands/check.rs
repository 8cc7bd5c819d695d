//! `millstream check`: reads settings, SQL and DAG files, starts nothing.

use std::path::Path;

use super::{Outcome, dags};
use crate::engine_link;
use crate::project::Project;
use crate::screen;

/// Prints what the project holds, or everything that is wrong with it.
pub(crate) fn run(project: Option<&Path>, set: &[String]) -> Outcome {
    let project = Project::find(project)?;
    let settings = project.config(set).err().unwrap_or_default();
    let (parsed, sql) = match engine_link::parse(&project.sql) {
        Ok(parsed) => (Some(parsed), Vec::new()),
        Err(sql) => (None, sql),
    };
    let (dags, files) = match dags::read(&project) {
        Ok(dags) => (dags, Vec::new()),
        Err(files) => (Vec::new(), files),
    };
    let failures: Vec<_> = settings.into_iter().chain(sql).chain(files).collect();
    if !failures.is_empty() {
        return Err(failures);
    }
    for line in parsed.iter().flat_map(engine_link::outline).chain(dags::outline(&dags)) {
        screen::say(&line);
    }
    screen::say(&format!("{}: no mistakes found", project.name));
    Ok(())
}
