//! Why the orchestrator could not start, or has ended.

use std::path::PathBuf;

/// What was tried, on what, why it failed, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The lock that shows that this orchestrator lives.
    #[error(
        "cannot {what} {path}, where an orchestrator shows that it lives: {error}; check the \
             directory's owner and space"
    )]
    Instance {
        /// What was to be done.
        what: &'static str,
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The metadata database.
    #[error(transparent)]
    Metadata(#[from] metadata::Error),
}
