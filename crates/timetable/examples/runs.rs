//! Answers which runs come next, for `judges/timetables.py`. A question is a line of fields with tabs
//! between: kind, cron expression or seconds, zone, start and end of the last interval, earliest, latest,
//! catchup (0 or 1), now, and how many runs. Times are microseconds since the Unix epoch, or `-`. The
//! answer is a line: for each run its `run_after`, start and end, or `none`, or `refused` and why.

use std::io::{BufRead as _, Write as _};

use chrono::{DateTime, Duration, Utc};
use timetable::{Cron, DataInterval, Restriction, Timetable, Zone};

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = answer(&line.split('\t').collect::<Vec<_>>());
        writeln!(out, "{}", answer.unwrap_or_else(|why| format!("refused {why}")))?;
    }
    out.flush()
}

fn answer(fields: &[&str]) -> Result<String, String> {
    let &[kind, what, zone, start, end, earliest, latest, catchup, now, count] = fields else {
        return Err(format!("{} fields", fields.len()));
    };
    let timetable = timetable(kind, what, zone)?;
    let mut last = match (time(start)?, time(end)?) {
        (Some(start), Some(end)) => Some(DataInterval { start, end }),
        _ => None,
    };
    let restriction =
        Restriction { earliest: time(earliest)?, latest: time(latest)?, catchup: catchup == "1" };
    let now = time(now)?.ok_or("now is missing")?;
    let mut runs = Vec::new();
    for _ in 0..number(count)? {
        let Some(run) = timetable.next(last, &restriction, now) else {
            runs.push("none".to_owned());
            break;
        };
        let times = [run.run_after, run.interval.start, run.interval.end];
        runs.push(times.map(|time| time.timestamp_micros().to_string()).join(" "));
        last = Some(run.interval);
    }
    Ok(runs.join("\t"))
}

fn timetable(kind: &str, what: &str, zone: &str) -> Result<Timetable, String> {
    let zone = Zone::named(zone).map_err(|error| error.to_string())?;
    let cron = || Cron::parse(what).map_err(|error| error.to_string());
    let delta = || number(what).map(Duration::seconds);
    let interval = Duration::zero();
    Ok(match kind {
        "null" => Timetable::Null,
        "once" => Timetable::Once,
        "continuous" => Timetable::Continuous,
        "cron-trigger" => Timetable::CronTrigger { cron: cron()?, zone, interval },
        "cron-interval" => Timetable::CronInterval { cron: cron()?, zone },
        "delta-trigger" => Timetable::DeltaTrigger { delta: delta()?, interval },
        "delta-interval" => Timetable::DeltaInterval { delta: delta()? },
        _ => return Err(format!("no timetable {kind}")),
    })
}

fn time(text: &str) -> Result<Option<DateTime<Utc>>, String> {
    if text == "-" {
        return Ok(None);
    }
    DateTime::from_timestamp_micros(number(text)?).map(Some).ok_or_else(|| text.to_owned())
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("{text} is not a number"))
}
