//! Times and spans of time as templates see them: the part of Python's `datetime` and of pendulum that
//! templates use.

mod format;
mod span;

pub(super) use format::{parse, strftime};
pub(super) use span::Span;

use super::operators;
use chrono::{
    DateTime, Datelike, Days, Months, NaiveDateTime, NaiveTime, Offset, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;
use minijinja::value::{DynObject, Enumerator, Kwargs, Object, ObjectRepr, Value, from_args};
use minijinja::{Error, ErrorKind, State};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A time: with a zone, without one, or a date alone.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    time: DateTime<Tz>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Aware,
    Naive,
    Date,
}

pub(super) fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text.into())
}

impl Moment {
    pub(super) fn utc(time: DateTime<Utc>) -> Self {
        Self { time: time.with_timezone(&Tz::UTC), kind: Kind::Aware }
    }

    pub(super) fn naive(time: NaiveDateTime) -> Self {
        Self { time: Tz::UTC.from_utc_datetime(&time), kind: Kind::Naive }
    }

    pub(super) fn time(&self) -> &DateTime<Tz> {
        &self.time
    }

    /// Whether it has a zone.
    pub(super) fn is_aware(&self) -> bool {
        self.kind == Kind::Aware
    }

    fn with(&self, time: DateTime<Tz>) -> Self {
        Self { time, kind: self.kind }
    }

    /// The wall time of this zone; of two, the earlier; of none, an hour later.
    fn at(&self, local: NaiveDateTime) -> Result<Self, Error> {
        let zone = self.time.timezone();
        let found = zone.from_local_datetime(&local).earliest().or_else(|| {
            let later = local.checked_add_signed(chrono::Duration::hours(1))?;
            zone.from_local_datetime(&later).earliest()
        });
        found.map(|time| self.with(time)).ok_or_else(|| wrong(format!("there is no time {local}")))
    }

    pub(super) fn isoformat(&self, between: &str) -> String {
        if self.kind == Kind::Date {
            return self.time.format("%Y-%m-%d").to_string();
        }
        let fraction = if self.time.nanosecond() >= 1_000 { "%.6f" } else { "" };
        let zone = if self.kind == Kind::Aware { "%:z" } else { "" };
        self.time.format(&format!("%Y-%m-%d{between}%H:%M:%S{fraction}{zone}")).to_string()
    }

    /// This time and a span, forwards.
    pub(super) fn plus(&self, span: &Span) -> Result<Self, Error> {
        let moved = self.time.checked_add_signed(span.duration());
        moved.map(|time| self.with(time)).ok_or_else(out_of_range)
    }

    /// From `other` to this.
    pub(super) fn since(&self, other: &Self) -> Span {
        Span::new(self.time.signed_duration_since(other.time))
    }

    fn moved(&self, arguments: &[Value], forwards: bool) -> Result<Self, Error> {
        let (years, named): (Option<i64>, Kwargs) = from_args(arguments)?;
        let of = |name| -> Result<i64, Error> { Ok(named.get::<Option<i64>>(name)?.unwrap_or(0)) };
        let sign = if forwards { 1 } else { -1 };
        let years = years.unwrap_or(0).saturating_add(of("years")?);
        let months = years.saturating_mul(12).saturating_add(of("months")?).saturating_mul(sign);
        let days = of("weeks")?.saturating_mul(7).saturating_add(of("days")?).saturating_mul(sign);
        let span = Span::of(&named, &["hours", "minutes", "seconds", "microseconds"])?;
        named.assert_all_used()?;
        let local = shifted(self.time.naive_local(), months, days).ok_or_else(out_of_range)?;
        let moved = if months == 0 && days == 0 { self.clone() } else { self.at(local)? };
        moved.plus(&if forwards { span } else { span.negated() })
    }

    fn replaced(&self, arguments: &[Value]) -> Result<Self, Error> {
        let (named,): (Kwargs,) = from_args(arguments)?;
        let local = self.time.naive_local();
        let of = |name, old: u32| -> Result<u32, Error> {
            Ok(named.get::<Option<u32>>(name)?.unwrap_or(old))
        };
        let year = named.get::<Option<i32>>("year")?.unwrap_or(local.year());
        let date = chrono::NaiveDate::from_ymd_opt(
            year,
            of("month", local.month())?,
            of("day", local.day())?,
        );
        let time = NaiveTime::from_hms_micro_opt(
            of("hour", local.hour())?,
            of("minute", local.minute())?,
            of("second", local.second())?,
            of("microsecond", local.nanosecond() / 1_000)?,
        );
        named.assert_all_used()?;
        let (date, time) = date.zip(time).ok_or_else(out_of_range)?;
        self.at(date.and_time(time))
    }

    fn in_zone(&self, arguments: &[Value]) -> Result<Self, Error> {
        let (name,): (String,) = from_args(arguments)?;
        let zone: Tz = name.parse().map_err(|_| wrong(format!("there is no time zone {name}")))?;
        Ok(Self { time: self.time.with_timezone(&zone), kind: Kind::Aware })
    }

    /// pendulum's `start_of` and `end_of`.
    fn edge(&self, arguments: &[Value], end: bool) -> Result<Self, Error> {
        let (unit,): (String,) = from_args(arguments)?;
        let local = self.time.naive_local();
        let day = local.date();
        let (first, months, days) = match unit.as_str() {
            "day" => (Some(day), 0, 1),
            "week" => {
                let back = u64::from(day.weekday().num_days_from_monday());
                (day.checked_sub_days(Days::new(back)), 0, 7)
            }
            "month" => (day.with_day(1), 1, 0),
            "year" => (day.with_ordinal(1), 12, 0),
            "hour" => {
                let hour = local.with_minute(0).and_then(|t| t.with_second(0));
                let hour = hour.and_then(|t| t.with_nanosecond(0)).ok_or_else(out_of_range)?;
                let last = hour + chrono::Duration::microseconds(3_599_999_999);
                return self.at(if end { last } else { hour });
            }
            other => {
                return Err(wrong(format!("{other:?} is none of hour, day, week, month, year")));
            }
        };
        let first = first.map(|day| day.and_time(NaiveTime::MIN)).ok_or_else(out_of_range)?;
        if !end {
            return self.at(first);
        }
        let next = shifted(first, months, days).ok_or_else(out_of_range)?;
        self.at(next - chrono::Duration::microseconds(1))
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Result<Value, Error> {
        let moment = |moment: Self| Ok(Value::from_object(moment));
        match name {
            "strftime" => {
                let (pattern,): (String,) = from_args(arguments)?;
                strftime(&self.time, self.kind == Kind::Aware, &pattern).map(Value::from)
            }
            "isoformat" => {
                let (between,): (Option<String>,) = from_args(arguments)?;
                Ok(Value::from(self.isoformat(between.as_deref().unwrap_or("T"))))
            }
            "add" => moment(self.moved(arguments, true)?),
            "subtract" => moment(self.moved(arguments, false)?),
            "replace" | "set" => moment(self.replaced(arguments)?),
            "in_timezone" | "in_tz" | "astimezone" => moment(self.in_zone(arguments)?),
            "start_of" => moment(self.edge(arguments, false)?),
            "end_of" => moment(self.edge(arguments, true)?),
            operators::PLUS => self.add_operator(arguments, false),
            operators::MINUS => self.add_operator(arguments, true),
            _ => {
                let () = from_args(arguments)?;
                self.plain(name).ok_or_else(|| Error::from(ErrorKind::UnknownMethod))
            }
        }
    }

    /// Methods without arguments.
    fn plain(&self, name: &str) -> Option<Value> {
        let shown = |pattern: &str| Value::from(self.time.format(pattern).to_string());
        Some(match name {
            "date" => Value::from_object(Self { kind: Kind::Date, ..self.clone() }),
            "naive" => Value::from_object(Self::naive(self.time.naive_local())),
            "timestamp" => self.member("float_timestamp")?,
            "weekday" => Value::from(self.time.weekday().num_days_from_monday()),
            "isoweekday" => Value::from(self.time.weekday().number_from_monday()),
            "toordinal" => Value::from(self.time.num_days_from_ce()),
            "to_date_string" => shown("%Y-%m-%d"),
            "to_datetime_string" => shown("%Y-%m-%d %H:%M:%S"),
            "to_time_string" => shown("%H:%M:%S"),
            "to_iso8601_string" => {
                let text = self.isoformat("T");
                Value::from(text.strip_suffix("+00:00").map(|t| format!("{t}Z")).unwrap_or(text))
            }
            "ctime" => shown("%a %b %e %H:%M:%S %Y"),
            _ => return None,
        })
    }

    /// `a + span`, `a - span` and `a - b`, which [`super::operators`] has made calls.
    fn add_operator(&self, arguments: &[Value], minus: bool) -> Result<Value, Error> {
        let (other,): (&Value,) = from_args(arguments)?;
        if let Some(span) = other.downcast_object_ref::<Span>() {
            let span = if minus { span.negated() } else { span.clone() };
            return self.plus(&span).map(Value::from_object);
        }
        match other.downcast_object_ref::<Self>() {
            Some(other) if minus => Ok(Value::from_object(self.since(other))),
            _ => Err(wrong("to a time only a span can be added: macros.timedelta(days=1)")),
        }
    }

    fn member(&self, name: &str) -> Option<Value> {
        let time = &self.time;
        let whole = |value: u32| Some(Value::from(value));
        match name {
            "year" => Some(Value::from(time.year())),
            "month" => whole(time.month()),
            "day" => whole(time.day()),
            "hour" => whole(time.hour()),
            "minute" => whole(time.minute()),
            "second" => whole(time.second()),
            "microsecond" => whole(time.nanosecond() / 1_000),
            "quarter" => whole(time.month0() / 3 + 1),
            "day_of_year" => whole(time.ordinal()),
            "day_of_week" => whole(time.weekday().num_days_from_monday()),
            "week_of_year" => whole(time.iso_week().week()),
            "int_timestamp" => Some(Value::from(time.timestamp())),
            #[expect(clippy::cast_precision_loss, reason = "Python's own is a float too")]
            "float_timestamp" => Some(Value::from(time.timestamp_micros() as f64 / 1e6)),
            "offset" => Some(Value::from(time.offset().fix().local_minus_utc())),
            "timezone_name" | "timezone" | "tz" | "tzinfo" => {
                Some(Value::from(time.timezone().name()))
            }
            _ => None,
        }
    }
}

fn out_of_range() -> Error {
    wrong("the time lies out of range")
}

fn shifted(from: NaiveDateTime, months: i64, days: i64) -> Option<NaiveDateTime> {
    let count = |value: i64| u32::try_from(value.unsigned_abs()).ok().map(Months::new);
    let moved = match months.cmp(&0) {
        Ordering::Less => from.checked_sub_months(count(months)?)?,
        _ => from.checked_add_months(count(months)?)?,
    };
    match days.cmp(&0) {
        Ordering::Less => moved.checked_sub_days(Days::new(days.unsigned_abs())),
        _ => moved.checked_add_days(Days::new(days.unsigned_abs())),
    }
}

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.member(key.as_str()?)
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
        self.method(method, arguments)
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        other.downcast_ref::<Self>().map(|other| self.time.cmp(&other.time))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.isoformat(" "))
    }
}
