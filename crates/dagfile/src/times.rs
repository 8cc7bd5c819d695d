//! Dates, lengths of time and schedules, as dag-factory writes them.

use crate::Problem;
use crate::fields::Fields;
use crate::yaml::{Content, Node};
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};
use dag::Schedule;
use timetable::{Cron, Timetable, Zone};

/// The classes that may be written as `__type__`.
const DATETIME: &[&str] =
    &["datetime.datetime", "pendulum.datetime", "airflow.utils.timezone.datetime"];
const TIMEDELTA: &[&str] = &["datetime.timedelta"];

fn type_of(node: &Node) -> Option<&str> {
    match &node.get("__type__")?.content {
        Content::Text(text) => Some(text),
        _ => None,
    }
}

/// A moment: a date, a date and time, in `zone` if it names none.
pub(crate) fn moment(node: &Node, zone: Zone) -> Result<DateTime<Utc>, Problem> {
    let wanted = "write a date, as in 2026-01-31 or 2026-01-31T08:00:00+01:00";
    if type_of(node).is_some_and(|name| DATETIME.contains(&name)) {
        return parts(node, zone).ok_or_else(|| node.problem(wanted));
    }
    let Content::Text(text) = &node.content else {
        return Err(node.problem(format!("{} is not a date; {wanted}", node.kind())));
    };
    if let Ok(at) = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
        return Ok(at.with_timezone(&Utc));
    }
    let local =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
            .into_iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
            .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    local
        .and_then(|local| zone.moment(local))
        .ok_or_else(|| node.problem(format!("{text} is not a date; {wanted}")))
}

fn parts(node: &Node, zone: Zone) -> Option<DateTime<Utc>> {
    let part = |name: &str, least: u32| match node.get(name).map(|value| &value.content) {
        None => Some(least),
        Some(Content::Integer(number)) => u32::try_from(*number).ok(),
        Some(_) => None,
    };
    let year = i32::try_from(part("year", 0)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, part("month", 1)?, part("day", 1)?)?;
    zone.moment(date.and_hms_opt(part("hour", 0)?, part("minute", 0)?, part("second", 0)?)?)
}

/// A length of time: seconds, or a `datetime.timedelta`.
pub(crate) fn length(node: &Node) -> Result<Duration, Problem> {
    let wanted = "write seconds, or {__type__: datetime.timedelta, minutes: 5}";
    match &node.content {
        Content::Integer(seconds) => Duration::try_seconds(*seconds),
        Content::Map(_) if type_of(node).is_some_and(|name| TIMEDELTA.contains(&name)) => {
            delta(node)
        }
        _ => None,
    }
    .ok_or_else(|| node.problem(format!("{} is not a length of time; {wanted}", node.kind())))
}

fn delta(node: &Node) -> Option<Duration> {
    let Content::Map(pairs) = &node.content else { return None };
    let mut whole = Duration::zero();
    for (key, value) in pairs {
        let unit = match key.name.as_str() {
            "__type__" => continue,
            "weeks" => 604_800,
            "days" => 86_400,
            "hours" => 3_600,
            "minutes" => 60,
            "seconds" => 1,
            _ => return None,
        };
        let Content::Integer(number) = value.content else { return None };
        whole = whole.checked_add(&Duration::try_seconds(number.checked_mul(unit)?)?)?;
    }
    Some(whole)
}

/// The schedule of a DAG: `schedule`, `schedule_interval` or `timetable`, one of them at most.
pub(crate) fn schedule(fields: &mut Fields<'_, '_>, zone: Zone) -> Schedule {
    let never = || Schedule { text: "None".to_owned(), timetable: Timetable::Null };
    let plain = fields.take_nullable("schedule");
    let old = fields.take_nullable("schedule_interval");
    let timetable = fields.take("timetable");
    let given: Vec<&Node> = [plain, old, timetable].into_iter().flatten().collect();
    if let [_, second, ..] = given[..] {
        let message = "a DAG has one of schedule, schedule_interval and timetable";
        fields.problem(second.problem(message));
        return never();
    }
    let read = match (timetable, plain.or(old)) {
        (Some(node), _) => by_class(node, zone),
        (None, Some(node)) => by_value(node, zone),
        (None, None) => return never(),
    };
    read.unwrap_or_else(|problem| {
        fields.problem(problem);
        never()
    })
}

fn by_value(node: &Node, zone: Zone) -> Result<Schedule, Problem> {
    if let Content::Map(_) = node.content {
        let delta = positive(node)?;
        let text = format!("every {} s", delta.num_seconds());
        let timetable = Timetable::DeltaTrigger { delta, interval: Duration::zero() };
        return Ok(Schedule { text, timetable });
    }
    let text = match &node.content {
        Content::Null => "None",
        Content::Text(text) => text.as_str(),
        _ => return Err(node.problem(format!("a schedule is a text, not {}", node.kind()))),
    };
    let timetable = match text {
        "None" => Timetable::Null,
        "@once" => Timetable::Once,
        "@continuous" => Timetable::Continuous,
        _ => Timetable::CronTrigger { cron: cron(node, text)?, zone, interval: Duration::zero() },
    };
    Ok(Schedule { text: text.to_owned(), timetable })
}

/// `timetable: {callable: airflow.timetables..., params: {...}}`.
fn by_class(node: &Node, zone: Zone) -> Result<Schedule, Problem> {
    let text = |node: Option<&Node>| match node.map(|node| &node.content) {
        Some(Content::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let class = text(node.get("callable"));
    let class = class.as_deref().and_then(|path| path.rsplit('.').next()).unwrap_or_default();
    let params = node.get("params").unwrap_or(node);
    let zone = match params.get("timezone") {
        None => zone,
        Some(named) => self::zone(named)?,
    };
    let expression = || {
        let expression = params.get("cron").ok_or_else(|| params.problem("params needs cron"))?;
        let text = text(Some(expression)).unwrap_or_default();
        Ok((cron(expression, &text)?, text))
    };
    let delta =
        || positive(params.get("delta").ok_or_else(|| params.problem("params needs delta"))?);
    let interval = match params.get("interval") {
        None => Duration::zero(),
        Some(node) => length(node)?,
    };
    let (text, timetable) = match class {
        "CronTriggerTimetable" => {
            let (cron, text) = expression()?;
            (text, Timetable::CronTrigger { cron, zone, interval })
        }
        "CronDataIntervalTimetable" => {
            let (cron, text) = expression()?;
            (text, Timetable::CronInterval { cron, zone })
        }
        "DeltaTriggerTimetable" => {
            let delta = delta()?;
            (
                format!("every {} s", delta.num_seconds()),
                Timetable::DeltaTrigger { delta, interval },
            )
        }
        "DeltaDataIntervalTimetable" => {
            let delta = delta()?;
            (format!("every {} s", delta.num_seconds()), Timetable::DeltaInterval { delta })
        }
        "NullTimetable" => ("None".to_owned(), Timetable::Null),
        "OnceTimetable" => ("@once".to_owned(), Timetable::Once),
        "ContinuousTimetable" => ("@continuous".to_owned(), Timetable::Continuous),
        other => {
            let message = format!(
                "the timetable {other:?} is not supported; there are CronTriggerTimetable, \
                 CronDataIntervalTimetable, DeltaTriggerTimetable and DeltaDataIntervalTimetable"
            );
            return Err(node.problem(message));
        }
    };
    Ok(Schedule { text, timetable })
}

fn cron(node: &Node, text: &str) -> Result<Cron, Problem> {
    Cron::parse(text).map_err(|error| node.problem(error.to_string()))
}

fn positive(node: &Node) -> Result<Duration, Problem> {
    let length = length(node)?;
    if length > Duration::zero() {
        return Ok(length);
    }
    Err(node.problem("a schedule's length of time is more than zero"))
}

/// A time zone by name.
pub(crate) fn zone(node: &Node) -> Result<Zone, Problem> {
    match &node.content {
        Content::Text(text) => Zone::named(text).map_err(|error| node.problem(error.to_string())),
        _ => Err(node.problem(format!("a time zone is a text, not {}", node.kind()))),
    }
}
