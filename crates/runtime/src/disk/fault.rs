//! A disk in memory that forgets what was not synced.
//!
//! Each file keeps two images: what a reader sees now, and what a power cut leaves. A cut may keep a
//! prefix of the unsynced tail (a torn write), chosen by a seed, so that a failure can be run again.

use super::{Disk, DiskFile};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Clone, Default)]
struct Image {
    live: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, Arc<Mutex<Image>>>,
    directories: BTreeSet<PathBuf>,
    durable_names: BTreeMap<PathBuf, Arc<Mutex<Image>>>,
    bytes_left: Option<u64>,
    syncs_left: Option<u64>,
}

/// A disk in memory with faults that a test sets.
#[derive(Debug, Clone, Default)]
pub struct FaultDisk {
    state: Arc<Mutex<State>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FaultDisk {
    /// An empty disk without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From here on, writes that grow files by more than `bytes` in all fail with `StorageFull`.
    pub fn fill_after(&self, bytes: u64) {
        lock(&self.state).bytes_left = Some(bytes);
    }

    /// From here on, all but the next `syncs` syncs fail.
    pub fn fail_sync_after(&self, syncs: u64) {
        lock(&self.state).syncs_left = Some(syncs);
    }

    /// Takes every fault away again.
    pub fn heal(&self) {
        let mut state = lock(&self.state);
        state.bytes_left = None;
        state.syncs_left = None;
    }

    /// What a power cut leaves: synced bytes under synced names, and of each unsynced tail a prefix
    /// whose length the seed chooses. Open handles to the old disk keep working on the old disk.
    #[must_use]
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let mut random = seed;
        let state = lock(&self.state);
        let mut left = State { directories: state.directories.clone(), ..State::default() };
        for (path, image) in &state.durable_names {
            let image = lock(image);
            let mut bytes = image.durable.clone();
            if image.live.len() > bytes.len() && image.live.starts_with(&bytes) {
                let tail = image.live.len() - bytes.len();
                let kept = usize::try_from(next(&mut random)).unwrap_or(usize::MAX) % (tail + 1);
                bytes.extend_from_slice(&image.live[bytes.len()..bytes.len() + kept]);
            }
            let image = Arc::new(Mutex::new(Image { live: bytes.clone(), durable: bytes }));
            left.files.insert(path.clone(), Arc::clone(&image));
            left.durable_names.insert(path.clone(), image);
        }
        Self { state: Arc::new(Mutex::new(left)) }
    }
}

/// One step of splitmix64 (Steele, Lea and Flood, 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn missing(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{} is missing", path.display()))
}

impl Disk for FaultDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let image = lock(&self.state).files.get(path).cloned().ok_or_else(|| missing(path))?;
        Ok(Box::new(FaultFile { image, state: Arc::clone(&self.state) }))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let image = Arc::clone(lock(&self.state).files.entry(path.to_owned()).or_default());
        Ok(Box::new(FaultFile { image, state: Arc::clone(&self.state) }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.directories.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let state = lock(&self.state);
        if !state.directories.contains(path) {
            return Err(missing(path));
        }
        let children = |candidate: &&PathBuf| candidate.parent() == Some(path);
        let files = state.files.keys().filter(children).cloned();
        let mut all: Vec<_> =
            files.chain(state.directories.iter().filter(children).cloned()).collect();
        all.sort();
        Ok(all)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = lock(&self.state);
        if let Some(image) = state.files.remove(from) {
            state.files.insert(to.to_owned(), image);
            return Ok(());
        }
        if !state.directories.contains(from) {
            return Err(missing(from));
        }
        let moved = |path: &PathBuf| {
            path.strip_prefix(from)
                .ok()
                .map(|rest| if rest == Path::new("") { to.to_owned() } else { to.join(rest) })
        };
        state.directories =
            state.directories.iter().map(|p| moved(p).unwrap_or_else(|| p.clone())).collect();
        state.files = state
            .files
            .iter()
            .map(|(p, i)| (moved(p).unwrap_or_else(|| p.clone()), Arc::clone(i)))
            .collect();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        lock(&self.state).files.remove(path).map(drop).ok_or_else(|| missing(path))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.directories.retain(|directory| !directory.starts_with(path));
        state.files.retain(|file, _| !file.starts_with(path));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = lock(&self.state);
        let live: BTreeMap<_, _> = state
            .files
            .iter()
            .filter(|(file, _)| file.parent() == Some(path))
            .map(|(file, image)| (file.clone(), Arc::clone(image)))
            .collect();
        state.durable_names.retain(|file, _| file.parent() != Some(path));
        state.durable_names.extend(live);
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        let state = lock(&self.state);
        state.files.contains_key(path) || state.directories.contains(path)
    }
}

#[derive(Debug)]
struct FaultFile {
    image: Arc<Mutex<Image>>,
    state: Arc<Mutex<State>>,
}

impl DiskFile for FaultFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let image = lock(&self.image);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(image.live.len());
        let count = buffer.len().min(image.live.len() - start);
        buffer[..count].copy_from_slice(&image.live[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + bytes.len();
        let mut image = lock(&self.image);
        let growth = end.saturating_sub(image.live.len()) as u64;
        if let Some(left) = lock(&self.state).bytes_left.as_mut() {
            if growth > *left {
                *left = 0;
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            *left -= growth;
        }
        if image.live.len() < end {
            image.live.resize(end, 0);
        }
        image.live[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        if let Some(left) = lock(&self.state).syncs_left.as_mut() {
            if *left == 0 {
                return Err(io::Error::other("the disk refused to sync"));
            }
            *left -= 1;
        }
        let mut image = lock(&self.image);
        image.durable = image.live.clone();
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        lock(&self.image).live.resize(length, 0);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(lock(&self.image).live.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_cut_leaves_synced_bytes_under_synced_names() {
        let disk = FaultDisk::new();
        let directory = Path::new("/d");
        disk.create_dir_all(directory).unwrap();
        let kept = disk.create(&directory.join("kept")).unwrap();
        kept.write_at(b"synced", 0).unwrap();
        kept.sync().unwrap();
        disk.sync_dir(directory).unwrap();
        let lost = disk.create(&directory.join("lost")).unwrap();
        lost.write_at(b"x", 0).unwrap();
        lost.sync().unwrap();
        kept.write_at(b"torn", 6).unwrap();

        for seed in 0..20 {
            let after = disk.after_power_cut(seed);
            let bytes = (&after as &dyn Disk).read(&directory.join("kept")).unwrap();
            assert!(bytes.starts_with(b"synced") && b"syncedtorn".starts_with(&bytes[..]));
            assert!(!after.exists(&directory.join("lost")));
        }
    }

    #[test]
    fn a_replaced_file_is_the_old_one_or_the_new_one() {
        let disk = FaultDisk::new();
        disk.create_dir_all(Path::new("/d")).unwrap();
        let path = Path::new("/d/file");
        let dyn_disk: &dyn Disk = &disk;
        dyn_disk.replace(path, b"old").unwrap();
        dyn_disk.replace(path, b"new").unwrap();
        let after = disk.after_power_cut(1);
        assert_eq!((&after as &dyn Disk).read(path).unwrap(), b"new");
    }

    #[test]
    fn a_full_disk_says_so() {
        let disk = FaultDisk::new();
        disk.create_dir_all(Path::new("/d")).unwrap();
        let file = disk.create(Path::new("/d/f")).unwrap();
        disk.fill_after(3);
        file.write_at(b"abc", 0).unwrap();
        let error = file.write_at(b"d", 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
