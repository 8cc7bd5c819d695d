//! Lists the example's SQL and DAG files, so that the binary carries whatever `examples/users` holds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let example = Path::new("../../examples/users").canonicalize()?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("no OUT_DIR"))?);
    let mut found = Vec::new();
    collect(&example, &mut found)?;
    found.sort();
    let (sql, dags): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|path| path.extension().is_some_and(|end| end == "sql"));
    fs::write(out.join("example_sql.rs"), listed(&example, &sql)?)?;
    fs::write(out.join("example_dags.rs"), listed(&example.join("dags"), &dags)?)
}

fn listed(root: &Path, files: &[PathBuf]) -> io::Result<String> {
    let mut text = String::from("&[\n");
    for path in files {
        let name = path.strip_prefix(root).map_err(io::Error::other)?;
        writeln!(text, "    ({name:?}, include_str!({path:?})),").map_err(io::Error::other)?;
    }
    text.push_str("]\n");
    Ok(text)
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut to = io::stdout().lock();
    io::Write::write_fmt(
        &mut to,
        format_args!("cargo::rerun-if-changed={}\n", directory.display()),
    )?;
    drop(to);
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let kept = ["data", "tests"].iter().all(|skipped| !path.ends_with(skipped));
        if path.is_dir() && kept {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "sql" || end == "yml" || end == "py") {
            found.push(path);
        }
    }
    Ok(())
}
