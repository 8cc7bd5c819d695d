//! Lists the example's SQL files, so that the binary carries whatever `examples/users` holds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let example = Path::new("../../examples/users").canonicalize()?;
    let mut found = Vec::new();
    collect(&example, &mut found)?;
    found.sort();
    let mut text = String::from("&[\n");
    for path in &found {
        let name = path.strip_prefix(&example).map_err(io::Error::other)?;
        writeln!(text, "    ({name:?}, include_str!({path:?})),").map_err(io::Error::other)?;
    }
    text.push_str("]\n");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("no OUT_DIR"))?;
    fs::write(PathBuf::from(out).join("example.rs"), text)
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
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            found.push(path);
        }
    }
    Ok(())
}
