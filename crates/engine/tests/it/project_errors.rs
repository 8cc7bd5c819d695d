//! What is wrong in a project file is said with its place and the next step.

use engine::project::Project;
use std::path::PathBuf;

const TOPIC: &str = "CREATE TABLE t (id STRING, n INT, d DOUBLE, at TIMESTAMP,
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE) WITH ('connector' = 'kafka');
CREATE TABLE plain (id STRING) WITH ('connector' = 'kafka');
CREATE TABLE s (id STRING, n BIGINT, PRIMARY KEY (id) NOT ENFORCED)
  WITH ('connector' = 'cassandra', 'keyspace' = 'k');
";

fn error(statement: &str) -> String {
    let text = format!("{TOPIC}{statement}");
    let errors = Project::parse(vec![(PathBuf::from("s.sql"), text)]).unwrap_err();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn check(statement: &str, wanted: &[&str]) {
    let found = error(statement);
    for part in wanted {
        assert!(found.contains(part), "{statement}\nsays {found}\nnot {part}");
    }
}

#[test]
fn a_misspelt_table_is_told_with_the_nearest() {
    check("INSERT INTO s SELECT id, n FROM tt", &["no table is named tt", "did you mean t?"]);
    check("INSERT INTO ss SELECT id, n FROM t", &["no table is named ss", "did you mean"]);
}

#[test]
fn a_misspelt_option_is_told_with_the_nearest() {
    check(
        "CREATE TABLE x (id STRING) WITH ('connector' = 'kafka', 'topik' = 'a')",
        &["no option is named 'topik'", "did you mean topic?", "s.sql:6:"],
    );
    check(
        "CREATE TABLE x (id STRING) WITH ('connector' = 'kafak')",
        &["no connector is named 'kafak'", "did you mean kafka?"],
    );
}

#[test]
fn made_up_rows_have_only_properties_that_mean_something() {
    let table = |columns: &str, options: &str| {
        format!("CREATE TABLE x ({columns}) WITH ('connector' = 'datagen'{options})")
    };
    check(
        &table("id INT", ", 'rows-per-secnd' = '5'"),
        &["no option is named 'rows-per-secnd'", "did you mean rows-per-second?"],
    );
    check(
        &table("id INT", ", 'fields.di.kind' = 'random'"),
        &["'fields.di.kind' names no column", "did you mean id?", "s.sql:6:"],
    );
    check(&table("id INT", ", 'fields.id.kind' = 'rnd'"), &["is not 'sequence' or 'random'"]);
    check(
        &table("id INT", ", 'fields.id.kind' = 'sequence', 'fields.id.min' = '1'"),
        &["'min' says nothing about column id", "start and end"],
    );
    check(&table("id TINYINT", ", 'fields.id.max' = '128'"), &["fits the column"]);
    check(&table("id INT", ", 'fields.id.min' = '2', 'fields.id.max' = '1'"), &["above max"]);
    check(&table("a ARRAY<INT>", ""), &["no random values for column a", "leave the column out"]);
    check(
        "CREATE TABLE x (id STRING, n BIGINT) WITH ('connector' = 'datagen'); \
         INSERT INTO s SELECT id, n FROM x",
        &["goes through a topic first"],
    );
}

#[test]
fn a_missing_key_column_is_told() {
    check("INSERT INTO s (n) SELECT n FROM t", &["does not set id", "primary key"]);
}

#[test]
fn what_has_no_bound_on_a_stream_is_refused_by_name() {
    check("INSERT INTO s SELECT DISTINCT id, n FROM t", &["SELECT DISTINCT", "ROW_NUMBER"]);
    check("INSERT INTO s SELECT id, n FROM t ORDER BY id", &["ORDER BY"]);
    check("INSERT INTO s SELECT id, n FROM t LIMIT 3", &["LIMIT"]);
    check(
        "INSERT INTO s SELECT id, count(*) FROM t GROUP BY window(at, '1 minute'), id HAVING count(*) > 1",
        &["HAVING", "taken back", "filter when you read"],
    );
    check("INSERT INTO s SELECT id, count(*) FROM t GROUP BY id", &["needs a window"]);
    check(
        "INSERT INTO s SELECT id, count(*) FROM plain GROUP BY window(id, '1 minute'), id",
        &["event time"],
    );
    check(
        "INSERT INTO s SELECT id, sum(d) FROM t GROUP BY window(at, '1 minute'), id",
        &["DECIMAL"],
    );
}

#[test]
fn a_column_count_that_differs_is_told_with_both_lists() {
    check("INSERT INTO s SELECT id FROM t", &["gives 1 columns (id)", "takes 2 (id, n)"]);
}

#[test]
fn a_function_that_changes_from_run_to_run_is_refused() {
    check("INSERT INTO s SELECT id, CAST(unix_timestamp(now()) AS BIGINT) FROM t", &["now"]);
}

#[test]
fn an_unknown_function_is_told_with_the_nearest() {
    check("INSERT INTO s SELECT uper(id), n FROM t", &["uper", "upper"]);
}

#[test]
fn deduplication_must_follow_the_event_time() {
    check(
        "INSERT INTO s SELECT id, n FROM (SELECT id, n, ROW_NUMBER() OVER (PARTITION BY id ORDER BY n) AS r FROM t) WHERE r = 1",
        &["must be ordered by at"],
    );
    check(
        "INSERT INTO s SELECT id, n FROM (SELECT id, n, ROW_NUMBER() OVER (PARTITION BY id ORDER BY at) AS r FROM t)",
        &["never compared"],
    );
}
