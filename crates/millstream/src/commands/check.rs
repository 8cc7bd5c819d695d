//! `millstream check`: reads settings and SQL, starts nothing.

use std::path::Path;

use super::Outcome;
use crate::engine_link;
use crate::project::Project;
use crate::screen;

/// Prints what the project holds, or everything that is wrong with it.
pub(crate) fn run(project: Option<&Path>, set: &[String]) -> Outcome {
    let project = Project::find(project)?;
    let settings = project.config(set).err().unwrap_or_default();
    match engine_link::parse(&project.sql) {
        Ok(parsed) if settings.is_empty() => {
            for line in engine_link::outline(&parsed) {
                screen::say(&line);
            }
            screen::say(&format!("{}: no mistakes found", project.name));
            Ok(())
        }
        Ok(_) => Err(settings),
        Err(sql) => Err(settings.into_iter().chain(sql).collect()),
    }
}
