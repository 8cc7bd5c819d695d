//! `millstream new NAME`: a project directory with a stream that runs.

use std::path::Path;

use crate::failure::Failure;
use crate::project::{EXAMPLE_SETTINGS, EXAMPLE_SQL, SETTINGS_FILE};
use crate::screen;

/// What git should not keep.
const GITIGNORE: &str = "data/\n";

/// Makes the directory and its files. Never overwrites: a directory with content is refused.
pub(crate) fn run(name: &Path) -> Result<(), Failure> {
    let occupied = std::fs::read_dir(name).is_ok_and(|mut entries| entries.next().is_some());
    if occupied || name.is_file() {
        return Err(Failure::new(format!("{} exists and is not empty", name.display()))
            .next("choose another name, or work in it: millstream check"));
    }
    let files = std::iter::once((SETTINGS_FILE, EXAMPLE_SETTINGS))
        .chain(EXAMPLE_SQL.iter().copied())
        .chain([(".gitignore", GITIGNORE)]);
    let mut made = Vec::new();
    for (path, text) in files {
        let path = name.join(path);
        write(&path, text).map_err(|error| {
            Failure::new(format!("cannot write {}: {error}", path.display()))
                .next("choose a directory that this user may write")
        })?;
        made.push(path);
    }
    for path in &made {
        screen::say(&format!("made {}", path.display()));
    }
    screen::say(&format!("\nrun it: millstream up {}", name.display()));
    Ok(())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_content_is_not_touched() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("mine"), "x").unwrap();
        let text = run(directory.path()).unwrap_err().to_string();
        assert!(text.contains("exists and is not empty"), "{text}");
        assert!(!directory.path().join(SETTINGS_FILE).exists());
    }
}
