//! The data directory belongs to one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The lock of a data directory. The operating system frees it when the process ends, however it
/// ends, so a file that is left behind locks nobody out.
#[derive(Debug)]
pub(crate) struct DataLock {
    _file: File,
}

impl DataLock {
    /// Makes the directory if needed, and takes its lock.
    pub(crate) fn take(data: &Path) -> Result<Self, Failure> {
        let unwritable = |error: std::io::Error| {
            Failure::new(format!("cannot write the data directory {}: {error}", data.display()))
                .next("make it writable for this user, or name another: --data DIR")
        };
        std::fs::create_dir_all(data).map_err(unwritable)?;
        let path = lock_path(data);
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(data, &mut file)),
            Err(TryLockError::Error(error)) => return Err(unwritable(error)),
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(unwritable)?;
        Ok(Self { _file: file })
    }
}

fn lock_path(data: &Path) -> PathBuf {
    data.join("lock")
}

fn taken(data: &Path, file: &mut File) -> Failure {
    let mut owner = String::new();
    // The number is a courtesy; the refusal stands without it.
    let owner = match file.take(20).read_to_string(&mut owner) {
        Ok(_) if !owner.trim().is_empty() => format!(" {}", owner.trim()),
        _ => String::new(),
    };
    Failure::new(format!("the data directory {} is in use by process{owner}", data.display()))
        .next("stop that process, or name another directory: --data DIR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_until_the_first_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let first = DataLock::take(directory.path()).unwrap();
        let text = DataLock::take(directory.path()).unwrap_err().to_string();
        assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
        drop(first);
        DataLock::take(directory.path()).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let text = DataLock::take(&file.join("data")).unwrap_err().to_string();
        assert!(text.contains("cannot write the data directory"), "{text}");
    }
}
