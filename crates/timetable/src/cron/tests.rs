//! Which times expressions name, and what is refused.

use super::*;

fn time(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
}

/// The first `count` times after the start of 2026, a Thursday.
fn fires(expression: &str, count: usize) -> Vec<String> {
    let cron = Cron::parse(expression).unwrap();
    let mut at = time("2025-12-31 23:59:59");
    (0..count)
        .map(|_| {
            at = cron.next(at).unwrap();
            at.format("%m-%d %H:%M:%S").to_string()
        })
        .collect()
}

#[test]
fn fields_name_minutes_hours_days_months_and_week_days() {
    assert_eq!(fires("*/30 9-10 * * *", 3), ["01-01 09:00:00", "01-01 09:30:00", "01-01 10:00:00"]);
    assert_eq!(fires("15 6 2,31 * *", 3), ["01-02 06:15:00", "01-31 06:15:00", "02-02 06:15:00"]);
    assert_eq!(fires("0 0 1 mar,jul *", 2), ["03-01 00:00:00", "07-01 00:00:00"]);
    assert_eq!(fires("0 0 * * 7", 2), ["01-04 00:00:00", "01-11 00:00:00"]);
    assert_eq!(fires("0 0 * * * 20/20", 3), ["01-01 00:00:20", "01-01 00:00:40", "01-02 00:00:20"]);
    assert_eq!(fires("@quarterly", 2), ["01-01 00:00:00", "04-01 00:00:00"]);
}

#[test]
fn a_day_counts_by_either_field_when_both_restrict() {
    assert_eq!(fires("0 0 3 * fri", 3), ["01-02 00:00:00", "01-03 00:00:00", "01-09 00:00:00"]);
    assert_eq!(fires("0 0 */10 * *", 2), ["01-01 00:00:00", "01-11 00:00:00"]);
    assert_eq!(
        fires("0 0 1-31 * mon", 2),
        ["01-01 00:00:00", "01-02 00:00:00"],
        "every day by name"
    );
}

#[test]
fn the_last_day_the_nth_week_day_and_the_nearest_week_day_are_found() {
    assert_eq!(fires("0 0 l * *", 2), ["01-31 00:00:00", "02-28 00:00:00"]);
    assert_eq!(fires("0 0 * * fri#2", 2), ["01-09 00:00:00", "02-13 00:00:00"]);
    assert_eq!(fires("0 0 * * l5", 2), ["01-30 00:00:00", "02-27 00:00:00"]);
    assert_eq!(fires("0 0 4w * *", 2), ["01-05 00:00:00", "02-04 00:00:00"]);
    assert_eq!(fires("0 0 * * mon#5", 1), ["03-30 00:00:00"], "months without one are passed over");
}

#[test]
fn a_range_may_run_over_the_end_of_its_field() {
    assert_eq!(
        fires("0 0 * * fri-mon", 4),
        ["01-02 00:00:00", "01-03 00:00:00", "01-04 00:00:00", "01-05 00:00:00"]
    );
    assert_eq!(fires("0 22-1 * * *", 3), ["01-01 00:00:00", "01-01 01:00:00", "01-01 22:00:00"]);
}

#[test]
fn going_back_meets_the_same_times() {
    for expression in
        ["7,23 */5 * * *", "0 0 29 2 *", "5 4 l * *", "0 12 * * mon-wed#1", "1 2 3 4 5"]
    {
        let cron = Cron::parse(expression).unwrap();
        let mut at = time("2024-02-01 00:00:00");
        for _ in 0..50 {
            let next = cron.next(at).unwrap();
            let back = cron.previous(next).unwrap();
            assert!(back <= at && cron.next(back) == Some(next), "{expression} {at}");
            at = next;
        }
    }
}

#[test]
fn a_day_that_never_comes_is_not_searched_for_ever() {
    assert_eq!(Cron::parse("0 0 30 2 *").unwrap().next(time("2026-01-01 00:00:00")), None);
    assert_eq!(Cron::parse("0 0 30 2 *").unwrap().previous(time("2026-01-01 00:00:00")), None);
}

#[test]
fn what_is_not_an_expression_is_refused_with_the_part_that_is_wrong() {
    for (expression, part) in [
        ("* * * *", "4 fields"),
        ("60 * * * *", "\"60\" is not a minute"),
        ("* 24 * * *", "\"24\" is not a hour"),
        ("* * 0 * *", "\"0\" is not a day of month"),
        ("* * * 13 *", "\"13\" is not a month"),
        ("* * * * 8", "\"8\" is not a day of week"),
        ("* * * * mon#6", "1 to 5"),
        ("*/0 * * * *", "at least 1"),
        ("a * * * *", "\"a\" is not a minute"),
        ("h * * * *", "by hash"),
        ("@dayly", "@daily"),
        ("", "0 fields"),
        ("99999999999999999999 * * * *", "not a minute"),
        ("1--2 * * * *", "not a minute"),
    ] {
        let said = Cron::parse(expression).unwrap_err().to_string();
        assert!(said.contains(part), "{expression}: {said}");
    }
}
