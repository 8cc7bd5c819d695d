//! Opening the database, and the two ways to it: reading, and writing in a transaction.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Transaction};
use tokio::sync::watch;

use crate::{Error, SecretKey};

/// Connections that read a SQLite database at once; each is a thread.
const SQLITE_READERS: u32 = 4;
/// For a connection to PostgreSQL: who asks is told soon that it is away, and asks again.
const POSTGRES_WAIT: Duration = Duration::from_secs(5);
/// Connections to PostgreSQL, of this process.
const POSTGRES_CONNECTIONS: u32 = 8;
/// The longest wait for a connection, or for another process that writes SQLite's file.
const WAIT: Duration = Duration::from_secs(30);

/// Between two looks at a file that another process holds, and how many: [`WAIT`] together.
const BUSY_PAUSE: Duration = Duration::from_millis(5);
const BUSY_TRIES: u32 = 6_000;

/// Set on each SQLite connection. FULL: a committed change is on disk, also after a power cut.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 30000; PRAGMA journal_mode = WAL; \
                               PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";

/// Which database it is. Few texts differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Dialect {
    /// A migration's text in this dialect.
    pub(crate) fn written(self, text: &str) -> String {
        let (key, id) = match self {
            Self::Sqlite => ("TEXT", "INTEGER PRIMARY KEY AUTOINCREMENT"),
            Self::Postgres => {
                ("TEXT COLLATE \"C\"", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
            }
        };
        text.replace("{key}", key).replace("{id}", id)
    }
}

/// The metadata database. Cheap to clone; all clones share connections and [`Metadata::changes`].
#[derive(Clone)]
pub struct Metadata {
    shared: Arc<Shared>,
    /// Whether its changes are requests.
    asks: bool,
}

struct Shared {
    dialect: Dialect,
    address: String,
    /// SQLite has one writer: one connection, whose waiters come in their order.
    writer: AnyPool,
    readers: AnyPool,
    key: SecretKey,
    changes: watch::Sender<u64>,
    requests: watch::Sender<u64>,
}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Metadata({})", self.shared.address)
    }
}

/// A transaction that writes. Dropped without a commit, it changes nothing.
pub(crate) type Writing = Transaction<'static, Any>;

impl Metadata {
    /// Opens the database at `address` (`sqlite:PATH` or `postgres://...`), makes it if it is a file
    /// that is not there, and brings its tables to this version.
    ///
    /// # Errors
    /// If the address is not one, the database does not answer or is of a newer version, or its
    /// secrets were written with another key.
    pub async fn open(address: &str, key: &SecretKey) -> Result<Self, Error> {
        install_default_drivers();
        let shown = without_password(address);
        let (dialect, url) = match address.split_once(':') {
            Some(("sqlite", rest)) => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                (Dialect::Sqlite, sqlite_url(path)?)
            }
            Some(("postgres" | "postgresql", _)) => (Dialect::Postgres, address.to_owned()),
            _ => {
                let reason = "it starts with neither sqlite: nor postgres:".to_owned();
                return Err(Error::Address { address: shown, reason });
            }
        };
        let options: AnyConnectOptions = url.parse().map_err(|error: sqlx::Error| {
            Error::Address { address: shown.clone(), reason: error.to_string() }
        })?;
        let (writer, readers) = pools(dialect, options)
            .await
            .map_err(|source| Error::Open { address: shown.clone(), source })?;
        let (changes, _) = watch::channel(0);
        let (requests, _) = watch::channel(0);
        let key_kept = key.clone();
        let shared =
            Shared { dialect, address: shown, writer, readers, key: key_kept, changes, requests };
        let metadata = Self { shared: Arc::new(shared), asks: true };
        metadata.migrate().await?;
        metadata.check_key(key).await?;
        Ok(metadata)
    }

    /// A number that grows with each change made through this value or a clone of it. Changes of
    /// other processes are not counted.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// As [`Metadata::changes`], without those made through [`Metadata::of_scheduler`]: what a
    /// scheduler looks at, so that its own work does not wake it.
    #[must_use]
    pub fn requests(&self) -> watch::Receiver<u64> {
        self.shared.requests.subscribe()
    }

    /// A clone whose changes are not counted by [`Metadata::requests`].
    #[must_use]
    pub fn of_scheduler(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), asks: false }
    }

    /// The address, without a password.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// Closes all connections, after what is under way. Later calls fail.
    pub async fn close(&self) {
        self.shared.readers.close().await;
        self.shared.writer.close().await;
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.shared.dialect
    }

    pub(crate) fn key(&self) -> &SecretKey {
        &self.shared.key
    }

    pub(crate) fn readers(&self) -> &AnyPool {
        &self.shared.readers
    }

    /// A transaction for changes. In SQLite it holds the one right to write from its start, so that
    /// what it reads is still so when it writes.
    pub(crate) async fn begin(&self, what: &'static str) -> Result<Writing, Error> {
        let begun = match self.shared.dialect {
            Dialect::Sqlite => self.shared.writer.begin_with("BEGIN IMMEDIATE").await,
            Dialect::Postgres => self.shared.writer.begin().await,
        };
        begun.map_err(Error::doing(what))
    }

    /// Makes the changes lasting, and tells who waits for changes.
    pub(crate) async fn commit(&self, writing: Writing, what: &'static str) -> Result<(), Error> {
        writing.commit().await.map_err(Error::doing(what))?;
        self.shared.changes.send_modify(|count| *count = count.wrapping_add(1));
        if self.asks {
            self.shared.requests.send_modify(|count| *count = count.wrapping_add(1));
        }
        Ok(())
    }
}

async fn pools(
    dialect: Dialect,
    options: AnyConnectOptions,
) -> Result<(AnyPool, AnyPool), sqlx::Error> {
    // A pool tries again where a connection fails; the first one says why it does.
    let first = tokio::time::timeout(WAIT, AnyConnection::connect_with(&options));
    let mut first = first.await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    if dialect == Dialect::Sqlite {
        set_up(&mut first).await?;
    }
    first.close().await?;
    let pool = || AnyPoolOptions::new().acquire_timeout(WAIT);
    if dialect == Dialect::Postgres {
        let pool = pool().acquire_timeout(POSTGRES_WAIT).max_connections(POSTGRES_CONNECTIONS);
        let pool = pool.connect_with(options).await?;
        return Ok((pool.clone(), pool));
    }
    let pool = |connections| {
        pool()
            .max_connections(connections)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(set_up(connection)))
    };
    let writer = pool(1).connect_with(options.clone()).await?;
    let readers = pool(SQLITE_READERS).connect_lazy_with(options);
    Ok((writer, readers))
}

/// Sets a SQLite connection up. Where two processes turn a new file's journal into a write-ahead log, SQLite
/// refuses one of them at once, whatever its `busy_timeout`: it asks again.
async fn set_up(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let mut tries = 0;
    loop {
        match sqlx::raw_sql(SQLITE_SETTINGS).execute(&mut *connection).await {
            Err(error) if is_busy(&error) && tries < BUSY_TRIES => {
                tries += 1;
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            done => return done.map(|_| ()),
        }
    }
}

/// Whether another connection holds the file: SQLITE_BUSY, or one of its extended codes.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// The driver's address of a SQLite file, which is made for its owner only: it holds the hashes of
/// passwords. The driver's own journal files take over its mode.
fn sqlite_url(path: &str) -> Result<String, Error> {
    let file = Path::new(path);
    let failed = |source| Error::File { path: file.to_owned(), source };
    if path.is_empty() || path.starts_with(':') {
        let reason = "a SQLite database of ours is a file".to_owned();
        return Err(Error::Address { address: format!("sqlite:{path}"), reason });
    }
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let mut url = String::from("sqlite:");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(url)
}

/// The address as it may be shown: what stands between the user's name and the host is left out.
fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (rest, _) = rest.split_once('?').unwrap_or((rest, ""));
    let Some((user, host)) = rest.rsplit_once('@') else { return format!("{scheme}://{rest}") };
    let user = user.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_address_has_no_password() {
        for (address, shown) in [
            ("sqlite:/tmp/a.db", "sqlite:/tmp/a.db"),
            ("postgres://me:se:cr@et@host:1/db?password=x", "postgres://me@host:1/db"),
            ("postgres://host/db?user=me&password=x", "postgres://host/db"),
        ] {
            assert_eq!(without_password(address), shown);
        }
    }
}
