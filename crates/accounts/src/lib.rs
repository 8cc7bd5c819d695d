//! Who may come in: users with passwords, sessions, API tokens, and links that log in once.
//!
//! Owns what users, passwords, sessions, tokens and links mean; `metadata` keeps their rows, and `door`
//! asks through its trait. Passwords are hashed with argon2id. Of a session, a token or a link only
//! the SHA-256 is kept: they are 256 random bits, so that no slow hash is needed. Whatever is done here
//! is audited.
//!
//! Never does: know a route, decide what a role may, keep a password or a token.

mod error;
mod password;
mod throttle;
mod token;
mod users;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use door::{Answer, Principal, Role, Unavailable};
use metadata::{Event, Metadata, SecretKey};
use runtime::Clock;
use tokio::sync::Semaphore;

pub use error::Error;
pub use users::{TokenSummary, UserSummary};

use throttle::Throttle;

/// The longest life of a session, and so of its cookie.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A session ends after so long without a request.
const SESSION_IDLE: TimeDelta = TimeDelta::days(7);
/// A session's end is moved when it has come so much nearer, and to its last: one write a day.
const SESSION_RENEWED: TimeDelta = TimeDelta::days(1);
/// The life of a link that logs in.
const LINK_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// Passwords hashed at once: each takes 19 MiB and a core for tens of milliseconds.
const HASHES_AT_ONCE: usize = 2;
/// Passwords that wait to be hashed; the last waits a second or two.
const HASHES_WAITING: usize = 64;

/// What the token of the local operator is made for, with the project's secret key.
pub const OPERATOR: &str = "webserver";
/// The local operator's name in the audit log, which no user can have.
const OPERATOR_NAME: &str = "command line";

/// The accounts of a project. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    metadata: Metadata,
    clock: Arc<dyn Clock>,
    throttle: Arc<Throttle>,
    hashing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    operator: Option<SecretKey>,
}

/// Someone who has come in.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The session's token, for its cookie.
    pub token: String,
    /// Who.
    pub principal: Principal,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SignedIn({})", self.principal.name())
    }
}

impl Accounts {
    /// The accounts that `metadata` keeps.
    #[must_use]
    pub fn open(metadata: Metadata, clock: Arc<dyn Clock>) -> Self {
        let hashing = Arc::new(Semaphore::new(HASHES_AT_ONCE));
        let waiting = Arc::new(Semaphore::new(HASHES_WAITING));
        Self { metadata, clock, throttle: Arc::default(), hashing, waiting, operator: None }
    }

    /// These accounts, and the local operator: whoever can read the project's secret key is an Admin.
    #[must_use]
    pub fn with_operator(mut self, key: SecretKey) -> Self {
        self.operator = Some(key);
        self
    }

    /// Signs in with a password.
    ///
    /// # Errors
    /// [`Error::Wrong`], [`Error::TooMany`] after some wrong passwords, or [`Error::Metadata`].
    pub async fn sign_in(&self, name: &str, password: &str) -> Result<SignedIn, Error> {
        users::check_name(name).map_err(|_| Error::Wrong)?;
        self.throttle
            .attempt(name, self.clock.elapsed())
            .map_err(|wait| Error::TooMany { seconds: wait.as_secs() + 1 })?;
        let user = self.metadata.user(name).await?;
        let hash = user.as_ref().and_then(|user| user.password.clone());
        if !self.verify(password, hash).await? {
            if user.is_some() {
                self.audit(name, "user.sign_in_failed", name).await?;
            }
            return Err(Error::Wrong);
        }
        let Some(user) = user else { return Err(Error::Wrong) };
        self.throttle.succeeded(name);
        let role = users::role(&user)?;
        let token = token::new()?;
        let now = self.now();
        self.metadata.insert_session(&token::hash(&token), name, now + SESSION_IDLE, now).await?;
        self.audit(name, "user.sign_in", name).await?;
        Ok(SignedIn { token, principal: Principal::user(name, role) })
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Error::Metadata`].
    pub async fn sign_out(&self, token: &str) -> Result<(), Error> {
        let hash = token::hash(token);
        let session = self.metadata.session(&hash, self.now()).await?;
        if self.metadata.delete_session(&hash).await?
            && let Some(session) = session
        {
            self.audit(&session.user, "user.sign_out", &session.user).await?;
        }
        Ok(())
    }

    /// A token for a link that logs in once, as an Admin, within 15 minutes. In a project without
    /// users it makes an Admin named after the user of the operating system.
    ///
    /// # Errors
    /// [`Error::Metadata`], or [`Error::System`] without random bytes.
    pub async fn login_link(&self) -> Result<String, Error> {
        let name = self.admin().await?;
        let token = token::new()?;
        let now = self.now();
        let (hash, end) = (token::hash(&token), now + LINK_LIFETIME);
        self.metadata.insert_login_link(&hash, &name, end, now).await?;
        self.audit(&name, "user.login_link", &name).await?;
        Ok(token)
    }

    /// Uses up a link that logs in. None if it is unknown, was used, or is too old.
    ///
    /// # Errors
    /// [`Error::Metadata`], or [`Error::System`] without random bytes.
    pub async fn redeem(&self, link: &str) -> Result<Option<SignedIn>, Error> {
        let token = token::new()?;
        let now = self.now();
        let (link, session) = (token::hash(link), token::hash(&token));
        let end = now + SESSION_IDLE;
        let Some(name) = self.metadata.redeem_login_link(&link, &session, end, now).await? else {
            return Ok(None);
        };
        self.audit(&name, "user.redeem_link", &name).await?;
        let Some(user) = self.metadata.user(&name).await? else { return Ok(None) };
        let principal = Principal::user(&name, users::role(&user)?);
        Ok(Some(SignedIn { token, principal }))
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.clock.wall_micros()).unwrap_or_default()
    }

    /// Records that `who` did `what` to the user `whom`.
    async fn audit(&self, who: &str, what: &str, whom: &str) -> Result<(), Error> {
        let mut event = Event::new(self.now(), who, what);
        event.extra = serde_json::json!({ "user": whom });
        Ok(self.metadata.audit(&event).await?)
    }

    /// The user of a session; a session that is used lives on.
    async fn find_session(&self, token: &str) -> Result<Option<Principal>, Error> {
        let hash = token::hash(token);
        let now = self.now();
        let Some(session) = self.metadata.session(&hash, now).await? else { return Ok(None) };
        let last =
            session.created_at + TimeDelta::from_std(SESSION_LIFETIME).unwrap_or(SESSION_IDLE);
        let end = (now + SESSION_IDLE).min(last);
        let later = end - session.expires_at;
        if later >= SESSION_RENEWED || (end == last && later > TimeDelta::zero()) {
            self.metadata.extend_session(&hash, end).await?;
        }
        let role = Role::named(&session.role);
        Ok(role.map(|role| Principal::user(&session.user, role)))
    }

    async fn find_token(&self, token: &str) -> Result<Option<Principal>, Error> {
        if self.operator.as_ref().is_some_and(|key| key.is_token(OPERATOR, token)) {
            return Ok(Some(Principal::user(OPERATOR_NAME, Role::Admin)));
        }
        let Some(found) = self.metadata.api_token(&token::hash(token)).await? else {
            // What a program gets for a name and a password is the token of a session.
            return self.find_session(token).await;
        };
        let role = Role::named(&found.role);
        Ok(role.map(|role| Principal::user(&found.user, role)))
    }
}

impl door::Accounts for Accounts {
    fn by_session<'a>(&'a self, token: &'a str) -> Answer<'a, Option<Principal>> {
        Box::pin(async move { self.find_session(token).await.map_err(|error| unavailable(&error)) })
    }

    fn by_token<'a>(&'a self, token: &'a str) -> Answer<'a, Option<Principal>> {
        Box::pin(async move { self.find_token(token).await.map_err(|error| unavailable(&error)) })
    }

    fn any_user(&self) -> Answer<'_, bool> {
        Box::pin(async move {
            let users = self.metadata.users().await;
            users.map(|users| !users.is_empty()).map_err(|error| unavailable(&error.into()))
        })
    }
}

fn unavailable(error: &Error) -> Unavailable {
    tracing::error!("cannot find out who asks: {error}");
    Unavailable
}
