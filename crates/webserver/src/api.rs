//! The part of Airflow's REST API v2 that its users and our pages' guests need, in its JSON shapes.
//!
//! Field names, defaults and status codes are those of Airflow 3.3's `/api/v2`. What we do not have
//! (mapped tasks, assets, teams) has the value Airflow gives where it is not used.

pub(crate) mod allowed;
pub(crate) mod backfills;
pub(crate) mod dags;
pub(crate) mod health;
pub(crate) mod logs;
pub(crate) mod runs;
pub(crate) mod secrets;
pub(crate) mod shapes;
pub(crate) mod tasks;
pub(crate) mod things;
pub(crate) mod token;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use chrono::{DateTime, Utc};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::fields::Fields;
use crate::problem::Problem;

/// Entries of an answer unless another limit is asked for, and the greatest limit: Airflow's
/// `fallback_page_limit` and `maximum_page_limit`.
const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 100;
/// What an answer may be ordered by is read whole; of more than this only the natural order is there.
const ORDERED_MAX: u64 = metadata::ROWS_MAX as u64;

/// What an API function answers.
pub(crate) type Answered = Result<Json<Value>, Problem>;

/// A JSON body of a known shape; fields it does not know are refused, as Airflow does.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|_| Problem::bad("the body cannot be read, or is too large"))?;
        // An empty body is an empty object: all fields of some bodies are optional.
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let body = serde_json::from_slice(bytes);
        body.map(Self).map_err(|error| Problem::unprocessable(format!("the body: {error}")))
    }
}

/// A moment in a body: RFC 3339, or without a zone in UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(pub(crate) DateTime<Utc>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let at = crate::screens::trigger::moment(&text);
        at.map(Self).ok_or_else(|| D::Error::custom(format!("{text:?} is no date and time")))
    }
}

/// Which part of a list is asked for, in which order.
#[derive(Debug, Clone)]
pub(crate) struct Paging {
    pub(crate) limit: u32,
    pub(crate) offset: u32,
    /// A field of the answer, and whether the greatest comes first.
    order: Option<(String, bool)>,
}

impl Paging {
    pub(crate) fn of(asked: &Fields) -> Result<Self, Problem> {
        let number = |name: &str, otherwise: u32| match asked.text(name) {
            "" => Ok(otherwise),
            text => text.parse::<u32>().map_err(|_| {
                Problem::unprocessable(format!("{name}: {text:?} is not a whole number from 0 on"))
            }),
        };
        let limit = match number("limit", LIMIT)? {
            0 => LIMIT,
            limit => limit.min(LIMIT_MAX),
        };
        let order = asked.some("order_by").map(|field| match field.strip_prefix('-') {
            Some(field) => (field.to_owned(), true),
            None => (field, false),
        });
        Ok(Self { limit, offset: number("offset", 0)?, order })
    }

    /// Whether the list must be read whole to be put in order.
    pub(crate) fn ordered(&self) -> bool {
        self.order.is_some()
    }

    /// The part that is asked for of a list that was read whole.
    pub(crate) fn cut(&self, items: Vec<Value>) -> Result<Vec<Value>, Problem> {
        let items = self.sorted(items)?;
        let (from, count) = (self.offset as usize, self.limit as usize);
        Ok(items.into_iter().skip(from).take(count).collect())
    }

    fn sorted(&self, mut items: Vec<Value>) -> Result<Vec<Value>, Problem> {
        let Some((field, descending)) = &self.order else { return Ok(items) };
        // Airflow's names of its columns differ from those of its answers.
        let field = match field.as_str() {
            "id" => "run_after",
            "run_id" => "dag_run_id",
            "conn_id" => "connection_id",
            "dttm" => "when",
            field => field,
        };
        if items.first().is_some_and(|item| item.get(field).is_none_or(|value| !plain(value))) {
            return Err(Problem::bad(format!(
                "Ordering with '{field}' is disallowed or the attribute does not exist on the model"
            )));
        }
        items.sort_by(|one, other| {
            let order = compare(one.get(field), other.get(field));
            if *descending { order.reverse() } else { order }
        });
        Ok(items)
    }
}

fn plain(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

fn compare(one: Option<&Value>, other: Option<&Value>) -> std::cmp::Ordering {
    match (one, other) {
        (Some(Value::Number(one)), Some(Value::Number(other))) => {
            one.as_f64().unwrap_or(0.0).total_cmp(&other.as_f64().unwrap_or(0.0))
        }
        (Some(Value::String(one)), Some(Value::String(other))) => one.cmp(other),
        (Some(Value::Bool(one)), Some(Value::Bool(other))) => one.cmp(other),
        // What is not there comes last.
        (None | Some(Value::Null), None | Some(Value::Null)) => std::cmp::Ordering::Equal,
        (None | Some(Value::Null), _) => std::cmp::Ordering::Greater,
        (_, None | Some(Value::Null)) => std::cmp::Ordering::Less,
        _ => std::cmp::Ordering::Equal,
    }
}

/// A list that was read whole, under its name, with how many there are.
pub(crate) fn whole(name: &str, items: Vec<Value>, paging: &Paging) -> Answered {
    let total = items.len() as u64;
    Ok(part(name, paging.cut(items)?, total))
}

/// A part of a list, under its name, with how many there are.
pub(crate) fn part(name: &str, items: Vec<Value>, total: u64) -> Json<Value> {
    Json(json!({name: items, "total_entries": total}))
}

/// How much to read of a list: the part that is asked for, or all of it to put it in order.
pub(crate) fn window(paging: &Paging) -> (u32, u32) {
    if paging.ordered() { (metadata::ROWS_MAX, 0) } else { (paging.limit, paging.offset) }
}

/// The answer for a window that was read.
pub(crate) fn windowed(name: &str, items: Vec<Value>, total: u64, paging: &Paging) -> Answered {
    if !paging.ordered() {
        return Ok(part(name, items, total));
    }
    if total > ORDERED_MAX {
        return Err(Problem::bad(format!(
            "order_by: there are {total} entries, and up to {ORDERED_MAX} are put in another order \
             than their own; narrow the list, or leave order_by out"
        )));
    }
    Ok(part(name, paging.cut(items)?, total))
}

/// `~` stands for all.
pub(crate) fn wild(id: &str) -> Option<&str> {
    Some(id).filter(|id| *id != "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(query: &str) -> Result<Paging, Problem> {
        Paging::of(&Fields::read(query))
    }

    #[test]
    fn limits_are_airflows() {
        assert_eq!(paging("").unwrap().limit, 50);
        assert_eq!(paging("limit=0").unwrap().limit, 50);
        assert_eq!(paging("limit=7&offset=3").unwrap().offset, 3);
        assert_eq!(paging("limit=1000").unwrap().limit, 100);
        assert!(paging("limit=-1").is_err() && paging("offset=x").is_err());
    }

    #[test]
    fn a_list_is_ordered_by_its_fields_and_by_no_others() {
        let items = || {
            vec![json!({"a": 2, "b": null}), json!({"a": 10, "b": "x"}), json!({"a": 1, "b": "w"})]
        };
        let order = |query: &str| {
            let cut = paging(query).unwrap().cut(items())?;
            Ok::<_, Problem>(cut.iter().map(|item| item["a"].as_i64().unwrap()).collect::<Vec<_>>())
        };
        assert_eq!(order("order_by=a").unwrap(), [1, 2, 10]);
        assert_eq!(order("order_by=-a&limit=2").unwrap(), [10, 2]);
        assert_eq!(order("order_by=b").unwrap(), [1, 10, 2]);
        assert_eq!(order("order_by=c").unwrap_err().status, 400);
        assert_eq!(order("offset=1").unwrap(), [10, 1]);
    }
}
