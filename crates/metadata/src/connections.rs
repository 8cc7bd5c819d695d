//! Connections: where tasks reach other systems, and with which password. Secrets are encrypted.

use std::fmt;

use sqlx::any::AnyRow;

use crate::Error;
use crate::database::Metadata;
use crate::sql::{Reader, limit};

/// A connection. Its password and extra are not shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Connection {
    /// Its id.
    pub id: String,
    /// What it leads to: `http`, `postgres`, `kafka`.
    pub kind: String,
    /// What it is for.
    pub description: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// The port.
    pub port: Option<u16>,
    /// The database, keyspace or path there.
    pub schema: Option<String>,
    /// The user there.
    pub login: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// More, as JSON.
    pub extra: Option<String>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Connection({}, {})", self.id, self.kind)
    }
}

fn sealed_name(id: &str, part: &str) -> String {
    format!("connection/{part}/{id}")
}

impl Metadata {
    /// All connections, by id, with their secrets.
    ///
    /// # Errors
    /// If the database does not answer, or a secret does not open with this key.
    pub async fn connections(&self) -> Result<Vec<Connection>, Error> {
        let what = "list the connections";
        let text = "SELECT * FROM connection ORDER BY id LIMIT $1";
        let rows = sqlx::query(text).bind(limit(u32::MAX)).fetch_all(self.readers()).await;
        let rows = rows.map_err(Error::doing(what))?;
        rows.iter().map(|row| self.read_connection(row, what)).collect()
    }

    /// One connection, with its secrets.
    ///
    /// # Errors
    /// If the database does not answer, or a secret does not open with this key.
    pub async fn connection(&self, id: &str) -> Result<Option<Connection>, Error> {
        let what = "read a connection";
        let text = "SELECT * FROM connection WHERE id = $1";
        let row = sqlx::query(text).bind(id).fetch_optional(self.readers()).await;
        row.map_err(Error::doing(what))?.map(|row| self.read_connection(&row, what)).transpose()
    }

    fn read_connection(&self, row: &AnyRow, what: &'static str) -> Result<Connection, Error> {
        let row = Reader::new(row, what);
        let id = row.text("id")?;
        let secret = |part: &str| match row.maybe_text(part)? {
            None => Ok(None),
            Some(sealed) => self.opened(&sealed_name(&id, part), &sealed, what).map(Some),
        };
        let (password, extra) = (secret("password")?, secret("extra")?);
        let port = row.maybe_int("port")?.and_then(|port| u16::try_from(port).ok());
        Ok(Connection {
            kind: row.text("kind")?,
            description: row.maybe_text("description")?,
            host: row.maybe_text("host")?,
            port,
            schema: row.maybe_text("schema_name")?,
            login: row.maybe_text("login")?,
            password,
            extra,
            id,
        })
    }

    /// Sets a connection, new or not, all of it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn set_connection(&self, connection: &Connection) -> Result<(), Error> {
        let what = "set a connection";
        let id = &connection.id;
        let seal = |part: &str, text: &Option<String>| {
            let seal = |text: &String| self.key().seal(&sealed_name(id, part), text);
            text.as_ref().map(seal).transpose()
        };
        let password = seal("password", &connection.password)?;
        let extra = seal("extra", &connection.extra)?;
        let mut tx = self.begin(what).await?;
        let text = "INSERT INTO connection (id, kind, description, host, port, schema_name, login, \
                    password, extra) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, \
                    description = excluded.description, host = excluded.host, \
                    port = excluded.port, schema_name = excluded.schema_name, \
                    login = excluded.login, password = excluded.password, extra = excluded.extra";
        let query = sqlx::query(text)
            .bind(id)
            .bind(&connection.kind)
            .bind(&connection.description)
            .bind(&connection.host)
            .bind(connection.port.map(i64::from))
            .bind(&connection.schema)
            .bind(&connection.login)
            .bind(password)
            .bind(extra);
        query.execute(&mut *tx).await.map_err(Error::doing(what))?;
        self.commit(tx, what).await
    }

    /// Deletes a connection; false if there is none of this id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delete_connection(&self, id: &str) -> Result<bool, Error> {
        self.delete("DELETE FROM connection WHERE id = $1", id, "delete a connection").await
    }
}
