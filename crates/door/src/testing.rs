//! Accounts for tests of servers: one user for each role, whose token is the role's name.

use crate::{Accounts, Answer, Principal, Role};

/// Users named after their roles. The name of a role is a session's token and an API token.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoleAccounts;

impl RoleAccounts {
    fn named(token: &str) -> Answer<'static, Option<Principal>> {
        let found = Role::named(token).map(|role| Principal::user(role.name(), role));
        Box::pin(async move { Ok(found) })
    }
}

impl Accounts for RoleAccounts {
    fn by_session<'a>(&'a self, token: &'a str) -> Answer<'a, Option<Principal>> {
        Self::named(token)
    }

    fn by_token<'a>(&'a self, token: &'a str) -> Answer<'a, Option<Principal>> {
        Self::named(token)
    }

    fn any_user(&self) -> Answer<'_, bool> {
        Box::pin(async { Ok(true) })
    }
}
