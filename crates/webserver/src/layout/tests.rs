//! Pictures of small DAGs.

use dag::{Dag, Operator, Retry, Schedule, Task, TaskGroup, TriggerRule};
use serde_json::Map;
use timetable::Timetable;

use super::*;

fn dag(tasks: &[(&str, Option<&str>, &[&str])], groups: &[(&str, Option<&str>)]) -> Dag {
    let task = |(id, group, upstream): &(&str, Option<&str>, &[&str])| Task {
        id: (*id).to_owned(),
        operator: Operator::Empty,
        arguments: Map::new(),
        group: group.map(str::to_owned),
        upstream: upstream.iter().map(|id| (*id).to_owned()).collect(),
        trigger_rule: TriggerRule::AllSuccess,
        owner: String::new(),
        doc: None,
        retry: Retry::default(),
        execution_timeout: None,
        depends_on_past: false,
        wait_for_downstream: false,
        pool: String::new(),
        pool_slots: 1,
        priority_weight: 1,
    };
    let group = |(id, parent): &(&str, Option<&str>)| TaskGroup {
        id: (*id).to_owned(),
        parent: parent.map(str::to_owned),
        tooltip: None,
        upstream: Vec::new(),
    };
    Dag {
        id: "d".to_owned(),
        description: None,
        doc: None,
        schedule: Schedule { text: String::new(), timetable: Timetable::Null },
        start_date: None,
        end_date: None,
        catchup: false,
        paused_upon_creation: None,
        max_active_runs: 1,
        max_active_tasks: 1,
        timeout: None,
        fail_fast: false,
        tags: Vec::new(),
        params: Map::new(),
        groups: groups.iter().map(group).collect(),
        tasks: tasks.iter().map(task).collect(),
    }
}

fn apart(one: &Frame, other: &Frame) -> bool {
    one.x + one.width <= other.x
        || other.x + other.width <= one.x
        || one.y + one.height <= other.y
        || other.y + other.height <= one.y
}

fn check(picture: &Picture) {
    let frames: Vec<&Frame> = picture.tasks.values().collect();
    for (at, one) in frames.iter().enumerate() {
        assert!(one.x >= -0.01 && one.y >= -0.01, "{one:?}");
        assert!(one.x + one.width <= picture.width + 0.01, "{one:?} {}", picture.width);
        assert!(one.y + one.height <= picture.height + 0.01, "{one:?} {}", picture.height);
        for other in &frames[at + 1..] {
            assert!(apart(one, other), "{one:?} {other:?}");
        }
    }
}

#[test]
fn a_diamond_is_symmetric() {
    let dag = dag(
        &[("a", None, &[]), ("b", None, &["a"]), ("c", None, &["a"]), ("d", None, &["b", "c"])],
        &[],
    );
    let picture = of(&dag);
    check(&picture);
    let middle = |id: &str| picture.tasks[id].y + TASK_HEIGHT / 2.0;
    assert!((middle("a") - middle("d")).abs() < 0.5);
    assert!((middle("b") + middle("c") - 2.0 * middle("a")).abs() < 0.5);
    assert!(picture.tasks["a"].x < picture.tasks["b"].x);
    assert!((picture.tasks["b"].x - picture.tasks["c"].x).abs() < 0.01);
    assert_eq!(picture.arrows.len(), 4);
    assert_eq!(picture, of(&dag), "the same DAG has the same picture");
}

#[test]
fn a_group_holds_its_tasks_and_no_others() {
    let picture = of(&dag(
        &[
            ("start", None, &[]),
            ("g.a", Some("g"), &["start"]),
            ("g.h.b", Some("g.h"), &["g.a"]),
            ("g.h.c", Some("g.h"), &["g.a"]),
            ("beside", None, &["start"]),
            ("end", None, &["g.h.b", "g.h.c", "beside"]),
        ],
        &[("g", None), ("g.h", Some("g"))],
    ));
    check(&picture);
    assert_eq!(picture.groups.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["g", "g.h"]);
    for (group, frame) in &picture.groups {
        for (id, task) in &picture.tasks {
            let inside = !apart(frame, task);
            assert_eq!(inside, id.starts_with(&format!("{group}.")), "{group} {id}");
        }
    }
}

#[test]
fn groups_that_wait_for_each_other_are_drawn() {
    let picture = of(&dag(
        &[("g.a", Some("g"), &[]), ("b", None, &["g.a"]), ("g.c", Some("g"), &["b"])],
        &[("g", None)],
    ));
    check(&picture);
    assert_eq!(picture.arrows.len(), 2);
}

#[test]
fn a_wide_and_a_long_dag_are_drawn_soon() {
    let names: Vec<String> = (0..1_000).map(|at| format!("t{at}")).collect();
    let ups: Vec<Vec<&str>> = (0..1_000_usize)
        .map(|at| {
            [at.wrapping_sub(1), at / 3]
                .iter()
                .filter(|up| **up < at)
                .map(|up| names[*up].as_str())
                .collect()
        })
        .collect();
    let tasks: Vec<(&str, Option<&str>, &[&str])> =
        (0..1_000).map(|at| (names[at].as_str(), None, ups[at].as_slice())).collect();
    let picture = of(&dag(&tasks, &[]));
    assert_eq!(picture.tasks.len(), 1_000);
}

#[test]
fn a_name_is_cut_where_it_would_leave_its_box() {
    assert_eq!(fit("short", 100.0), "short");
    let cut = fit("a_very_long_name_of_a_task_that_nobody_types", 120.0);
    assert!(cut.ends_with('\u{2026}') && text_width(&cut) <= 121.0, "{cut}");
    assert_eq!(short_name("load.users.copy"), "copy");
}
