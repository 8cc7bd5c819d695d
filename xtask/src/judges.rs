//! Runs the judges of `judges/` on a fresh build: installs what they need, then calls `judges/all.py`.
//!
//! All judging is in the Python programs; this only builds, installs and starts them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs all judges, or those that `options` name; an error if anything failed.
///
/// `--binary PATH` takes a binary instead of building one and `--work DIR` a directory for clients
/// instead of one below the system's temporary directory; the rest goes to `judges/all.py`.
pub(crate) fn run(root: &Path, options: impl Iterator<Item = String>) -> Result<String, String> {
    let mut options: Vec<String> = options.collect();
    let work = match take(&mut options, "--work")? {
        Some(work) => PathBuf::from(work),
        None => std::env::temp_dir().join("millstream-judges"),
    };
    let binary = match take(&mut options, "--binary")? {
        Some(binary) => PathBuf::from(binary),
        None => build(root)?,
    };
    let venv = work.join("venv");
    std::fs::create_dir_all(&work)
        .map_err(|error| format!("cannot make {}: {error}", work.display()))?;
    step(Command::new(root.join("judges/setup.sh")).arg(&venv))?;
    let mut all = Command::new(venv.join("bin/python"));
    all.arg(root.join("judges/all.py")).arg(binary).arg("--work").arg(&work).args(options);
    step(&mut all)?;
    Ok("judges: all passed".into())
}

/// Takes an option and its value out of the list.
fn take(options: &mut Vec<String>, name: &str) -> Result<Option<String>, String> {
    let Some(at) = options.iter().position(|option| option == name) else {
        return Ok(None);
    };
    if at + 1 >= options.len() {
        return Err(format!("{name} needs a value"));
    }
    options.remove(at);
    Ok(Some(options.remove(at)))
}

/// Builds the binary with the whole workspace's features; returns its path.
fn build(root: &Path) -> Result<PathBuf, String> {
    let mut cargo = Command::new(crate::cargo());
    step(cargo.args(["build", "--release", "--bin", "millstream"]).current_dir(root))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release").join("millstream"))
}

fn step(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{} ended with {status}", command.get_program().display())),
        Err(error) => Err(format!("cannot run {}: {error}", command.get_program().display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_taken_with_its_value_and_the_rest_stays() {
        let mut options = ["--only", "clients", "--work", "w"].map(String::from).to_vec();
        assert_eq!(take(&mut options, "--work"), Ok(Some("w".into())));
        assert_eq!(take(&mut options, "--binary"), Ok(None));
        assert_eq!(options, ["--only", "clients"]);
        assert!(take(&mut ["--work".to_string()].to_vec(), "--work").is_err());
    }
}
