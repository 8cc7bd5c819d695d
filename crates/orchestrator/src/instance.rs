//! Which orchestrators are alive.
//!
//! Each has a name of its own and holds the lock of a file of that name while it lives: the system gives
//! the lock back when a process ends, however it ends. Whoever finds a try under the name of another asks
//! the file. A name begins with that of its data directory: of an orchestrator with another directory on
//! the same database, perhaps on another machine, there is no file to ask. It is dead once it has not said
//! that it lives for [`STRANGER_SILENT`], by the database's table of orchestrators.

use crate::Error;
use chrono::{DateTime, TimeDelta, Utc};
use metadata::OrchestratorSeen;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// An orchestrator with another data directory is dead after so much silence: many times the pause between
/// its signs of life, and more than clocks differ.
const STRANGER_SILENT: TimeDelta = TimeDelta::minutes(2);
/// After a longer pause between its own signs of life an orchestrator asks itself whether others had one too.
const OWN_SILENCE_MAX: Duration = Duration::from_secs(60);
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

    /// Whether the orchestrator of this name is dead; a task without one has nobody who lives. `seen` are
    /// those that said that they live; `None`: strangers cannot be judged now, and live.
    pub(crate) fn dead(
        &self,
        name: &str,
        seen: Option<&[OrchestratorSeen]>,
        now: DateTime<Utc>,
    ) -> bool {
        if name.is_empty() {
            return true;
        }
        if name == self.name {
            return false;
        }
        if name.split('.').next() != Some(self.directory.as_str()) || name.contains(['/', '\\']) {
            let Some(seen) = seen else { return false };
            let last = seen.iter().find(|one| one.name == name).map(|one| one.seen_at);
            return last.is_none_or(|last| now - last > STRANGER_SILENT);
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

/// The own signs of life, as far as the silence of strangers is judged by them.
///
/// Where a database was away for minutes nobody could speak: who then took the others for dead would start
/// their tasks beside them. So whoever starts, or was silent for long, lets them speak first.
#[derive(Debug, Default)]
pub(crate) struct Voice {
    last: Option<Instant>,
    since: Option<Instant>,
}

impl Voice {
    /// A sign of life was written.
    pub(crate) fn spoke(&mut self, now: Instant) {
        if self.last.is_none_or(|last| now.duration_since(last) > OWN_SILENCE_MAX) {
            self.since = Some(now);
        }
        self.last = Some(now);
    }

    /// Whether strangers that live have had time to say so.
    pub(crate) fn heard_others(&self, now: Instant) -> bool {
        let silent = STRANGER_SILENT.to_std().unwrap_or_default();
        self.since.is_some_and(|since| now.duration_since(since) >= silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn an_orchestrator_is_dead_once_it_is_gone_and_not_before() {
        let data = tempfile::tempdir().unwrap();
        let one = Instance::enter(data.path()).unwrap();
        let other = Instance::enter(data.path()).unwrap();
        let dead = |asked: &Instance, name: &str| asked.dead(name, Some(&[]), at(0));
        assert_ne!(one.name(), other.name());
        assert!(!dead(&one, one.name()) && !dead(&one, other.name()) && !dead(&other, one.name()));
        let name = other.name().to_owned();
        drop(other);
        assert!(dead(&one, &name));
    }

    #[test]
    fn a_killed_one_is_dead_though_its_file_is_there() {
        let data = tempfile::tempdir().unwrap();
        let one = Instance::enter(data.path()).unwrap();
        let killed = format!("{}.{:016x}", one.directory, 5);
        let path = lock_path(&one.folder, &killed);
        fs::write(&path, "").unwrap();
        assert!(one.dead(&killed, Some(&[]), at(0)));
        let next = Instance::enter(data.path()).unwrap();
        assert!(!path.exists(), "what the dead left is removed");
        assert!(!next.dead(one.name(), Some(&[]), at(0)));
    }

    #[test]
    fn strangers_are_dead_when_they_have_said_nothing_for_long() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let one = Instance::enter(here.path()).unwrap();
        let name = Instance::enter(there.path()).unwrap().name().to_owned();
        let seen = OrchestratorSeen { name: name.clone(), started_at: at(0), seen_at: at(10) };
        let seen = [seen];
        assert!(!one.dead(&name, Some(&seen), at(12)));
        assert!(one.dead(&name, Some(&seen), at(13)));
        assert!(one.dead(&name, Some(&[]), at(0)));
        assert!(!one.dead(&name, None, at(13)), "nobody is judged");
        assert!(one.dead("", None, at(13)), "whose try is nobody's, nobody runs it");
    }

    #[test]
    fn strangers_are_let_speak_after_a_start_and_after_a_silence_of_all() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut voice = Voice::default();
        assert!(!voice.heard_others(at(500)));
        for seconds in (0..=120).step_by(5) {
            voice.spoke(at(seconds));
        }
        assert!(!voice.heard_others(at(119)) && voice.heard_others(at(120)));
        voice.spoke(at(400));
        assert!(!voice.heard_others(at(519)) && voice.heard_others(at(520)));
    }
}
