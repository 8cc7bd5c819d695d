//! Which runs a backfill is about.

use serde_json::Value;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn dag(more: Value) -> Dag {
    let mut json = json!({
        "version": dag::SERIALISED_VERSION, "dag_id": "d", "schedule": "@daily",
        "timetable": {"kind": "cron-trigger", "cron": "0 0 * * *", "zone": "UTC", "interval": 0},
        "catchup": false, "max_active_runs": 16, "max_active_tasks": 16, "fail_fast": false,
        "tags": [], "params": {}, "task_groups": [], "tasks": [],
    });
    for (name, value) in more.as_object().unwrap() {
        json[name] = value.clone();
    }
    Dag::from_json(&json).unwrap()
}

fn asked(from: &str, to: &str) -> NewBackfill {
    NewBackfill {
        dag_id: "d".to_owned(),
        from: at(from),
        to: at(to),
        conf: json!({}),
        reprocess: Reprocess::None,
        backwards: false,
        max_active_runs: 10,
        created_by: "me".to_owned(),
    }
}

fn days(dag: &Dag, from: &str, to: &str) -> Result<Vec<String>, String> {
    let now = at("2026-03-01T12:00:00Z");
    let runs = runs(dag, &asked(from, to), now).map_err(|problem| problem.detail)?;
    Ok(runs.iter().map(|run| run.interval.start.format("%d.%m. %H:%M").to_string()).collect())
}

#[test]
fn both_dates_are_in_it_and_what_is_not_over_is_not() {
    let daily = dag(json!({}));
    let found = days(&daily, "2026-02-03T00:00:00Z", "2026-02-05T00:00:00Z").unwrap();
    assert_eq!(found, ["03.02. 00:00", "04.02. 00:00", "05.02. 00:00"]);
    let found = days(&daily, "2026-02-27T12:00:00Z", "2026-03-09T00:00:00Z").unwrap();
    assert_eq!(found, ["28.02. 00:00", "01.03. 00:00"]);
    let interval =
        json!({"timetable": {"kind": "cron-interval", "cron": "0 0 * * *", "zone": "UTC"}});
    let found = days(&dag(interval), "2026-02-27T00:00:00Z", "2026-03-09T00:00:00Z").unwrap();
    assert_eq!(found, ["27.02. 00:00", "28.02. 00:00"], "the day of now is not over");
}

#[test]
fn nothing_is_made_before_the_dag_begins_or_after_it_ends() {
    let bounded =
        dag(json!({"start_date": "2026-02-03T00:00:00Z", "end_date": "2026-02-04T00:00:00Z"}));
    let found = days(&bounded, "2020-01-01T00:00:00Z", "2026-03-01T00:00:00Z").unwrap();
    assert_eq!(found, ["03.02. 00:00", "04.02. 00:00"]);
    let refused = days(&bounded, "2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z").unwrap_err();
    assert!(refused.contains("start_date"), "{refused}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let minutes = dag(json!({"timetable":
        {"kind": "cron-trigger", "cron": "* * * * *", "zone": "UTC", "interval": 0}}));
    for (dag, from, to, word) in [
        (&minutes, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2000"),
        (&minutes, "2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z", "must not be after"),
        (&minutes, "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z", "future"),
        (
            &dag(json!({"timetable": {"kind": "continuous"}})),
            "2026-01-01T00:00:00Z",
            "2026-02-01T00:00:00Z",
            "non-periodic",
        ),
    ] {
        let refused = days(dag, from, to).unwrap_err();
        assert!(refused.contains(word), "{word}: {refused}");
    }
}
