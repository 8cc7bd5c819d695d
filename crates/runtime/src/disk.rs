//! Files, so that faults are tests: [`RealDisk`] for the product, [`FaultDisk`] for power cuts, torn
//! tails and full disks.
//!
//! The contract is the one ext4 and XFS give: `sync` makes a file's bytes and its length durable;
//! a created, renamed or removed name is durable once its directory was synced.

mod fault;
mod real;

pub use fault::FaultDisk;
pub use real::RealDisk;

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};

/// A file system.
pub trait Disk: Send + Sync + Debug {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// `NotFound`, or what the file system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for reading and writing, and creates it if it is missing. Never truncates.
    ///
    /// # Errors
    /// What the file system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Creates a directory and its parents.
    ///
    /// # Errors
    /// What the file system says.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// The paths in a directory, sorted.
    ///
    /// # Errors
    /// `NotFound`, or what the file system says.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;
    /// Renames a file or directory, replacing a file of the new name.
    ///
    /// # Errors
    /// What the file system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound`, or what the file system says.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory with all in it. A missing one is no error.
    ///
    /// # Errors
    /// What the file system says.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// What the file system says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Whether a file or directory has this name.
    fn exists(&self, path: &Path) -> bool;
}

/// An open file. Offsets and lengths are bytes.
pub trait DiskFile: Send + Sync + Debug {
    /// Reads at `offset` until `buffer` is full or the file ends; returns the bytes read.
    ///
    /// # Errors
    /// What the file system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`, growing the file.
    ///
    /// # Errors
    /// What the file system says; some of the bytes may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes the file's bytes and length durable.
    ///
    /// # Errors
    /// After an error the state on disk is unknown: never retry and call it durable.
    fn sync(&self) -> io::Result<()>;
    /// Cuts or extends the file.
    ///
    /// # Errors
    /// What the file system says.
    fn set_len(&self, length: u64) -> io::Result<()>;
    /// The file's length.
    ///
    /// # Errors
    /// What the file system says.
    fn length(&self) -> io::Result<u64>;
}

impl dyn Disk + '_ {
    /// Reads a whole file.
    ///
    /// # Errors
    /// `NotFound`, or what the file system says.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        let read = file.read_at(&mut bytes, 0)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Replaces a file as a whole: a reader, also one after a power cut, sees the old bytes or the new.
    ///
    /// # Errors
    /// What the file system says; the old file is then still there.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(".tmp");
        let temporary = PathBuf::from(name);
        let file = self.create(&temporary)?;
        file.set_len(0)?;
        file.write_at(bytes, 0)?;
        file.sync()?;
        drop(file);
        self.rename(&temporary, path)?;
        path.parent().map_or(Ok(()), |directory| self.sync_dir(directory))
    }
}
