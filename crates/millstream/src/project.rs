//! A project: a directory with `millstream.toml` and SQL files, or the example that is built in.
//!
//! Never does: understand SQL. The engine does.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::config::layers::Layers;
use crate::failure::Failure;

/// The project's file of settings.
pub(crate) const SETTINGS_FILE: &str = "millstream.toml";
/// Where a project's DAG files lie.
pub(crate) const DAGS_DIRECTORY: &str = "dags";
/// The example's place in a checkout.
const CHECKOUT_EXAMPLE: &str = "examples/users";
/// Bounds on what is read, so that a wrong directory fails fast: files, directory levels, bytes.
const FILES_MAX: usize = 1_000;
const DEPTH_MAX: usize = 8;
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A project that was found and read.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// Its directory; for the built-in example the current one.
    pub(crate) directory: PathBuf,
    /// Its name for people.
    pub(crate) name: String,
    /// Path for messages and text of its settings, if it has any.
    pub(crate) settings: Option<(PathBuf, String)>,
    /// Paths for messages and texts of its SQL files, sorted by path.
    pub(crate) sql: Vec<(PathBuf, String)>,
    /// Whether it is the example that is built in, without a directory of its own.
    built_in: bool,
}

impl Project {
    /// Finds and reads the project a command is about.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self, Failure> {
        match named {
            Some(directory) => Self::read(directory),
            None if Path::new(SETTINGS_FILE).is_file() => Self::read(Path::new(".")),
            None if Path::new(CHECKOUT_EXAMPLE).join(SETTINGS_FILE).is_file() => {
                Self::read(Path::new(CHECKOUT_EXAMPLE))
            }
            None => Ok(Self::example()),
        }
    }

    /// The example that is built in. Its data goes to the current directory.
    pub(crate) fn example() -> Self {
        let at = |path: &str| Path::new("(built-in example)").join(path);
        Self {
            directory: PathBuf::from("."),
            name: "users (built-in example)".to_owned(),
            settings: Some((at(SETTINGS_FILE), EXAMPLE_SETTINGS.to_owned())),
            sql: EXAMPLE_SQL.iter().map(|(path, text)| (at(path), (*text).to_owned())).collect(),
            built_in: true,
        }
    }

    fn read(directory: &Path) -> Result<Self, Failure> {
        if !directory.is_dir() {
            return Err(Failure::new(format!("no directory {}", directory.display()))
                .next("name the project's directory, or make one: millstream new NAME"));
        }
        let path = display_path(directory, SETTINGS_FILE);
        let settings = path.is_file().then(|| read_file(&path)).transpose()?;
        let mut paths = Vec::new();
        collect(directory, &[".sql"], DEPTH_MAX, &mut paths)?;
        if settings.is_none() && paths.is_empty() {
            return Err(Failure::new(format!(
                "{} is no project: it has neither {SETTINGS_FILE} nor a .sql file",
                directory.display()
            ))
            .next("name the project's directory, or make one: millstream new NAME"));
        }
        paths.sort();
        let sql = paths
            .into_iter()
            .map(|path| read_file(&path).map(|text| (path, text)))
            .collect::<Result<_, _>>()?;
        let name = directory
            .canonicalize()
            .ok()
            .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .unwrap_or_else(|| directory.display().to_string());
        let settings = settings.map(|text| (path, text));
        Ok(Self { directory: directory.to_owned(), name, settings, sql, built_in: false })
    }

    /// The settings under the project's file, the environment and `--set` flags.
    pub(crate) fn config(&self, flags: &[String]) -> Result<Config, Vec<Failure>> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Layers { file: self.settings.clone(), environment, flags: flags.to_vec() }.resolve()
    }

    /// Paths for messages and texts of the DAG files in YAML, sorted by path. The built-in example has none.
    pub(crate) fn dag_files(&self) -> Result<Vec<(PathBuf, String)>, Failure> {
        let directory = display_path(&self.directory, DAGS_DIRECTORY);
        let mut paths = Vec::new();
        if directory.is_dir() {
            collect(&directory, &[".yml", ".yaml"], DEPTH_MAX, &mut paths)?;
        }
        paths.sort();
        paths.into_iter().map(|path| read_file(&path).map(|text| (path, text))).collect()
    }

    /// Where its DAG files lie. Those of the built-in example are written into the data directory.
    pub(crate) fn dags(&self, data: &Path) -> Result<PathBuf, Failure> {
        if !self.built_in {
            return Ok(display_path(&self.directory, DAGS_DIRECTORY));
        }
        let directory = data.join("example").join(DAGS_DIRECTORY);
        let written = std::fs::create_dir_all(&directory).and_then(|()| {
            EXAMPLE_DAGS
                .iter()
                .try_for_each(|(name, text)| std::fs::write(directory.join(name), text))
        });
        written.map_err(|error| {
            Failure::new(format!(
                "cannot write the example's DAGs to {}: {error}",
                directory.display()
            ))
            .next("make it writable for this user, or name another: --data DIR")
        })?;
        Ok(directory)
    }

    /// The data directory: the flag's, or `data` in the project.
    pub(crate) fn data(&self, flag: Option<&Path>) -> PathBuf {
        flag.map_or_else(|| display_path(&self.directory, "data"), Path::to_owned)
    }
}

/// Joins without a leading `./`, which adds nothing to a message.
fn display_path(directory: &Path, name: &str) -> PathBuf {
    if directory == Path::new(".") { PathBuf::from(name) } else { directory.join(name) }
}

fn read_file(path: &Path) -> Result<String, Failure> {
    let refused = |why: String| Failure::new(format!("cannot read {}: {why}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| refused(error.to_string()))?.len();
    if length > FILE_BYTES_MAX {
        return Err(refused(format!("it has {length} bytes, the limit is {FILE_BYTES_MAX}")));
    }
    std::fs::read_to_string(path)
        .map_err(|error| refused(error.to_string()).next("make the file readable, and UTF-8 text"))
}

/// Collects the files below a directory whose names end so, but not those of hidden, data and tests
/// directories.
fn collect(
    directory: &Path,
    endings: &[&str],
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    let refused = |why: String| {
        Failure::new(format!("cannot read the directory {}: {why}", directory.display()))
    };
    if depth == 0 {
        return Ok(());
    }
    for entry in std::fs::read_dir(directory).map_err(|error| refused(error.to_string()))? {
        let entry = entry.map_err(|error| refused(error.to_string()))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type().map_err(|error| refused(error.to_string()))?;
        let path = display_path(directory, &name);
        if kind.is_dir() {
            let skipped = name.starts_with('.') || ["data", "tests", "target"].contains(&&*name);
            if !skipped {
                collect(&path, endings, depth - 1, found)?;
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
        if found.len() > FILES_MAX {
            return Err(refused(format!(
                "it has more than {FILES_MAX} {} files",
                endings.join(", ")
            ))
            .next("name the project's own directory"));
        }
    }
    Ok(())
}

/// The example's settings.
pub(crate) const EXAMPLE_SETTINGS: &str = include_str!("../../../examples/users/millstream.toml");
/// The example's SQL files.
pub(crate) const EXAMPLE_SQL: &[(&str, &str)] =
    include!(concat!(env!("OUT_DIR"), "/example_sql.rs"));
/// The example's DAG files.
const EXAMPLE_DAGS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/example_dags.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_files_are_found_sorted_and_data_is_skipped() {
        let directory = tempfile::tempdir().unwrap();
        for path in ["b.sql", "a/x.sql", "data/no.sql", ".git/no.sql", "readme.md"] {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "SELECT 1").unwrap();
        }
        let project = Project::read(directory.path()).unwrap();
        let names: Vec<_> = project
            .sql
            .iter()
            .map(|(path, _)| path.strip_prefix(directory.path()).unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["a/x.sql", "b.sql"]);
    }

    #[test]
    fn a_directory_that_is_no_project_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let text = Project::read(directory.path()).unwrap_err().to_string();
        assert!(text.contains("is no project") && text.contains("millstream new"), "{text}");
    }
}
