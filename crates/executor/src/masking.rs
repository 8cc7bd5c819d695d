//! A desk that keeps secrets out of what it is told.

use crate::desk::{Answer, XcomName};
use crate::{Connection, Desk, LogLine, Secrets};
use futures::future::BoxFuture;
use serde_json::Value;

/// A desk before another: what a try has been given in confidence stays out of its log.
pub(crate) struct Masking<'a> {
    pub(crate) desk: &'a dyn Desk,
    pub(crate) secrets: Secrets,
}

impl Desk for Masking<'_> {
    fn log(&self, mut lines: Vec<LogLine>) -> BoxFuture<'_, ()> {
        for line in &mut lines {
            line.text = self.secrets.masked(std::mem::take(&mut line.text));
        }
        self.desk.log(lines)
    }

    fn rendered(&self, arguments: Value) -> Answer<'_, ()> {
        self.desk.rendered(self.secrets.masked_value(&arguments))
    }

    fn push_xcom<'a>(&'a self, key: &'a str, value: Value) -> Answer<'a, ()> {
        self.desk.push_xcom(key, value)
    }

    fn pull_xcom<'a>(&'a self, from: &'a XcomName) -> Answer<'a, Option<Value>> {
        self.desk.pull_xcom(from)
    }

    fn variable<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async move {
            let value = self.desk.variable(name).await?;
            if let Some(value) = &value {
                self.secrets.add_variable(name, value);
            }
            Ok(value)
        })
    }

    fn set_variable<'a>(&'a self, name: &'a str, value: &'a str) -> Answer<'a, ()> {
        self.secrets.add_variable(name, value);
        self.desk.set_variable(name, value)
    }

    fn delete_variable<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        self.desk.delete_variable(name)
    }

    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Connection>> {
        Box::pin(async move {
            let connection = self.desk.connection(id).await?;
            if let Some(connection) = &connection {
                self.secrets.add_connection(connection);
            }
            Ok(connection)
        })
    }

    fn mask(&self, secret: &str) {
        self.secrets.add(secret);
        self.desk.mask(secret);
    }
}
