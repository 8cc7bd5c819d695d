//! Runs over changes of clocks, with catchup and without.

use super::*;
use chrono::TimeZone as _;

fn at(text: &str) -> DateTime<Utc> {
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    Utc.from_utc_datetime(&time)
}

fn trigger(expression: &str, zone: &str) -> Timetable {
    Timetable::CronTrigger {
        cron: Cron::parse(expression).unwrap(),
        zone: Zone::named(zone).unwrap(),
        interval: Duration::zero(),
    }
}

/// The times of so many runs from a start on, all of them made up for.
fn runs(timetable: &Timetable, start: &str, count: usize) -> Vec<String> {
    let restriction = Restriction { earliest: Some(at(start)), latest: None, catchup: true };
    let mut last = None;
    (0..count)
        .map(|_| {
            let run = timetable.next(last, &restriction, at("2030-01-01 00:00")).unwrap();
            last = Some(run.interval);
            run.run_after.format("%m-%d %H:%M").to_string()
        })
        .collect()
}

#[test]
fn an_hour_that_is_skipped_moves_and_an_hour_that_comes_twice_is_used_once() {
    let daily = trigger("30 2 * * *", "Europe/Berlin");
    assert_eq!(runs(&daily, "2026-03-28 00:00", 3), ["03-28 01:30", "03-29 01:30", "03-30 00:30"]);
    assert_eq!(runs(&daily, "2026-10-24 00:00", 3), ["10-24 00:30", "10-25 01:30", "10-26 01:30"]);
}

#[test]
fn an_expression_for_every_hour_goes_by_elapsed_time() {
    let hourly = trigger("30 * * * *", "Europe/Berlin");
    assert_eq!(runs(&hourly, "2026-10-25 00:00", 3), ["10-25 00:30", "10-25 01:30", "10-25 02:30"]);
    assert_eq!(runs(&hourly, "2026-03-29 00:00", 3), ["03-29 00:30", "03-29 01:30", "03-29 02:30"]);
}

#[test]
fn without_catchup_only_the_latest_missed_run_is_made_up_for() {
    let restriction =
        Restriction { earliest: Some(at("2026-01-01 00:00")), latest: None, catchup: false };
    let now = at("2026-05-05 10:00");
    let run = trigger("@daily", "UTC").next(None, &restriction, now).unwrap();
    assert_eq!(run.run_after, at("2026-05-05 00:00"));
    let cron = Cron::parse("@daily").unwrap();
    let run =
        Timetable::CronInterval { cron, zone: Zone::UTC }.next(None, &restriction, now).unwrap();
    assert_eq!(
        run.interval,
        DataInterval { start: at("2026-05-04 00:00"), end: at("2026-05-05 00:00") }
    );
    let run = Timetable::DeltaInterval { delta: Duration::hours(1) };
    let run = run.next(None, &restriction, now).unwrap();
    assert_eq!(run.interval, DataInterval { start: at("2026-05-05 09:00"), end: now });
}

#[test]
fn nothing_runs_after_the_end_date() {
    let restriction = Restriction {
        earliest: Some(at("2026-01-01 00:00")),
        latest: Some(at("2026-01-02 12:00")),
        catchup: true,
    };
    let daily = trigger("@daily", "UTC");
    let last = Some(DataInterval::exact(at("2026-01-02 00:00")));
    assert_eq!(daily.next(last, &restriction, at("2026-03-01 00:00")), None);
}

#[test]
fn once_runs_once_and_null_never() {
    let restriction = Restriction { earliest: None, latest: None, catchup: false };
    let now = at("2026-01-01 00:00");
    let first = Timetable::Once.next(None, &restriction, now).unwrap();
    assert_eq!(first.run_after, now);
    assert_eq!(Timetable::Once.next(Some(first.interval), &restriction, now), None);
    assert_eq!(Timetable::Null.next(None, &restriction, now), None);
}

#[test]
fn continuous_runs_follow_one_another_without_a_gap() {
    let restriction =
        Restriction { earliest: Some(at("2026-01-01 00:00")), latest: None, catchup: false };
    let first = Timetable::Continuous.next(None, &restriction, at("2026-01-01 06:00")).unwrap();
    let second = Timetable::Continuous
        .next(Some(first.interval), &restriction, at("2026-01-01 07:00"))
        .unwrap();
    assert_eq!(
        (first.interval.end, second.run_after),
        (second.interval.start, at("2026-01-01 07:00"))
    );
}

#[test]
fn a_run_by_hand_is_about_the_last_whole_interval() {
    let cron = Cron::parse("@daily").unwrap();
    let interval = Timetable::CronInterval { cron, zone: Zone::UTC }.manual(at("2026-01-25 01:00"));
    let day = DataInterval { start: at("2026-01-24 00:00"), end: at("2026-01-25 00:00") };
    assert_eq!(interval, Some(day));
}
