//! Why a log is offline.

use std::path::PathBuf;
use std::sync::Arc;

/// A disk failure after which a log takes no more appends until a restart.
///
/// After a failed fsync the kernel may have dropped the pages it could not write, so a second
/// fsync that succeeds proves nothing. Source: fsync(2) on Linux, "Error reporting".
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "the log in {} is offline: {action} failed: {source}; check the disk, then restart to recover \
     what is on it", .directory.display()
)]
pub struct Failure {
    /// The log's directory.
    pub directory: PathBuf,
    /// What was tried.
    pub action: &'static str,
    /// What the disk said.
    pub source: Arc<std::io::Error>,
}

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        self.directory == other.directory && self.action == other.action
    }
}

impl Eq for Failure {}
