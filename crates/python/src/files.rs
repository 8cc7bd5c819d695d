//! The Python files that lie in this program, and where they are written for an interpreter to read.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../py/", $name)))),+]
    };
}

/// Names below the directory, and texts.
const FILES: &[(&str, &str)] = embedded![
    "airflow2_names.py",
    "airflow_driver.py",
    "builtin_driver.py",
    "detect.py",
    "kafka_watch.py",
    "zygote.py",
    "builtin/airflow/__init__.py",
    "builtin/airflow/_base.py",
    "builtin/airflow/_context.py",
    "builtin/airflow/_dag.py",
    "builtin/airflow/_decorators.py",
    "builtin/airflow/_exceptions.py",
    "builtin/airflow/_graph.py",
    "builtin/airflow/_host.py",
    "builtin/airflow/_names.py",
    "builtin/airflow/_operators.py",
    "builtin/airflow/_pendulum.py",
    "builtin/airflow/_schedule.py",
    "builtin/airflow/_values.py",
];

/// What looks at an interpreter.
pub(crate) const DETECT: &str = include_str!("../py/detect.py");

/// Writes the files into a directory of their own below `scratch`, and tells which. Versions of this
/// program that differ in a file have directories that differ.
pub(crate) fn write_out(scratch: &Path) -> io::Result<PathBuf> {
    let root = scratch.join("python").join(format!("{:016x}", digest()));
    make(&root)?;
    for (name, text) in all() {
        let path = root.join(name);
        if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        if let Some(folder) = path.parent() {
            make(folder)?;
        }
        // Whoever reads it meanwhile sees the whole file or none.
        let part = path.with_extension(format!("{}.part", std::process::id()));
        fs::write(&part, text)?;
        fs::rename(&part, &path)?;
    }
    Ok(root)
}

/// Airflow's home: what it writes beside its logs goes here.
pub(crate) fn home(scratch: &Path) -> io::Result<PathBuf> {
    let home = scratch.join("python").join("home");
    make(&home)?;
    Ok(home)
}

/// The files of this crate, and the executor's guard of imports.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().copied().chain([("guard.py", executor::GUARD)])
}

/// A directory that nobody else may look into.
fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// FNV-1a over names and texts.
fn digest() -> u64 {
    let bytes = all().flat_map(|(name, text)| name.bytes().chain([0]).chain(text.bytes()));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::{FILES, write_out};
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_python_file_of_this_crate_is_written_out() {
        let scratch = tempfile::tempdir().unwrap();
        let root = write_out(scratch.path()).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("py");
        let mut folders = vec![source.clone()];
        let mut there = BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|kind| kind == "py") {
                    there.insert(path.strip_prefix(&source).unwrap().display().to_string());
                }
            }
        }
        let listed: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(listed, there);
        for name in listed {
            assert!(root.join(&name).is_file(), "{name}");
        }
    }

    #[test]
    fn a_file_that_was_changed_on_disk_is_written_again() {
        let scratch = tempfile::tempdir().unwrap();
        let root = write_out(scratch.path()).unwrap();
        std::fs::write(root.join("zygote.py"), "import evil").unwrap();
        write_out(scratch.path()).unwrap();
        let text = std::fs::read_to_string(root.join("zygote.py")).unwrap();
        assert!(text.starts_with("\"\"\"The fork server"), "{text}");
    }
}
