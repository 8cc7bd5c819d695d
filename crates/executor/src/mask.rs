//! Secrets that a try has seen, and texts without them.

use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// What stands for a secret.
const STARS: &str = "***";

/// Shorter secrets are not masked: too much else would be (Airflow's `min_length_masked_secret`).
const SECRET_BYTES_MIN: usize = 5;

/// More secrets than these are not kept for one try.
const SECRETS_MAX: usize = 1_000;

/// Words that make a name the name of a secret, Airflow's.
const SENSITIVE: [&str; 12] = [
    "access_token",
    "api_key",
    "apikey",
    "authorization",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
    "keyfile_dict",
    "service_account",
];

/// The secrets of one try. Cheap to clone.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<Vec<String>>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

impl Secrets {
    /// Whether what has this name is a secret, as Airflow tells it.
    #[must_use]
    pub fn is_sensitive(name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        SENSITIVE.iter().any(|word| name.contains(word))
    }

    /// Adds a secret; of one with several lines, every line.
    pub fn add(&self, secret: &str) {
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for line in secret.lines().map(str::trim) {
            let known = secrets.iter().any(|secret| secret == line);
            if line.len() >= SECRET_BYTES_MIN && !known && secrets.len() < SECRETS_MAX {
                secrets.push(line.to_owned());
            }
        }
        // Of two that begin alike, the longer must go first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// Adds what is secret in a variable: all of it when its name says so, else its sensitive members.
    pub fn add_variable(&self, name: &str, value: &str) {
        let parsed = serde_json::from_str::<Value>(value).unwrap_or(Value::Null);
        if Self::is_sensitive(name) {
            self.add(value);
            self.add_all(&parsed);
        } else {
            self.add_members(&parsed);
        }
    }

    /// Adds what is secret in a connection.
    pub fn add_connection(&self, connection: &crate::Connection) {
        if let Some(password) = &connection.password {
            self.add(password);
        }
        if let Some(extra) = &connection.extra {
            self.add_members(&serde_json::from_str(extra).unwrap_or(Value::Null));
        }
    }

    fn add_members(&self, value: &Value) {
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| {
                if Self::is_sensitive(name) { self.add_all(value) } else { self.add_members(value) }
            }),
            Value::Array(list) => list.iter().for_each(|value| self.add_members(value)),
            _ => {}
        }
    }

    fn add_all(&self, value: &Value) {
        match value {
            Value::String(text) => self.add(text),
            Value::Array(list) => list.iter().for_each(|value| self.add_all(value)),
            Value::Object(map) => map.values().for_each(|value| self.add_all(value)),
            _ => {}
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn masked(&self, text: String) -> String {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().fold(text, |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), STARS) } else { text }
        })
    }

    /// The value without secrets, in texts and in names, and without what has a sensitive name.
    #[must_use]
    pub fn masked_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.masked(text.clone())),
            Value::Array(list) => list.iter().map(|value| self.masked_value(value)).collect(),
            Value::Object(map) => {
                let hidden = |name: &String, value: &Value| match value {
                    Value::String(text) if !text.is_empty() && Self::is_sensitive(name) => {
                        Value::String(STARS.to_owned())
                    }
                    _ => self.masked_value(value),
                };
                let members = map
                    .iter()
                    .map(|(name, value)| (self.masked(name.clone()), hidden(name, value)));
                Value::Object(members.collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use serde_json::json;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let secrets = Secrets::default();
        secrets.add("hunter2");
        secrets.add("hunter2-and-more\nsecond line");
        secrets.add("abc");
        let text = secrets.masked("hunter2-and-more abc hunter2; second line".to_owned());
        assert_eq!(text, "*** abc ***; ***");
        let value = json!({"a": ["x hunter2"], "api_key": "k", "token": 5});
        assert_eq!(
            secrets.masked_value(&value),
            json!({"a": ["x ***"], "api_key": "***", "token": 5})
        );
    }

    #[test]
    fn a_variable_is_secret_by_its_name_or_by_its_members_names() {
        let secrets = Secrets::default();
        secrets.add_variable("db_password", "letmein");
        secrets.add_variable("settings", r#"{"user": "somebody", "auth": {"token": "t-0-k-e-n"}}"#);
        let text = secrets.masked("letmein somebody t-0-k-e-n".to_owned());
        assert_eq!(text, "*** somebody ***");
    }
}
