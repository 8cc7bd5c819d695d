//! What is refused, where the error points, and what it proposes.

#![expect(clippy::unwrap_used, reason = "a helper of tests stops the test that it fails in")]

use datafusion::common::DFSchema;
use dialect::{DialectError, Position, is_deterministic, parse_expression, parse_sql_expression};

use crate::evaluation::sample;

fn refusal(sql: &str) -> DialectError {
    let schema = DFSchema::try_from(sample().schema()).unwrap();
    parse_expression(sql, &schema).unwrap_err()
}

/// One line per case: expression | line | column | part of the message.
#[test]
fn a_refusal_names_the_place_and_the_nearest_name() {
    for (sql, line, column, part) in [
        ("1 + uper(s)", 1, 5, "did you mean upper?"),
        ("i +\n  substrng(s, 1)", 2, 3, "did you mean substring?"),
        ("concat(s, ss)", 1, 11, "column ss"),
        ("\"text\" = s", 1, 1, "single quotes"),
        ("cast(i as strng)", 1, 6, "did you mean STRING?"),
        ("upper(s) over (order by i)", 1, 1, "OVER"),
        ("i = true", 1, 1, "does not take int and boolean"),
        ("s + s", 1, 1, "does not take string and string"),
        ("upper(s, s)", 1, 1, "takes 1 arguments, got 2"),
        ("current_timestamp()", 1, 1, "use the record's timestamp"),
        ("rand()", 1, 1, "gives another value when a batch runs again"),
        ("window(i, '1 minute')", 1, 1, "GROUP BY"),
        ("i in (select 1)", 1, 1, "subquery"),
        ("i +", 1, 3, "expression"),
    ] {
        let error = refusal(sql);
        assert!(error.to_string().contains(part), "{sql}: {error}");
        assert_eq!(error.position(), Position { line, column }, "{sql}: {error}");
    }
}

#[test]
fn what_changes_from_run_to_run_is_recognised() {
    for (sql, expected) in [
        ("upper(s)", true),
        ("concat(s, cast(now() as string))", false),
        ("case when rand() > 0.5 then 1 end", false),
        ("current_date()", false),
        ("current_timestamp", false),
    ] {
        assert_eq!(is_deterministic(&parse_sql_expression(sql).unwrap()), expected, "{sql}");
    }
}

#[test]
fn deep_nesting_is_refused_instead_of_exhausting_the_stack() {
    let deep = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(refusal(&deep).to_string().contains("nested deeper"));
    let long = vec!["1"; 5_000].join(" + ");
    assert!(refusal(&long).to_string().contains("nested deeper"));
    let wide = vec!["i = 1"; 100].join(" or ");
    let schema = DFSchema::try_from(sample().schema()).unwrap();
    assert!(parse_expression(&wide, &schema).is_ok());
}
