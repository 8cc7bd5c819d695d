//! What a task's arguments are after rendering, and what of it is secret.

use super::Reply;
use executor::{Desk, Secrets};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Question {
    SetRenderedFields { rendered_fields: Value },
    SetRenderedMapIndex {},
    MaskSecret { value: Value, name: Option<String> },
}

pub(super) async fn answer(question: Question, desk: &dyn Desk) -> Reply {
    match question {
        Question::SetRenderedFields { rendered_fields } => {
            Reply::done(desk.rendered(rendered_fields).await)
        }
        Question::SetRenderedMapIndex {} => Reply::nothing(),
        Question::MaskSecret { value, name } => {
            mask(&value, name.as_deref(), desk);
            Reply::nothing()
        }
    }
}

/// Masks the texts in a value. Airflow sends every variable too: what has a name is a secret only if
/// its name says so.
fn mask(value: &Value, name: Option<&str>, desk: &dyn Desk) {
    match value {
        Value::String(text) if name.is_none_or(Secrets::is_sensitive) => desk.mask(text),
        Value::Array(items) => items.iter().for_each(|item| mask(item, name, desk)),
        Value::Object(map) => map.iter().for_each(|(name, item)| mask(item, Some(name), desk)),
        _ => {}
    }
}
