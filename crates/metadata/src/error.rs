//! Why the metadata database did not answer.

use std::path::PathBuf;

/// What was tried, on what, why it failed, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither `sqlite:` nor `postgres:`, or not a well-formed address.
    #[error(
        "{address} is no address of a metadata database: {reason}; write sqlite:PATH or \
             postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )]
    Address {
        /// The address, without its password.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory or the file of a SQLite database cannot be made.
    #[error(
        "cannot make the metadata database {path}: {source}; check the directory's owner and space"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The database does not answer.
    #[error(
        "cannot open the metadata database {address}: {source}; check that it runs, that the \
             address is right, and that this user may create tables in it"
    )]
    Open {
        /// The address, without its password.
        address: String,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// A migration failed; what stood before it is untouched.
    #[error(
        "cannot bring the metadata database {address} to version {version}: {source}; nothing of \
             this step was kept"
    )]
    Migrate {
        /// The address, without its password.
        address: String,
        /// The version that the migration leads to.
        version: i64,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// A newer Millstream wrote the database.
    #[error(
        "the metadata database {address} is of version {found}, and this Millstream knows versions \
             up to {known} only; start the newer Millstream again, or restore a copy from before it"
    )]
    Newer {
        /// The address, without its password.
        address: String,
        /// The version found.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The secrets were written with another key.
    #[error(
        "the key in {key} does not open the secrets in the metadata database {address}: they were \
             written with another key; put the old key file back"
    )]
    WrongKey {
        /// The address, without its password.
        address: String,
        /// The file of the key.
        key: String,
    },
    /// The key cannot be read or made.
    #[error("cannot use the secret key {path}: {reason}")]
    Key {
        /// The file of the key.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// A statement failed.
    #[error("cannot {what}: {source}")]
    Statement {
        /// What was to be done.
        what: &'static str,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// What the database holds is not what was written there.
    #[error("cannot {what}: the database holds {found}")]
    Stored {
        /// What was to be done.
        what: &'static str,
        /// What was found.
        found: String,
    },
    /// What was to be kept is not allowed.
    #[error("cannot {what}: {reason}")]
    Refused {
        /// What was to be done.
        what: &'static str,
        /// Why not, and what is allowed.
        reason: String,
    },
}

impl Error {
    /// Whether the database does not answer now, so that asking again later may help.
    #[must_use]
    pub fn is_away(&self) -> bool {
        let (Self::Statement { source, .. } | Self::Open { source, .. }) = self else {
            return false;
        };
        match source {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_) => true,
            // PostgreSQL's classes of lost connections and of shutdowns.
            sqlx::Error::Database(error) => {
                error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P"))
            }
            _ => false,
        }
    }

    /// Names what was to be done when a statement failed.
    pub(crate) fn doing(what: &'static str) -> impl Fn(sqlx::Error) -> Self + Copy {
        move |source| Self::Statement { what, source }
    }
}
