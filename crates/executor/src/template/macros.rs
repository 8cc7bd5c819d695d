//! `macros` and the filters that Airflow adds to Jinja's.

use super::lookup::map;
use super::moment::{Moment, Span, parse, strftime, wrong};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Serde, Value, from_args};
use minijinja::{Environment, Error, ErrorKind, State};
use runtime::Clock;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

/// `ds`, `ts` and their like as filters of times.
pub(super) fn add_filters(environment: &mut Environment<'static>) {
    let patterns = [("ds", "%Y-%m-%d"), ("ds_nodash", "%Y%m%d"), ("ts_nodash", "%Y%m%dT%H%M%S")];
    for (name, pattern) in patterns {
        environment.add_filter(name, move |value: &Value| shown(value, |m| m.strftime(pattern)));
    }
    environment.add_filter("ts", |value: &Value| shown(value, |m| Ok(m.isoformat("T"))));
    environment.add_filter("ts_nodash_with_tz", |value: &Value| {
        shown(value, |m| Ok(m.isoformat("T").replace(['-', ':'], "")))
    });
}

fn shown(value: &Value, show: impl Fn(&Moment) -> Result<String, Error>) -> Result<Value, Error> {
    if value.is_none() {
        return Ok(Value::from(()));
    }
    let moment = value.downcast_object_ref::<Moment>();
    let moment =
        moment.ok_or_else(|| wrong(format!("{value} is no time, and the filter wants one")))?;
    show(moment).map(Value::from)
}

/// The object `macros`.
pub(super) fn all(clock: &Arc<dyn Clock>) -> Value {
    let part = |name| Value::from_object(Part { name, clock: Arc::clone(clock) });
    map([
        ("ds_add", Value::from_function(ds_add)),
        ("ds_format", Value::from_function(ds_format)),
        ("datetime", part(Name::Datetime)),
        ("timedelta", part(Name::Timedelta)),
        ("dateutil", map([("parser", part(Name::Parser))])),
        ("time", part(Name::Time)),
        ("uuid", part(Name::Uuid)),
        ("random", part(Name::Random)),
        ("json", part(Name::Json)),
    ])
}

fn ds_add(ds: &str, days: i64) -> Result<String, Error> {
    let date = NaiveDate::parse_from_str(ds, "%Y-%m-%d").map_err(|error| {
        wrong(format!("ds_add wants a date like 2026-01-31, not {ds:?}: {error}"))
    })?;
    let moved = chrono::Duration::try_days(days).and_then(|days| date.checked_add_signed(days));
    moved.map(|date| date.to_string()).ok_or_else(|| wrong("the date lies out of range"))
}

fn ds_format(ds: &str, input: &str, output: &str) -> Result<String, Error> {
    Moment::naive(parse(ds, input)?).strftime(output)
}

#[derive(Debug, Clone, Copy)]
enum Name {
    Datetime,
    Timedelta,
    Parser,
    Time,
    Uuid,
    Random,
    Json,
}

/// A Python module or class of `macros`.
#[derive(Debug)]
struct Part {
    name: Name,
    clock: Arc<dyn Clock>,
}

impl Part {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.clock.wall_micros()).unwrap_or_default()
    }

    fn method(&self, method: &str, arguments: &[Value]) -> Result<Value, Error> {
        let moment = |moment: Moment| Ok(Value::from_object(moment));
        match (self.name, method) {
            (Name::Datetime, "now") => moment(match arguments {
                [] => Moment::naive(self.now().naive_utc()),
                _ => Moment::utc(self.now()),
            }),
            (Name::Datetime, "utcnow" | "today") => moment(Moment::naive(self.now().naive_utc())),
            (Name::Datetime, "strptime") => {
                let (text, pattern): (String, String) = from_args(arguments)?;
                moment(Moment::naive(parse(&text, &pattern)?))
            }
            (Name::Datetime, "fromisoformat") | (Name::Parser, "parse") => {
                let (text,): (String,) = from_args(arguments)?;
                moment(iso(&text)?)
            }
            (Name::Datetime, "fromtimestamp" | "utcfromtimestamp") => {
                let (seconds, _zone): (f64, Option<Value>) = from_args(arguments)?;
                #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
                let time = DateTime::from_timestamp_micros((seconds * 1e6).round() as i64);
                let time = time.ok_or_else(|| wrong("the time lies out of range"))?;
                moment(Moment::naive(time.naive_utc()))
            }
            #[expect(clippy::cast_precision_loss, reason = "Python's own is a float too")]
            (Name::Time, "time") => Ok(Value::from(self.clock.wall_micros() as f64 / 1e6)),
            (Name::Time, "time_ns") => {
                Ok(Value::from(self.clock.wall_micros().saturating_mul(1_000)))
            }
            (Name::Time, "strftime") => {
                let (pattern,): (String,) = from_args(arguments)?;
                Moment::utc(self.now()).strftime(&pattern).map(Value::from)
            }
            (Name::Uuid, "uuid4" | "uuid1") => Ok(Value::from(uuid4())),
            (Name::Random, "random") => Ok(Value::from(unit())),
            (Name::Json, "dumps") => {
                let (value,): (Value,) = from_args(arguments)?;
                let text =
                    serde_json::to_string(&value).map_err(|error| wrong(error.to_string()))?;
                Ok(Value::from(text))
            }
            (Name::Json, "loads") => {
                let (text,): (String,) = from_args(arguments)?;
                let value: serde_json::Value = serde_json::from_str(&text)
                    .map_err(|error| wrong(format!("this is no JSON: {error}")))?;
                Ok(Value::from(Serde(value)))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

impl Object for Part {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        match self.name {
            Name::Datetime => date_of(arguments).map(Value::from_object),
            Name::Timedelta => Span::call(arguments).map(Value::from_object),
            Name::Random => Ok(Value::from(unit())),
            _ => Err(wrong("this is a module, not a function")),
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        self.method(method, arguments)
    }
}

/// `datetime(year, month, day, hour=0, minute=0, second=0, microsecond=0)`.
fn date_of(arguments: &[Value]) -> Result<Moment, Error> {
    const NAMES: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
    let (plain, named): (&[Value], Kwargs) = match arguments.split_last() {
        Some((last, plain)) if last.is_kwargs() => (plain, Kwargs::try_from(last.clone())?),
        _ => (arguments, Kwargs::from_iter(Vec::<(String, Value)>::new())),
    };
    let mut parts = [None, None, None, Some(0), Some(0), Some(0), Some(0)];
    for (part, value) in parts.iter_mut().zip(plain) {
        *part = Some(u32::try_from(value.clone())?);
    }
    for (part, name) in parts.iter_mut().zip(NAMES) {
        if let Some(value) = named.get::<Option<u32>>(name)? {
            *part = Some(value);
        }
    }
    named.assert_all_used()?;
    let [Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second), Some(micro)] =
        parts
    else {
        return Err(wrong("datetime wants year, month and day"));
    };
    i32::try_from(year)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
        .and_then(|date| date.and_hms_micro_opt(hour, minute, second, micro))
        .map(Moment::naive)
        .ok_or_else(|| wrong("there is no such time"))
}

/// ISO 8601 as people write it.
fn iso(text: &str) -> Result<Moment, Error> {
    let text = text.trim();
    let stamp = text.replacen(' ', "T", 1);
    if let Ok(time) = DateTime::parse_from_rfc3339(&stamp) {
        return Ok(Moment::utc(time.to_utc()));
    }
    let naive = stamp.parse::<NaiveDateTime>().ok();
    let date = || Some(text.parse::<NaiveDate>().ok()?.and_time(chrono::NaiveTime::MIN));
    let found = naive.or_else(date);
    found.map(Moment::naive).ok_or_else(|| wrong(format!("{text:?} is no ISO 8601 time")))
}

/// Random bits: the standard library seeds each of these from the system's randomness.
fn random_bits() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A number from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
fn unit() -> f64 {
    (random_bits() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A random UUID (RFC 9562, version 4).
fn uuid4() -> String {
    let (high, low) = (random_bits(), random_bits());
    let high = (high & !0xf000) | 0x4000;
    let low = (low >> 2) | (1 << 63);
    let hex = format!("{high:016x}{low:016x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

impl Moment {
    /// The time in Python's `strftime`.
    fn strftime(&self, pattern: &str) -> Result<String, Error> {
        strftime(self.time(), self.is_aware(), pattern)
    }
}
