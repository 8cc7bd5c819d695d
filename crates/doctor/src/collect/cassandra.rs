//! Cassandra's tables, through the driver like any other client.

use super::Asker;
use super::listener::{self, Guess};
use crate::facts::{Part, Schema, Seen, Silence, SilenceKind, Stream};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::ExecutionError;
use std::sync::Arc;

/// Tables that are looked into.
const TABLES_MAX: usize = 64;

/// The names of everything there is.
pub(super) async fn first(asker: &Asker<'_>, part: &mut Part<Schema>) -> Option<Arc<Session>> {
    let points = &asker.settings.cassandra;
    let patience = asker.settings.patience;
    let first = points.first()?;
    let builder = SessionBuilder::new().known_nodes(points).connection_timeout(patience.connect);
    let session = match asker.within(patience.question, builder.build()).await {
        Ok(session) => session,
        Err(why) => {
            part.is_silent(silence(asker, first, why).await);
            return None;
        }
    };
    match asker.within(patience.question, schema(&session)).await {
        Ok(schema) => part.seen = Seen::Known(schema),
        Err(why) => {
            let kind =
                if why.starts_with("no answer") { SilenceKind::Slow } else { SilenceKind::Refused };
            part.is_silent(Silence::new(kind, why));
            return None;
        }
    }
    Some(Arc::new(session))
}

/// Why there is no session: nobody listens, somebody else does, or the server does not let us in.
async fn silence(asker: &Asker<'_>, address: &str, why: String) -> Silence {
    if let Err(why) = listener::reach(address, asker.settings.patience.connect).await {
        return Silence::new(SilenceKind::Away, why);
    }
    match listener::guess(address).await {
        Guess::Cql if why.starts_with("no answer") => Silence::new(SilenceKind::Slow, why),
        Guess::Cql => Silence::new(SilenceKind::Refused, why),
        Guess::Silent => Silence::new(SilenceKind::Slow, listener::SILENT),
        Guess::Kafka => Silence::new(SilenceKind::Foreign, "a Kafka broker"),
        Guess::Other(what) => Silence::new(SilenceKind::Foreign, what),
    }
}

async fn schema(session: &Session) -> Result<Schema, String> {
    let failed = |error: ExecutionError| error.to_string();
    let mut schema = Schema::default();
    let text = "SELECT keyspace_name FROM system_schema.keyspaces";
    let answer = session.query_unpaged(text, ()).await.map_err(failed)?;
    let rows = answer.into_rows_result().map_err(|error| error.to_string())?;
    for row in rows.rows::<(String,)>().map_err(|error| error.to_string())? {
        let (keyspace,) = row.map_err(|error| error.to_string())?;
        schema.keyspaces.entry(keyspace).or_default();
    }
    let text = "SELECT keyspace_name, table_name, column_name, type FROM system_schema.columns";
    let answer = session.query_unpaged(text, ()).await.map_err(failed)?;
    let rows = answer.into_rows_result().map_err(|error| error.to_string())?;
    for row in rows.rows::<(String, String, String, String)>().map_err(|error| error.to_string())? {
        let (keyspace, table, column, kind) = row.map_err(|error| error.to_string())?;
        let tables = schema.keyspaces.entry(keyspace).or_default();
        tables.entry(table).or_default().insert(column, kind);
    }
    Ok(schema)
}

/// Whether the tables that streams write have a row.
pub(super) async fn second(
    asker: &Asker<'_>,
    session: Option<Arc<Session>>,
    streams: &[Stream],
    part: &mut Part<Schema>,
) {
    let (Some(session), Seen::Known(schema)) = (session, &mut part.seen) else { return };
    let mut asked = tokio::task::JoinSet::new();
    let wait = asker.settings.patience.question.min(asker.left());
    for stream in streams.iter().take(TABLES_MAX) {
        let Some((keyspace, table)) = stream.sink.table().and_then(|name| name.split_once('.'))
        else {
            continue;
        };
        let known = schema.keyspaces.get(keyspace).is_some_and(|all| all.contains_key(table));
        if !known {
            continue;
        }
        let name = format!("{keyspace}.{table}");
        let text = format!("SELECT * FROM {}.{} LIMIT 1", quoted(keyspace), quoted(table));
        let session = Arc::clone(&session);
        asked.spawn(async move {
            let answer = tokio::time::timeout(wait, session.query_unpaged(text, ())).await;
            let rows = answer.ok()?.ok()?.into_rows_result().ok()?.rows_num();
            Some((name, rows == 0))
        });
    }
    while let Some(done) = asked.join_next().await {
        // A table that does not tell in time is judged by what its stream has written.
        if let Ok(Some((name, empty))) = done {
            schema.empty.insert(name, empty);
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
