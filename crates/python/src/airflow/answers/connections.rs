//! Connections.

use super::Reply;
use executor::Desk;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Question {
    GetConnection { conn_id: String },
}

pub(super) async fn answer(question: Question, desk: Option<&dyn Desk>) -> Reply {
    let Question::GetConnection { conn_id } = question;
    let found = match desk {
        Some(desk) => desk.connection(&conn_id).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(connection)) => Reply::Body(json!({
            "type": "ConnectionResult",
            "conn_id": conn_id,
            "conn_type": connection.kind,
            "host": connection.host,
            "schema": connection.schema,
            "login": connection.login,
            "password": connection.password,
            "port": connection.port,
            "extra": connection.extra,
        })),
        Ok(None) => Reply::not_found("CONNECTION_NOT_FOUND", json!({"conn_id": conn_id})),
        Err(fault) => Reply::told(&fault),
    }
}
