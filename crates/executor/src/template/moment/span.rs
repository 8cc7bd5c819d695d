//! `macros.timedelta`.

use super::{Moment, wrong};
use crate::template::operators;
use chrono::Duration;
use minijinja::value::{DynObject, Enumerator, Kwargs, Object, ObjectRepr, Value, from_args};
use minijinja::{Error, ErrorKind, State};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// Microseconds of each unit.
const UNITS: [(&str, f64); 7] = [
    ("weeks", 604_800e6),
    ("days", 86_400e6),
    ("hours", 3_600e6),
    ("minutes", 60e6),
    ("seconds", 1e6),
    ("milliseconds", 1e3),
    ("microseconds", 1.0),
];

const DAY_MICROS: i64 = 86_400_000_000;

/// A span of time, which may be negative.
#[derive(Debug, Clone)]
pub(in crate::template) struct Span(Duration);

impl Span {
    pub(super) fn new(duration: Duration) -> Self {
        Self(duration)
    }

    pub(super) fn duration(&self) -> Duration {
        self.0
    }

    pub(super) fn negated(&self) -> Self {
        Self(-self.0)
    }

    /// The sum of the named arguments of these units.
    pub(super) fn of(named: &Kwargs, units: &[&str]) -> Result<Self, Error> {
        let mut micros = 0.0;
        for (unit, size) in UNITS.iter().filter(|(unit, _)| units.contains(unit)) {
            micros += named.get::<Option<f64>>(unit)?.unwrap_or(0.0) * size;
        }
        Self::micros(micros)
    }

    fn micros(micros: f64) -> Result<Self, Error> {
        // Ten thousand years.
        if micros.is_nan() || micros.abs() > 3.2e17 {
            return Err(wrong("the span of time is too long"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "rounded, and in range")]
        Ok(Self(Duration::microseconds(micros.round() as i64)))
    }

    /// `timedelta(days, seconds, microseconds, milliseconds, minutes, hours, weeks)`.
    pub(in crate::template) fn call(arguments: &[Value]) -> Result<Self, Error> {
        let (days, seconds, named): (Option<f64>, Option<f64>, Kwargs) = from_args(arguments)?;
        let units = UNITS.map(|(unit, _)| unit);
        let span = Self::of(&named, &units)?;
        named.assert_all_used()?;
        let plain = days.unwrap_or(0.0) * 86_400e6 + seconds.unwrap_or(0.0) * 1e6;
        Ok(Self(span.0 + Self::micros(plain)?.0))
    }

    /// Days, and the microseconds of the day after them, as Python splits them.
    fn split(&self) -> (i64, i64) {
        let micros = self.0.num_microseconds().unwrap_or(i64::MAX);
        (micros.div_euclid(DAY_MICROS), micros.rem_euclid(DAY_MICROS))
    }

    #[expect(clippy::cast_precision_loss, reason = "Python's own is a float too")]
    fn total_seconds(&self) -> f64 {
        self.0.num_microseconds().unwrap_or(i64::MAX) as f64 / 1e6
    }

    fn add_operator(&self, arguments: &[Value], minus: bool) -> Result<Value, Error> {
        let (other,): (&Value,) = from_args(arguments)?;
        if let Some(span) = other.downcast_object_ref::<Self>() {
            let span = if minus { self.0 - span.0 } else { self.0 + span.0 };
            return Ok(Value::from_object(Self(span)));
        }
        match other.downcast_object_ref::<Moment>() {
            Some(moment) if !minus => moment.plus(self).map(Value::from_object),
            _ => Err(wrong("to a span only a span or a time can be added")),
        }
    }
}

impl Object for Span {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (days, micros) = self.split();
        match key.as_str()? {
            "days" => Some(Value::from(days)),
            "seconds" => Some(Value::from(micros / 1_000_000)),
            "microseconds" => Some(Value::from(micros % 1_000_000)),
            _ => None,
        }
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
        match method {
            "total_seconds" => Ok(Value::from(self.total_seconds())),
            operators::PLUS => self.add_operator(arguments, false),
            operators::MINUS => self.add_operator(arguments, true),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        other.downcast_ref::<Self>().map(|other| self.0.cmp(&other.0))
    }

    /// As Python writes it: `1 day, 2:00:00`.
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, micros) = self.split();
        if days != 0 {
            let plural = if days.abs() == 1 { "" } else { "s" };
            write!(f, "{days} day{plural}, ")?;
        }
        let seconds = micros / 1_000_000;
        write!(f, "{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
        match micros % 1_000_000 {
            0 => Ok(()),
            fraction => write!(f, ".{fraction:06}"),
        }
    }
}
