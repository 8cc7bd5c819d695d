//! Rows of users, sessions, API tokens and login links; what they mean is the crate `accounts`' own.
//!
//! Of a session, a token and a link only a hash is kept: who reads the database cannot sign in.

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;

use crate::Error;
use crate::database::{Metadata, Writing};
use crate::sql::{Reader, limit, micros};

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The hash of the password; none signs in by link only.
    pub password: Option<String>,
    /// The role.
    pub role: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "User({}, {})", self.name, self.role)
    }
}

/// A session, with the role that its user has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The user.
    pub user: String,
    /// The user's role.
    pub role: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// An API token, with the role that its user has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// The user.
    pub user: String,
    /// The user's role.
    pub role: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Metadata {
    /// All users, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let what = "list the users";
        let text = "SELECT name, password, role, created_at FROM account ORDER BY name LIMIT $1";
        let rows = sqlx::query(text).bind(limit(u32::MAX)).fetch_all(self.readers()).await;
        rows.map_err(Error::doing(what))?.iter().map(|row| read_user(row, what)).collect()
    }

    /// One user.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn user(&self, name: &str) -> Result<Option<User>, Error> {
        let what = "read a user";
        let text = "SELECT name, password, role, created_at FROM account WHERE name = $1";
        let row = sqlx::query(text).bind(name).fetch_optional(self.readers()).await;
        row.map_err(Error::doing(what))?.map(|row| read_user(&row, what)).transpose()
    }

    /// Adds a user; false if there is one of this name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn insert_user(&self, user: &User) -> Result<bool, Error> {
        let what = "add a user";
        let mut tx = self.begin(what).await?;
        let text = "INSERT INTO account (name, password, role, created_at) \
                    VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING";
        let query = sqlx::query(text).bind(&user.name).bind(&user.password);
        let query = query.bind(&user.role).bind(micros(user.created_at));
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Sets the hash of a user's password, and ends the user's sessions; false if there is no such
    /// user.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_user_password(&self, name: &str, password: &str) -> Result<bool, Error> {
        let what = "set a user's password";
        let mut tx = self.begin(what).await?;
        let query = sqlx::query("UPDATE account SET password = $1 WHERE name = $2");
        let done = query.bind(password).bind(name).execute(&mut *tx).await;
        let done = done.map_err(Error::doing(what))?;
        let query = sqlx::query("DELETE FROM session WHERE account = $1").bind(name);
        query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Sets a user's role, unless it is the last one with the role `keep`. False if nothing was done.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_user_role(&self, name: &str, role: &str, keep: &str) -> Result<bool, Error> {
        let what = "set a user's role";
        let mut tx = self.begin(what).await?;
        let text = "UPDATE account SET role = $3 WHERE name = $1 AND (role <> $2 OR $3 = $2 OR \
                    EXISTS (SELECT 1 FROM account o WHERE o.role = $2 AND o.name <> $1))";
        let query = sqlx::query(text).bind(name).bind(keep).bind(role);
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Removes a user with sessions and tokens, unless it is the last one with the role `keep`. False
    /// if nothing was done.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delete_user(&self, name: &str, keep: &str) -> Result<bool, Error> {
        let what = "remove a user";
        let mut tx = self.begin(what).await?;
        let text = "DELETE FROM account WHERE name = $1 AND (role <> $2 OR \
                    EXISTS (SELECT 1 FROM account o WHERE o.role = $2 AND o.name <> $1))";
        let query = sqlx::query(text).bind(name).bind(keep);
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Adds a session, and forgets those that have ended.
    ///
    /// # Errors
    /// If there is no such user, or the database does not answer.
    pub async fn insert_session(
        &self,
        hash: &str,
        user: &str,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let what = "add a session";
        let mut tx = self.begin(what).await?;
        add_session(&mut tx, hash, user, expires_at, now).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await
    }

    /// The session of this hash, if it has not ended.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn session(&self, hash: &str, now: DateTime<Utc>) -> Result<Option<Session>, Error> {
        let what = "read a session";
        let text = "SELECT s.account, a.role, s.created_at, s.expires_at FROM session s \
                    JOIN account a ON a.name = s.account WHERE s.hash = $1 AND s.expires_at > $2";
        let query = sqlx::query(text).bind(hash).bind(micros(now));
        let row = query.fetch_optional(self.readers()).await.map_err(Error::doing(what))?;
        let Some(row) = row else { return Ok(None) };
        let row = Reader::new(&row, what);
        Ok(Some(Session {
            user: row.text("account")?,
            role: row.text("role")?,
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
        }))
    }

    /// Moves the end of a session; false if there is no such session.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn extend_session(
        &self,
        hash: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let what = "extend a session";
        let mut tx = self.begin(what).await?;
        let query = sqlx::query("UPDATE session SET expires_at = $1 WHERE hash = $2");
        let done = query.bind(micros(expires_at)).bind(hash).execute(&mut *tx).await;
        let done = done.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Ends a session; false if there is no such session.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delete_session(&self, hash: &str) -> Result<bool, Error> {
        self.delete("DELETE FROM session WHERE hash = $1", hash, "end a session").await
    }

    /// Adds an API token; false if the user has one of this name.
    ///
    /// # Errors
    /// If there is no such user, or the database does not answer.
    pub async fn insert_api_token(
        &self,
        hash: &str,
        user: &str,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let what = "add an API token";
        let mut tx = self.begin(what).await?;
        let text = "INSERT INTO api_token (hash, account, name, created_at) \
                    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let query = sqlx::query(text).bind(hash).bind(user).bind(name).bind(micros(now));
        let done = query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// The API token of this hash.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn api_token(&self, hash: &str) -> Result<Option<ApiToken>, Error> {
        let what = "read an API token";
        let text = "SELECT t.account, a.role, t.name, t.created_at FROM api_token t \
                    JOIN account a ON a.name = t.account WHERE t.hash = $1";
        let row = sqlx::query(text).bind(hash).fetch_optional(self.readers()).await;
        row.map_err(Error::doing(what))?.map(|row| read_token(&row, what)).transpose()
    }

    /// The API tokens of a user, or of all, by user and name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn api_tokens(&self, user: Option<&str>) -> Result<Vec<ApiToken>, Error> {
        let what = "list the API tokens";
        let text = "SELECT t.account, a.role, t.name, t.created_at FROM api_token t \
                    JOIN account a ON a.name = t.account WHERE ($1 = '' OR t.account = $1) \
                    ORDER BY t.account, t.name LIMIT $2";
        let query = sqlx::query(text).bind(user.unwrap_or("").to_owned()).bind(limit(u32::MAX));
        let rows = query.fetch_all(self.readers()).await.map_err(Error::doing(what))?;
        rows.iter().map(|row| read_token(row, what)).collect()
    }

    /// Revokes an API token; false if the user has none of this name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delete_api_token(&self, user: &str, name: &str) -> Result<bool, Error> {
        let what = "revoke an API token";
        let mut tx = self.begin(what).await?;
        let query = sqlx::query("DELETE FROM api_token WHERE account = $1 AND name = $2");
        let done = query.bind(user).bind(name).execute(&mut *tx).await;
        let done = done.map_err(Error::doing(what))?;
        self.commit(tx, what).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Adds a login link, and forgets those that have ended.
    ///
    /// # Errors
    /// If there is no such user, or the database does not answer.
    pub async fn insert_login_link(
        &self,
        hash: &str,
        user: &str,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let what = "add a login link";
        let doing = Error::doing(what);
        let mut tx = self.begin(what).await?;
        let forget = sqlx::query("DELETE FROM login_link WHERE expires_at <= $1").bind(micros(now));
        forget.execute(&mut *tx).await.map_err(doing)?;
        let text = "INSERT INTO login_link (hash, account, expires_at) VALUES ($1, $2, $3)";
        let query = sqlx::query(text).bind(hash).bind(user).bind(micros(expires_at));
        query.execute(&mut *tx).await.map_err(doing)?;
        self.commit(tx, what).await
    }

    /// Uses a login link up and adds a session for its user, in one transaction; answers the user, or
    /// none if the link is unknown, used or over.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn redeem_login_link(
        &self,
        link_hash: &str,
        session_hash: &str,
        session_expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, Error> {
        let what = "redeem a login link";
        let doing = Error::doing(what);
        let mut tx = self.begin(what).await?;
        let text = "UPDATE login_link SET used_at = $1 WHERE hash = $2 AND used_at IS NULL \
                    AND expires_at > $1 RETURNING account";
        let query = sqlx::query(text).bind(micros(now)).bind(link_hash);
        let rows = query.fetch_all(&mut *tx).await.map_err(doing)?;
        let Some(row) = rows.first() else { return Ok(None) };
        let user = Reader::new(row, what).text("account")?;
        add_session(&mut tx, session_hash, &user, session_expires_at, now).await.map_err(doing)?;
        self.commit(tx, what).await?;
        Ok(Some(user))
    }
}

async fn add_session(
    tx: &mut Writing,
    hash: &str,
    user: &str,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let forget = sqlx::query("DELETE FROM session WHERE expires_at <= $1").bind(micros(now));
    forget.execute(&mut **tx).await?;
    let text = "INSERT INTO session (hash, account, created_at, expires_at) \
                VALUES ($1, $2, $3, $4)";
    let query = sqlx::query(text).bind(hash).bind(user).bind(micros(now));
    query.bind(micros(expires_at)).execute(&mut **tx).await?;
    Ok(())
}

fn read_user(row: &AnyRow, what: &'static str) -> Result<User, Error> {
    let row = Reader::new(row, what);
    Ok(User {
        name: row.text("name")?,
        password: row.maybe_text("password")?,
        role: row.text("role")?,
        created_at: row.time("created_at")?,
    })
}

fn read_token(row: &AnyRow, what: &'static str) -> Result<ApiToken, Error> {
    let row = Reader::new(row, what);
    Ok(ApiToken {
        user: row.text("account")?,
        role: row.text("role")?,
        name: row.text("name")?,
        created_at: row.time("created_at")?,
    })
}
