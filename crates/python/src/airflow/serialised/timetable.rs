//! Timetables.

use super::{length, plain, text};
use chrono::Duration;
use dag::Schedule;
use serde_json::Value;
use timetable::{Cron, Timetable, Zone};

/// No schedule.
pub(super) fn never() -> Schedule {
    Schedule { text: "None".to_owned(), timetable: Timetable::Null }
}

/// When a DAG runs.
pub(super) fn schedule(json: &Value) -> Result<Schedule, String> {
    let class = text(&json["__type"]).unwrap_or_default();
    let name = class.rsplit('.').next().unwrap_or_default();
    let fields = plain(json);
    let ours = class.starts_with("airflow.timetables.");
    let (text, timetable) = match name {
        "NullTimetable" => return Ok(never()),
        "OnceTimetable" => ("@once".to_owned(), Timetable::Once),
        "ContinuousTimetable" => ("@continuous".to_owned(), Timetable::Continuous),
        "CronTriggerTimetable" if ours => {
            let (text, cron, zone) = cron(fields)?;
            (text, Timetable::CronTrigger { cron, zone, interval: interval(fields) })
        }
        "CronDataIntervalTimetable" if ours => {
            let (text, cron, zone) = cron(fields)?;
            (text, Timetable::CronInterval { cron, zone })
        }
        "DeltaTriggerTimetable" if ours => {
            let (text, delta) = delta(fields)?;
            (text, Timetable::DeltaTrigger { delta, interval: interval(fields) })
        }
        "DeltaDataIntervalTimetable" if ours => {
            let (text, delta) = delta(fields)?;
            (text, Timetable::DeltaInterval { delta })
        }
        _ if name.contains("Asset") => {
            return Err("it is scheduled by assets, which is not there yet; give it a cron \
                        expression, or schedule=None"
                .to_owned());
        }
        _ => {
            return Err(format!(
                "the timetable {class} is not there yet; there are cron expressions, lengths of time, \
                 @once and @continuous"
            ));
        }
    };
    Ok(Schedule { text, timetable })
}

fn cron(fields: &Value) -> Result<(String, Cron, Zone), String> {
    let expression = text(&fields["expression"]).unwrap_or_default();
    let cron = Cron::parse(&expression).map_err(|error| error.to_string())?;
    // A fixed offset is a number.
    let zone = match &fields["timezone"] {
        Value::Number(seconds) => fixed(seconds.as_i64().unwrap_or(1))?,
        named => text(named).unwrap_or_else(|| "UTC".to_owned()),
    };
    let zone = Zone::named(&zone).map_err(|error| error.to_string())?;
    Ok((expression, cron, zone))
}

/// The zone that is always so many seconds before UTC. Its name has its sign the other way round.
fn fixed(seconds: i64) -> Result<String, String> {
    match (seconds / 3_600, seconds % 3_600) {
        (0, 0) => Ok("UTC".to_owned()),
        (hours @ -12..=14, 0) => Ok(format!("Etc/GMT{:+}", -hours)),
        _ => Err(format!(
            "its time zone is the fixed offset of {seconds} s; give it a named one, such as Asia/Kolkata"
        )),
    }
}

fn interval(fields: &Value) -> Duration {
    length(&fields["interval"]).unwrap_or_default()
}

fn delta(fields: &Value) -> Result<(String, Duration), String> {
    match length(&fields["delta"]) {
        Some(delta) if delta > Duration::zero() => Ok((every(delta), delta)),
        Some(_) => Err("its schedule's length of time is not more than zero".to_owned()),
        None => {
            Err("a schedule that is a dateutil.relativedelta is not there yet; write a timedelta \
                     or a cron expression"
                .to_owned())
        }
    }
}

/// For people: `every 2 h`.
fn every(delta: Duration) -> String {
    let seconds = delta.num_seconds();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("min", 60)] {
        if seconds % size == 0 {
            return format!("every {} {unit}", seconds / size);
        }
    }
    format!("every {seconds} s")
}
