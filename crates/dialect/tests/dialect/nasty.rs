//! The places where engines are known to differ silently.

use crate::evaluation::{rows, sample, value};

/// One line per case: expression | value on Spark.
#[test]
fn the_known_differences_between_engines_are_settled_as_spark_does() {
    for (sql, expected) in [
        ("7 / 2", "3.5"),
        ("2147483647 + 1", "ERROR"),
        ("9223372036854775807 + 1", "ERROR"),
        ("cast(timestamp'2024-01-15 10:11:12' as bigint)", "1705313472"),
        ("date_format(timestamp'2024-01-15 10:11:12', 'yyyy-MM-dd')", "2024-01-15"),
        ("array(1, 2, 3)[0]", "1"),
        ("array(1, 2)[5]", "ERROR"),
        ("substring('hello', 0, 3)", "hel"),
        ("concat('a', null)", "NULL"),
        ("element_at(map('a', 1), 'a')", "1"),
        ("cast('x' as int)", "ERROR"),
        ("1 / 0", "ERROR"),
        ("0.1 + 0.2", "0.3"),
    ] {
        assert_eq!(value(sql), expected, "{sql}");
    }
}

#[test]
fn a_branch_that_is_not_taken_cannot_fail() {
    let batch = sample();
    for (sql, expected) in [
        ("case when i = 2 then 1 / (i - 1) else 0 end", ["0.0", "1.0", "1.0", "0.0"]),
        ("i <> 1 and 1 / (i - 1) > 0", ["false", "true", "true", "NULL"]),
        ("i = 1 or 1 / (i - 1) > 0", ["true", "true", "true", "NULL"]),
        ("case when i = 1 then true else 1 / (i - 1) > 0 end", ["true", "true", "true", "NULL"]),
        ("coalesce(s, cast(1 / 0 as string)) = 'a'", ["ERR", "", "", ""]),
    ] {
        match rows(sql, &batch) {
            Ok(found) => assert_eq!(found, expected, "{sql}"),
            Err(error) => {
                assert!(expected[0] == "ERR" && error.contains("DIVIDE_BY_ZERO"), "{error}")
            }
        }
    }
}

#[test]
fn names_are_found_in_any_case_and_every_row_stands_for_itself() {
    let batch = sample();
    assert_eq!(rows("I + L", &batch).unwrap(), ["11", "22", "NULL", "NULL"]);
    assert_eq!(rows("I * 2", &batch).unwrap(), ["2", "4", "4", "NULL"]);
    assert_eq!(rows("`S` || '-' || b", &batch).unwrap(), ["a-true", "b-false", "NULL", "A-true"]);
    assert_eq!(rows("m * 2", &batch).unwrap(), ["2.20", "4.50", "NULL", "0.02"]);
    for row in 0..batch.num_rows() {
        let alone = batch.slice(row, 1);
        let whole = rows("upper(s) || cast(d as string)", &batch).unwrap();
        assert_eq!(rows("upper(s) || cast(d as string)", &alone).unwrap()[0], whole[row]);
    }
}
