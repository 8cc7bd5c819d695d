//! Who asks.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::permission::Stranger;
use crate::{Permission, Role};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    name: Arc<str>,
    who: Who,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// A request that came around the door.
    Nobody,
    /// Someone without a name.
    Stranger(Stranger),
    /// A user.
    User(Role),
}

impl Principal {
    /// A user who has shown who they are. Only what implements [`crate::Accounts`] may say so.
    #[must_use]
    pub fn user(name: &str, role: Role) -> Self {
        Self { name: name.into(), who: Who::User(role) }
    }

    pub(crate) fn stranger(stranger: Stranger) -> Self {
        let name = if stranger == Stranger::Open { "local-reader" } else { "anonymous" };
        Self { name: name.into(), who: Who::Stranger(stranger) }
    }

    fn nobody() -> Self {
        Self { name: "nobody".into(), who: Who::Nobody }
    }

    /// The name for records of what was done.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The role of a user; none for someone without a name.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        match self.who {
            Who::User(role) => Some(role),
            Who::Nobody | Who::Stranger(_) => None,
        }
    }

    /// Whether signing in could change what this principal may.
    #[must_use]
    pub fn can_sign_in(&self) -> bool {
        matches!(self.who, Who::Stranger(Stranger::Anyone | Stranger::Local))
    }

    /// Whether this principal may.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        match self.who {
            Who::Nobody => false,
            Who::Stranger(stranger) => stranger.may(permission),
            Who::User(role) => role.may(permission),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Infallible;

    /// The principal that the door let in; without the door it is nobody, who may nothing.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_else(Self::nobody))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_reader_reads_and_nobody_does_not() {
        assert!(Principal::stranger(Stranger::Open).may(Permission::Pipelines));
        assert!(!Principal::nobody().may(Permission::Health));
    }
}
