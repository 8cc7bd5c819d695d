//! Why an account was not found, made or changed.

/// What was tried, why it failed, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The same for a name that is unknown and a password that is not that user's.
    #[error("the name or the password is wrong")]
    Wrong,
    /// Too many wrong passwords for one name.
    #[error("too many wrong passwords for this name: try again in {seconds} s")]
    TooMany {
        /// Until then nothing is looked at.
        seconds: u64,
    },
    /// Too many passwords are being looked at, of whatever names.
    #[error("too many people sign in at this moment: try again")]
    Busy,
    /// A name that no user can have.
    #[error("{name:?} cannot be a name: {reason}")]
    Name {
        /// The name asked for.
        name: String,
        /// What is allowed.
        reason: &'static str,
    },
    /// A password that is too short or too long.
    #[error("this cannot be a password: {reason}")]
    Password {
        /// What is allowed.
        reason: &'static str,
    },
    /// A user or a token of this name exists.
    #[error("{0} exists already: choose another name")]
    Exists(String),
    /// There is no such user or token.
    #[error("there is no {0}")]
    Unknown(String),
    /// The last Admin stays one.
    #[error("{0} is the last Admin: give another user that role first")]
    LastAdmin(String),
    /// The user's role is one that this version does not know.
    #[error(
        "{user} has the role {role}, which this version does not know: an Admin may set another"
    )]
    Role {
        /// The user.
        user: String,
        /// The role found.
        role: String,
    },
    /// The operating system or a library failed.
    #[error("cannot make or check a secret: {0}")]
    System(&'static str),
    /// The metadata database did not answer.
    #[error(transparent)]
    Metadata(#[from] metadata::Error),
}
