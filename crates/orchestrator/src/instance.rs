//! Which orchestrators are alive.
//!
//! Each has a name of its own and holds the lock of a file of that name while it lives: the system gives
//! the lock back when a process ends, however it ends. Whoever finds a try under the name of another asks
//! the file. A name begins with that of its data directory, so that orchestrators with different
//! directories on one database do not judge one another: the tries of a stranger are let be.

use crate::Error;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// The file that holds the directory's own name.
const DIRECTORY: &str = "directory";
/// Files of dead orchestrators that are looked at when one starts, to remove them.
const REMOVED_MAX: usize = 10_000;

/// A living orchestrator: this one.
#[derive(Debug)]
pub(crate) struct Instance {
    folder: PathBuf,
    directory: String,
    name: String,
    /// Locked until it is dropped.
    _lock: File,
}

impl Instance {
    /// Takes a new name in a data directory.
    pub(crate) fn enter(data: &Path) -> Result<Self, Error> {
        let folder = data.join("orchestrators");
        let failed = |what: &'static str, error: io::Error| Error::Instance {
            what,
            path: folder.clone(),
            error,
        };
        fs::create_dir_all(&folder).map_err(|error| failed("make the folder", error))?;
        let directory =
            directory_name(&folder).map_err(|error| failed("read the name of", error))?;
        remove_the_dead(&folder);
        let name = format!("{directory}.{:016x}", random());
        let lock = locked(&folder, &name).map_err(|error| failed("take a lock in", error))?;
        Ok(Self { folder, directory, name, _lock: lock })
    }

    /// Its name: what its tries are owned by.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the orchestrator of this name is dead, as far as can be told from here. A name may have
    /// something after a `/`.
    pub(crate) fn dead(&self, owner: &str) -> bool {
        let name = owner.split('/').next().unwrap_or(owner);
        let ours = name.split('.').next() == Some(self.directory.as_str());
        if name == self.name || !ours || name.contains(['\\', ':']) {
            return false;
        }
        match File::open(lock_path(&self.folder, name)) {
            // A shared lock, so that two who ask at a time do not find each other.
            Ok(file) => file.try_lock_shared().is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _left = fs::remove_file(lock_path(&self.folder, &self.name));
    }
}

fn lock_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.lock"))
}

/// A locked file of this name. It gets the name once it is locked, so that nobody finds it unlocked.
fn locked(folder: &Path, name: &str) -> io::Result<File> {
    let new = folder.join(format!("{name}.new"));
    let file = OpenOptions::new().create_new(true).write(true).open(&new)?;
    file.try_lock()?;
    fs::rename(&new, lock_path(folder, name))?;
    Ok(file)
}

/// The directory's own name, made when it is first asked for. Of two that make it at a time, one wins.
fn directory_name(folder: &Path) -> io::Result<String> {
    let path = folder.join(DIRECTORY);
    let made = folder.join(format!("{DIRECTORY}.{:016x}", random()));
    if !path.exists() {
        fs::write(&made, format!("{:016x}", random()))?;
        let linked = fs::hard_link(&made, &path);
        fs::remove_file(&made)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let name = fs::read_to_string(&path)?;
    let right = name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if right { Ok(name) } else { Err(io::Error::other("it is not sixteen hexadecimal digits")) }
}

/// Whose lock can be taken is dead, and a file that is not there says the same.
fn remove_the_dead(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut names: BTreeSet<PathBuf> = BTreeSet::new();
    for entry in entries.take(REMOVED_MAX).flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "lock") {
            names.insert(entry.path());
        }
    }
    for path in names {
        let dead = match File::open(&path) {
            Ok(file) => !matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
            Err(_) => false,
        };
        if dead {
            let _left = fs::remove_file(path);
        }
    }
}

/// Sixty-four bits that no other process has: the keys of the standard library's hash maps are random.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orchestrator_is_dead_once_it_is_gone_and_not_before() {
        let data = tempfile::tempdir().unwrap();
        let one = Instance::enter(data.path()).unwrap();
        let other = Instance::enter(data.path()).unwrap();
        assert_ne!(one.name(), other.name());
        assert!(!one.dead(one.name()) && !one.dead(other.name()) && !other.dead(one.name()));
        let name = format!("{}/7", other.name());
        drop(other);
        assert!(one.dead(&name));
    }

    #[test]
    fn a_killed_one_is_dead_though_its_file_is_there() {
        let data = tempfile::tempdir().unwrap();
        let one = Instance::enter(data.path()).unwrap();
        let killed = format!("{}.{:016x}", one.directory, 5);
        let path = lock_path(&one.folder, &killed);
        fs::write(&path, "").unwrap();
        assert!(one.dead(&killed));
        let next = Instance::enter(data.path()).unwrap();
        assert!(!path.exists(), "what the dead left is removed");
        assert!(!next.dead(one.name()));
    }

    #[test]
    fn strangers_are_let_be() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let one = Instance::enter(here.path()).unwrap();
        let stranger = Instance::enter(there.path()).unwrap().name().to_owned();
        assert!(!one.dead(&stranger));
        assert!(!one.dead("no name at all"));
    }
}
