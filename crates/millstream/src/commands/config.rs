//! `millstream config explain KEY` and `millstream config defaults`.

use std::path::Path;

use super::Outcome;
use crate::cli::ConfigAction;
use crate::config::{defaults, keys};
use crate::project::Project;
use crate::screen;

/// Prints one setting, or the file of defaults.
pub(crate) fn run(action: ConfigAction, set: &[String]) -> Outcome {
    match action {
        ConfigAction::Explain { key, project } => explain(&key, project.as_deref(), set),
        ConfigAction::Defaults => {
            screen::write(defaults::DEFAULTS.as_bytes());
            Ok(())
        }
    }
}

fn explain(key: &str, project: Option<&Path>, set: &[String]) -> Outcome {
    let (name, _) = keys::find(key).ok_or_else(|| keys::unknown(key))?;
    let config = Project::find(project)?.config(set)?;
    let setting = config.setting(name)?;
    let mut lines = vec![
        format!("{name} = {:?}", setting.text),
        format!("  from      {}", setting.origin),
        format!("  variable  {}", keys::variable(name)),
        String::new(),
    ];
    lines.extend(defaults::words(name).into_iter().map(|line| format!("  {line}")));
    for line in lines {
        screen::say(line.trim_end());
    }
    Ok(())
}
