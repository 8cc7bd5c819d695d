//! What neither rustfmt nor clippy checks: headers, file lengths, characters, machine paths.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file, in lines.
const LINES_MAX: usize = 700;
/// Folders of one machine that must not appear in a source.
const MACHINE_PATHS: &[&str] = &["/work/", "/root/", "/home/"];
/// Folders that hold no sources of ours.
const SKIPPED: &[&str] = &["target", ".git", "node_modules"];
/// Deepest folder that is looked into.
const DEPTH_MAX: usize = 12;

/// Checks every Rust file below `crates` and `xtask`.
pub(crate) fn run(root: &Path) -> Result<String, String> {
    let mut files = Vec::new();
    for part in ["crates", "xtask"] {
        collect(&root.join(part), 0, &mut files)?;
    }
    files.sort();
    let mut problems = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
        problems.extend(check(&text).into_iter().map(|problem| format!("{shown}: {problem}")));
    }
    if problems.is_empty() {
        return Ok(format!("tidy: {} files, nothing to say", files.len()));
    }
    problems.push(format!("tidy: {} problems", problems.len()));
    Err(problems.join("\n"))
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Ok(());
    }
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                collect(&path, depth + 1, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The problems of one file's text.
fn check(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !text.starts_with("//!") {
        problems.push("does not begin with //! that says what it is".to_string());
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        problems.push(format!("has {lines} lines; the limit is {LINES_MAX}: split it"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(ch) = line.chars().find(|ch| !ch.is_ascii()) {
            problems.push(format!("line {number} has {ch:?}; write it as \\u{{..}}"));
        }
        // The list above is the one place where these may stand.
        let listed = line.contains("MACHINE_PATHS") || line.contains("machine path:");
        if !listed && MACHINE_PATHS.iter().any(|path| line.contains(path)) {
            problems.push(format!("line {number} has a path of one machine"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_problem() {
        assert!(check("//! A file.\nfn main() {}\n").is_empty());
        assert_eq!(check("fn main() {}\n").len(), 1);
        assert_eq!(check("//! \u{e9}\n").len(), 1);
        let path = format!("//! Header.\n// {}x\n", MACHINE_PATHS[0]);
        assert_eq!(check(&path).len(), 1);
        assert_eq!(check(&format!("//! Header.\n{}", "\n".repeat(LINES_MAX))).len(), 1);
    }
}
