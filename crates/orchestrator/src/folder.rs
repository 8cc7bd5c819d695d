//! The folder of DAG files: what lies in it, looked at cheaply.
//!
//! A look opens no file. It goes down a bounded way, takes a bounded number of files, passes over names
//! that start with `.` or `_`, and follows no link that leads out of the folder.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Folders in folders.
const DEPTH_MAX: usize = 16;
/// Files of one project.
pub const FILES_MAX: usize = 10_000;
/// Entries of all folders that are looked at in one go, files or not.
const ENTRIES_MAX: usize = 100_000;
/// The longest file that is read, bytes.
pub(crate) const FILE_BYTES_MAX: u64 = dagfile::FILE_BYTES_MAX as u64;

/// Who reads a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// This program.
    Yaml,
    /// A Python interpreter.
    Python,
}

/// What tells one state of a file from another without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

/// A DAG file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) language: Language,
    pub(crate) stamp: Stamp,
}

/// What a look at the folder gave: files by their names below it, with `/`.
#[derive(Debug, Default)]
pub(crate) struct Look {
    pub(crate) files: BTreeMap<String, Found>,
    /// Whether there was more than is looked at.
    pub(crate) cut_short: bool,
}

/// Looks at the folder. One that is not there holds nothing.
pub(crate) fn look(folder: &Path) -> io::Result<Look> {
    let root = match fs::canonicalize(folder) {
        Ok(root) => root,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Look::default()),
        Err(error) => return Err(error),
    };
    let mut walk = Walk { root: &root, look: Look::default(), entries: 0 };
    walk.folder(&root, "", 0)?;
    Ok(walk.look)
}

struct Walk<'root> {
    root: &'root Path,
    look: Look,
    entries: usize,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, below: &str, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            self.entries += 1;
            if self.entries > ENTRIES_MAX || self.look.files.len() >= FILES_MAX {
                self.look.cut_short = true;
                return Ok(());
            }
            // A name that is not text is no DAG file's.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with(['.', '_']) {
                continue;
            }
            let relative = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
            // What is gone by now, or may not be looked at, is not there.
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if depth == DEPTH_MAX {
                    self.look.cut_short = true;
                } else {
                    let inside = self.folder(&entry.path(), &relative, depth + 1);
                    passing_over_what_is_gone(inside)?;
                }
            } else if let Some(language) = language(&name)
                && let Some((path, metadata)) = self.file(&entry.path(), kind.is_symlink())
            {
                let stamp = Stamp { modified: metadata.modified().ok(), bytes: metadata.len() };
                self.look.files.insert(relative, Found { path, language, stamp });
            }
        }
        Ok(())
    }

    /// A regular file, or what a link leads to if that is one in the folder.
    fn file(&self, path: &Path, link: bool) -> Option<(PathBuf, Metadata)> {
        let path = if link { fs::canonicalize(path).ok()? } else { path.to_owned() };
        let metadata = fs::symlink_metadata(&path).ok()?;
        (metadata.is_file() && path.starts_with(self.root)).then_some((path, metadata))
    }
}

fn passing_over_what_is_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

fn language(name: &str) -> Option<Language> {
    match name.rsplit_once('.')? {
        (_, "yml" | "yaml") => Some(Language::Yaml),
        (_, "py") => Some(Language::Python),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        look(folder).unwrap().files.into_keys().collect()
    }

    #[test]
    fn dag_files_are_found_in_folders_and_hidden_names_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("team/deep")).unwrap();
        fs::create_dir_all(at("__pycache__")).unwrap();
        for name in [
            "a.yml",
            "team/b.yaml",
            "team/deep/c.py",
            "d.txt",
            ".e.yml",
            "_f.py",
            "__pycache__/g.py",
        ] {
            fs::write(at(name), "x").unwrap();
        }
        assert_eq!(names(folder.path()), ["a.yml", "team/b.yaml", "team/deep/c.py"]);
        assert_eq!(names(&at("nowhere")), Vec::<String>::new());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_files_in_the_folder_alone() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.yml"), "x").unwrap();
        fs::create_dir(folder.path().join("..data")).unwrap();
        fs::write(folder.path().join("..data/in.yml"), "x").unwrap();
        let link = |to: &Path, name: &str| symlink(to, folder.path().join(name)).unwrap();
        link(&outside.path().join("secret.yml"), "out.yml");
        link(Path::new("..data/in.yml"), "in.yml");
        link(Path::new("nothing"), "broken.yml");
        link(outside.path(), "folder");
        link(folder.path(), "round");
        assert_eq!(names(folder.path()), ["in.yml"]);
    }

    #[test]
    fn folders_without_end_are_looked_at_to_a_depth() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d/".repeat(DEPTH_MAX + 1));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("a.yml"), "x").unwrap();
        let look = look(folder.path()).unwrap();
        assert!(look.files.is_empty() && look.cut_short);
    }
}
