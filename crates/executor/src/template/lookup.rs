//! What templates ask the desk for: `var`, `conn` and results of other tasks.

use super::fault::TemplateFault;
use crate::desk::XcomName;
use crate::{Connection, Desk, RETURN_VALUE};
use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Serde, Value, from_args};
use minijinja::{Error, ErrorKind, State};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// One question to the desk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lookup {
    Variable(String),
    Connection(String),
    Xcom(XcomName),
}

/// The desk's answers so far, and the questions that came up.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    known: Mutex<BTreeMap<Lookup, Option<Value>>>,
    missing: Mutex<Vec<Lookup>>,
}

impl Lookups {
    /// The questions that came up since the last call.
    pub(super) fn missing(&self) -> Vec<Lookup> {
        std::mem::take(&mut self.missing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many answers there are.
    pub(super) fn known(&self) -> usize {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Asks the desk.
    pub(super) async fn fetch(&self, lookup: Lookup, desk: &dyn Desk) -> Result<(), TemplateFault> {
        let value = match &lookup {
            Lookup::Variable(name) => desk.variable(name).await?.map(Value::from),
            Lookup::Connection(id) => desk.connection(id).await?.map(|found| connection(&found)),
            Lookup::Xcom(name) => desk.pull_xcom(name).await?.map(json),
        };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(lookup, value);
        Ok(())
    }

    /// The desk's answer; undefined, and a new question, while there is none.
    fn answer(&self, lookup: Lookup) -> Option<Value> {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&lookup)
        {
            return known.clone();
        }
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).push(lookup);
        None
    }
}

/// An object with these members.
pub(super) fn map<K: Into<String>>(members: impl IntoIterator<Item = (K, Value)>) -> Value {
    let members = members.into_iter().map(|(name, value)| (name.into(), value));
    Value::from(members.collect::<BTreeMap<String, Value>>())
}

fn json(value: serde_json::Value) -> Value {
    Value::from(Serde(value))
}

/// A connection as templates see it.
fn connection(from: &Connection) -> Value {
    let extra = from.extra.as_deref().unwrap_or_default();
    let parsed: serde_json::Value = serde_json::from_str(extra).unwrap_or_default();
    let members = [
        ("conn_id", Value::from(from.id.clone())),
        ("conn_type", Value::from(from.kind.clone())),
        ("host", Value::from(from.host.clone())),
        ("port", Value::from(from.port)),
        ("schema", Value::from(from.schema.clone())),
        ("login", Value::from(from.login.clone())),
        ("password", Value::from(from.password.clone())),
        ("extra", Value::from(extra)),
        ("extra_dejson", json(parsed)),
    ];
    map(members)
}

/// `var.value` and `var.json`.
#[derive(Debug)]
pub(super) struct Variables {
    pub(super) lookups: Arc<Lookups>,
    pub(super) json: bool,
}

impl Object for Variables {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?.to_owned();
        let found = self.lookups.answer(Lookup::Variable(name.clone()))?;
        if !self.json {
            return Some(found);
        }
        let text = found.as_str().unwrap_or_default();
        Some(serde_json::from_str::<serde_json::Value>(text).map_or_else(
            |error| {
                let text = format!("variable {name} holds no JSON: {error}; use var.value.{name}");
                Value::from(Error::new(ErrorKind::InvalidOperation, text))
            },
            json,
        ))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        get_method(self, method, arguments)
    }
}

/// `conn`.
#[derive(Debug)]
pub(super) struct Connections(pub(super) Arc<Lookups>);

impl Object for Connections {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.answer(Lookup::Connection(key.as_str()?.to_owned()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        get_method(self, method, arguments)
    }
}

/// `.get('name', 'default')`.
fn get_method<T: Object>(of: &Arc<T>, method: &str, arguments: &[Value]) -> Result<Value, Error> {
    if method != "get" {
        return Err(Error::from(ErrorKind::UnknownMethod));
    }
    let (name, default, named): (Value, Option<Value>, Kwargs) = from_args(arguments)?;
    let named_default = named.get::<Option<Value>>("default")?;
    let named_default = named_default.or(named.get::<Option<Value>>("default_var")?);
    named.assert_all_used()?;
    // Undefined also while the desk has not been asked: then this rendering is thrown away.
    Ok(of.get_value(&name).or(default).or(named_default).unwrap_or(Value::UNDEFINED))
}

/// `ti`: what is known about the try, and the results of tasks.
#[derive(Debug)]
pub(super) struct TaskInstance {
    pub(super) lookups: Arc<Lookups>,
    pub(super) members: BTreeMap<String, Value>,
    pub(super) task_id: String,
}

impl Object for TaskInstance {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.members.get(key.as_str()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.members.keys().cloned().map(Value::from).collect())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "xcom_pull" => self.xcom_pull(arguments),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

impl TaskInstance {
    /// Airflow's `xcom_pull(task_ids=None, dag_id=None, key='return_value', run_id=None, default=None)`:
    /// of one task its value, of a list of tasks a list.
    fn xcom_pull(&self, arguments: &[Value]) -> Result<Value, Error> {
        let (first, second, third, named): (Option<Value>, Option<Value>, Option<Value>, Kwargs) =
            from_args(arguments)?;
        let or_named = |given: Option<Value>, name| -> Result<Option<Value>, Error> {
            let value = if given.is_some() { given } else { named.get::<Option<Value>>(name)? };
            Ok(value.filter(|value| !value.is_none() && !value.is_undefined()))
        };
        let tasks = or_named(first, "task_ids")?;
        let dag_id = or_named(second, "dag_id")?;
        let key = or_named(third, "key")?;
        let run_id = or_named(None, "run_id")?;
        let default = or_named(None, "default")?.unwrap_or_else(|| Value::from(()));
        for unused in ["map_indexes", "session", "include_prior_dates"] {
            or_named(None, unused)?;
        }
        named.assert_all_used()?;
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pull = |task: String| {
            let name = XcomName {
                dag_id: dag_id.as_ref().map(text),
                run_id: run_id.as_ref().map(text),
                task_id: task,
                key: key.as_ref().map_or_else(|| RETURN_VALUE.to_owned(), text),
            };
            self.lookups.answer(Lookup::Xcom(name)).unwrap_or_else(|| default.clone())
        };
        match tasks {
            None => Ok(pull(self.task_id.clone())),
            Some(tasks) if tasks.as_str().is_some() => Ok(pull(text(&tasks))),
            Some(tasks) => {
                let tasks: Vec<Value> = tasks.try_iter()?.take(super::LOOKUPS_MAX + 1).collect();
                Ok(tasks.iter().map(|task| pull(text(task))).collect())
            }
        }
    }
}
