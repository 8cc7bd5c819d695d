//! Refusals in Cassandra's words and codes.

use crate::error::{DiskError, WriteError};
use cql::response::{ErrorKind, ErrorResponse};

/// An ERROR response.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Box<ErrorResponse>);

/// What the executor returns.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// Any code.
    pub(crate) fn of(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorResponse { message: message.into(), kind }))
    }

    /// 0x2200: the statement is understood and refused.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Invalid, message)
    }

    /// 0x2000: the statement is not understood.
    pub(crate) fn syntax(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Syntax, message)
    }

    /// 0x2300: an option is not accepted.
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Config, message)
    }

    /// 0x2100: not allowed.
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Unauthorized, message)
    }

    /// 0x0000: our fault or the disk's.
    pub(crate) fn server(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Server, message)
    }

    /// 0x000A: the message is not what the protocol says.
    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Protocol, message)
    }
}

impl From<DiskError> for Failure {
    fn from(error: DiskError) -> Self {
        Self::server(error.to_string())
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(message) => Self::invalid(message),
            // A write that may be sent again once the disk has room: Cassandra's answer is one that
            // drivers try elsewhere, not a fault of the server.
            WriteError::Disk(error @ (DiskError::Write { .. } | DiskError::Closed { .. })) => {
                Self::of(ErrorKind::Overloaded, error.to_string())
            }
            error => Self::server(error.to_string()),
        }
    }
}

impl From<cql::types::TypeError> for Failure {
    fn from(error: cql::types::TypeError) -> Self {
        Self::invalid(error.to_string())
    }
}
