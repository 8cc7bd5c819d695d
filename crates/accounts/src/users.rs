//! Users and their API tokens: made, changed, listed, removed.

use chrono::{DateTime, Utc};
use door::Role;
use metadata::User;

use crate::{Accounts, Error, token};

/// Characters of a name, at most.
const NAME_MAX: usize = 64;
/// What every API token begins with, so that one that leaked is found.
const TOKEN_PREFIX: &str = "mill_";
/// The first Admin's name, where the operating system's user has none that could be one.
const FIRST_ADMIN: &str = "admin";

/// A user, as lists show one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSummary {
    /// The name.
    pub name: String,
    /// The role; none if this version does not know it.
    pub role: Option<Role>,
    /// Whether a password is set; without one a link is needed to sign in.
    pub has_password: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An API token, as lists show one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSummary {
    /// The user whose permissions it has.
    pub user: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Accounts {
    /// All users, by name.
    ///
    /// # Errors
    /// [`Error::Metadata`].
    pub async fn users(&self) -> Result<Vec<UserSummary>, Error> {
        let summary = |user: User| UserSummary {
            role: Role::named(&user.role),
            has_password: user.password.is_some(),
            created_at: user.created_at,
            name: user.name,
        };
        Ok(self.metadata.users().await?.into_iter().map(summary).collect())
    }

    /// Makes a user; `by` is who does so.
    ///
    /// # Errors
    /// If the name or the password cannot be one, the name is taken, or the database does not answer.
    pub async fn create_user(
        &self,
        by: &str,
        name: &str,
        password: &str,
        role: Role,
    ) -> Result<(), Error> {
        check_name(name)?;
        let password = Some(self.hash(password).await?);
        if !self.insert(name, password, role).await? {
            return Err(Error::Exists(name.to_owned()));
        }
        self.audit(by, "user.create", name).await
    }

    async fn insert(
        &self,
        name: &str,
        password: Option<String>,
        role: Role,
    ) -> Result<bool, Error> {
        let (name, role) = (name.to_owned(), role.name().to_owned());
        let user = User { name, password, role, created_at: self.now() };
        Ok(self.metadata.insert_user(&user).await?)
    }

    /// Removes a user with sessions and tokens; `by` is who does so.
    ///
    /// # Errors
    /// If there is no such user, it is the last Admin, or the database does not answer.
    pub async fn remove_user(&self, by: &str, name: &str) -> Result<(), Error> {
        if !self.metadata.delete_user(name, Role::Admin.name()).await? {
            return Err(self.unknown_or_last(name).await?);
        }
        self.audit(by, "user.remove", name).await
    }

    /// Sets a user's role, which holds from the next request on; `by` is who does so.
    ///
    /// # Errors
    /// If there is no such user, it is the last Admin, or the database does not answer.
    pub async fn set_role(&self, by: &str, name: &str, role: Role) -> Result<(), Error> {
        if !self.metadata.set_user_role(name, role.name(), Role::Admin.name()).await? {
            return Err(self.unknown_or_last(name).await?);
        }
        self.audit(by, "user.set_role", name).await
    }

    async fn unknown_or_last(&self, name: &str) -> Result<Error, Error> {
        let known = self.metadata.user(name).await?.is_some();
        let name = name.to_owned();
        Ok(if known { Error::LastAdmin(name) } else { Error::Unknown(format!("user {name}")) })
    }

    /// Sets a user's password and ends the user's sessions; `by` is who does so.
    ///
    /// # Errors
    /// If there is no such user, the password cannot be one, or the database does not answer.
    pub async fn set_password(&self, by: &str, name: &str, password: &str) -> Result<(), Error> {
        let hash = self.hash(password).await?;
        if !self.metadata.set_user_password(name, &hash).await? {
            return Err(Error::Unknown(format!("user {name}")));
        }
        self.audit(by, "user.set_password", name).await
    }

    /// Sets one's own password, which takes the old one where there is one, and ends all one's sessions.
    ///
    /// # Errors
    /// [`Error::Wrong`], [`Error::TooMany`], or as [`Self::set_password`].
    pub async fn change_password(&self, name: &str, old: &str, new: &str) -> Result<(), Error> {
        let Some(user) = self.metadata.user(name).await? else {
            return Err(Error::Unknown(format!("user {name}")));
        };
        if let Some(hash) = user.password {
            self.throttle
                .attempt(name, self.clock.elapsed())
                .map_err(|wait| Error::TooMany { seconds: wait.as_secs() + 1 })?;
            if !self.verify(old, Some(hash)).await? {
                return Err(Error::Wrong);
            }
            self.throttle.succeeded(name);
        }
        self.set_password(name, name, new).await
    }

    /// Makes an API token with the permissions of `user`, and answers it: it cannot be shown again.
    ///
    /// # Errors
    /// If the name cannot be one or is taken, there is no such user, or the database does not answer.
    pub async fn create_token(&self, user: &str, name: &str) -> Result<String, Error> {
        check_name(name)?;
        if self.metadata.user(user).await?.is_none() {
            return Err(Error::Unknown(format!("user {user}")));
        }
        let token = format!("{TOKEN_PREFIX}{}", token::new()?);
        let hash = token::hash(&token);
        if !self.metadata.insert_api_token(&hash, user, name, self.now()).await? {
            return Err(Error::Exists(name.to_owned()));
        }
        self.audit(user, "user.create_token", user).await?;
        Ok(token)
    }

    /// Revokes an API token; `by` is who does so.
    ///
    /// # Errors
    /// If there is no such token, or the database does not answer.
    pub async fn revoke_token(&self, by: &str, user: &str, name: &str) -> Result<(), Error> {
        if !self.metadata.delete_api_token(user, name).await? {
            return Err(Error::Unknown(format!("API token {name} of {user}")));
        }
        self.audit(by, "user.revoke_token", user).await
    }

    /// The API tokens of a user, or of all, by user and name.
    ///
    /// # Errors
    /// [`Error::Metadata`].
    pub async fn tokens(&self, user: Option<&str>) -> Result<Vec<TokenSummary>, Error> {
        let tokens = self.metadata.api_tokens(user).await?.into_iter();
        let summary = |token: metadata::ApiToken| TokenSummary {
            user: token.user,
            name: token.name,
            created_at: token.created_at,
        };
        Ok(tokens.map(summary).collect())
    }

    /// The Admin that a login link is for: the one named after the operating system's user, or the
    /// first; made if there is no user yet.
    pub(crate) async fn admin(&self) -> Result<String, Error> {
        let wanted = system_user();
        let users = self.metadata.users().await?;
        if users.is_empty() {
            self.insert(&wanted, None, Role::Admin).await?;
            self.audit(&wanted, "user.create", &wanted).await?;
            return Ok(wanted);
        }
        let admins = || users.iter().filter(|user| user.role == Role::Admin.name());
        let admin = admins().find(|user| user.name == wanted).or_else(|| admins().next());
        let unknown = || Error::Unknown("user with the role Admin".to_owned());
        admin.map(|user| user.name.clone()).ok_or_else(unknown)
    }
}

/// The name of the operating system's user, if it can be one of ours.
fn system_user() -> String {
    ["USER", "LOGNAME"]
        .into_iter()
        .filter_map(|variable| std::env::var(variable).ok())
        .find(|name| check_name(name).is_ok())
        .unwrap_or_else(|| FIRST_ADMIN.to_owned())
}

pub(crate) fn role(user: &User) -> Result<Role, Error> {
    Role::named(&user.role)
        .ok_or_else(|| Error::Role { user: user.name.clone(), role: user.role.clone() })
}

/// Names stand in addresses, logs and tables: letters, digits and a few signs.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |letter: char| {
        letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-' | '@' | '+')
    };
    let reason = if name.is_empty() || name.len() > NAME_MAX {
        "it has 1 to 64 characters"
    } else if !name.chars().all(allowed) {
        "letters, digits and . _ - @ + may stand in it"
    } else {
        return Ok(());
    };
    // A name may be as long as a request: it is not repeated whole.
    Err(Error::Name { name: name.chars().take(NAME_MAX).collect(), reason })
}
