//! Queries of a prompt: clauses mean what they mean in Spark, and expressions what they mean in a stream.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::physical_plan::{ExecutionPlan, collect};
use dialect::{QueryInput, SessionOptions, parse_query, plan_query, session, value_text};

use crate::evaluation::{context, sample};

/// 2024-01-01T12:00:00Z.
const NOW: i64 = 1_704_110_400_000_000;

fn table(batch: RecordBatch) -> Arc<dyn TableProvider> {
    Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap())
}

fn input() -> QueryInput {
    let texts = |values: &[&str]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let numbers = |values: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
    let users = RecordBatch::try_from_iter(vec![
        ("id", numbers(&[1, 2, 3, 4])),
        ("country", texts(&["DE", "FR", "DE", "IT"])),
    ]);
    let orders = RecordBatch::try_from_iter(vec![
        ("user_id", numbers(&[1, 1, 3, 9])),
        ("amount", numbers(&[10, 20, 5, 7])),
    ]);
    let doubles: ArrayRef =
        Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, 1.0, f64::NEG_INFINITY]));
    let doubles = RecordBatch::try_from_iter(vec![("x", doubles)]);
    let tables = BTreeMap::from([
        ("t".to_owned(), table(sample())),
        ("users".to_owned(), table(users.unwrap())),
        ("orders".to_owned(), table(orders.unwrap())),
        ("doubles".to_owned(), table(doubles.unwrap())),
    ]);
    let names = tables.keys().cloned().collect();
    QueryInput { tables, names, now_micros: NOW }
}

/// The rows as text, cells joined by `|`, or the error.
fn rows(sql: &str) -> Result<Vec<String>, String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let query = parse_query(sql).map_err(|e| e.to_string())?;
        let plan = plan_query(&query, &input()).map_err(|e| e.to_string())?;
        let frame = context().execute_logical_plan(plan).await.map_err(|e| e.to_string())?;
        let batches = frame.collect().await.map_err(|e| e.to_string())?;
        Ok(batches.iter().flat_map(lines).collect())
    })
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let cell = |column: &ArrayRef, row| value_text(column, row).unwrap_or_else(|| "NULL".into());
    (0..batch.num_rows())
        .map(|row| batch.columns().iter().map(|c| cell(c, row)).collect::<Vec<_>>().join("|"))
        .collect()
}

#[track_caller]
fn gives(sql: &str, expected: &[&str]) {
    assert_eq!(rows(sql).as_deref(), Ok(expected.map_to_owned().as_slice()), "{sql}");
}

trait Owned {
    fn map_to_owned(&self) -> Vec<String>;
}

impl Owned for [&str] {
    fn map_to_owned(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

#[track_caller]
fn refused(sql: &str, parts: &[&str]) {
    let error = rows(sql).expect_err(sql);
    for part in parts {
        assert!(error.contains(part), "{sql}: {error}");
    }
}

#[test]
fn expressions_are_those_of_a_stream() {
    // DataFusion's own operators give 0, an error and a different type for these.
    gives("SELECT 1 / 2", &["0.5"]);
    gives("SELECT 7 div 2, 'a' || 1, 2 = '2'", &["3|a1|true"]);
    gives("SELECT try_cast('x' AS INT), substring('abc', -2)", &["NULL|bc"]);
    refused("SELECT 1 / 0", &["DIVIDE_BY_ZERO"]);
    refused("SELECT cast('x' AS INT)", &["CAST_INVALID_INPUT"]);
}

#[test]
fn a_function_outside_the_list_is_refused_with_the_nearest() {
    refused("SELECT uper(s) FROM t", &["line 1 column 8", "uper is not in the list", "upper"]);
    refused("SELECT pg_typeof(s) FROM t", &["pg_typeof is not in the list"]);
    refused("SELECT * FROM usres", &["no table is named usres", "users"]);
    refused("SELECT cuntry FROM users", &["cuntry", "country"]);
    refused("SELECT rand()", &["rand() gives another value in every run"]);
}

#[test]
fn now_is_one_moment_for_the_whole_query() {
    gives("SELECT now()", &["2024-01-01 12:00:00"]);
    gives("SELECT current_timestamp = now(), current_date()", &["true|2024-01-01"]);
}

#[test]
fn groups_have_aggregates_conditions_and_order() {
    gives(
        "SELECT country, count(*) AS n FROM users GROUP BY country ORDER BY n DESC, country",
        &["DE|2", "FR|1", "IT|1"],
    );
    gives("SELECT country FROM users GROUP BY 1 HAVING count(*) > 1", &["DE"]);
    gives(
        "SELECT upper(country) AS c, sum(id) FROM users GROUP BY c HAVING sum(id) > 3 ORDER BY c",
        &["DE|4", "IT|4"],
    );
    gives(
        "SELECT count(*), count(i), count(DISTINCT i), sum(i), avg(i), min(s), max(d) FROM t",
        &["4|3|2|5|1.6666666666666667|A|2.5"],
    );
    gives("SELECT sum(m), avg(m) FROM t", &["3.36|1.120000"]);
    gives("SELECT count(*) FROM users WHERE id > 100", &["0"]);
    gives("SELECT sum(id) + count(*) * 2 FROM users", &["18"]);
    gives(
        "SELECT country FROM users GROUP BY country ORDER BY sum(id) DESC, 1 LIMIT 2",
        &["DE", "IT"],
    );
    refused(
        "SELECT id, count(*) FROM users GROUP BY country",
        &["column id", "GROUP BY", "max(id)"],
    );
    refused("SELECT * FROM users WHERE count(*) > 1", &["an aggregate in WHERE", "HAVING"]);
    refused("SELECT sum(l) FROM t", &["ARITHMETIC_OVERFLOW"]);
}

#[test]
fn doubles_group_and_sort_in_sqls_order() {
    gives(
        "SELECT x, count(*) FROM doubles GROUP BY x ORDER BY x",
        &["-Infinity|1", "0.0|2", "1.0|1", "NaN|1"],
    );
    gives("SELECT count(*) FROM doubles GROUP BY x ORDER BY x DESC LIMIT 1", &["1"]);
}

#[test]
fn nulls_come_first_going_up_and_last_going_down() {
    gives("SELECT i FROM t ORDER BY i", &["NULL", "1", "2", "2"]);
    gives("SELECT i FROM t ORDER BY i DESC", &["2", "2", "1", "NULL"]);
    gives("SELECT i FROM t ORDER BY i NULLS LAST LIMIT 1 OFFSET 1", &["2"]);
    gives("SELECT s FROM t WHERE s IS NOT NULL ORDER BY l DESC", &["A", "b", "a"]);
    refused("SELECT i FROM t ORDER BY 3", &["ORDER BY 3", "1 columns"]);
}

#[test]
fn tables_join() {
    gives(
        "SELECT u.country, sum(o.amount) AS total FROM users u JOIN orders o ON o.user_id = u.id \
         GROUP BY u.country ORDER BY total",
        &["DE|35"],
    );
    gives(
        "SELECT id, amount FROM users LEFT JOIN orders ON id = user_id AND amount > 10 ORDER BY id",
        &["1|20", "2|NULL", "3|NULL", "4|NULL"],
    );
    gives("SELECT id FROM users LEFT ANTI JOIN orders ON id = user_id ORDER BY id", &["2", "4"]);
    gives(
        "SELECT id, a.country FROM users a JOIN users b USING (id) WHERE b.country = 'FR'",
        &["2|FR"],
    );
    gives(
        "SELECT id, n FROM (SELECT user_id AS id, count(*) AS n FROM orders GROUP BY user_id) o \
         FULL JOIN (SELECT id FROM users) u USING (id) ORDER BY id",
        &["1|2", "2|NULL", "3|1", "4|NULL", "9|1"],
    );
    gives("SELECT count(*) FROM users CROSS JOIN orders", &["16"]);
    gives("SELECT count(*) FROM users, orders", &["16"]);
    refused("SELECT 1 FROM users JOIN users ON true", &["one name", "alias"]);
    refused(
        "SELECT id FROM users a JOIN users b ON a.id = b.id",
        &["more than once", "table.column"],
    );
}

#[test]
fn queries_nest_and_combine() {
    gives("WITH de AS (SELECT * FROM users WHERE country = 'DE') SELECT max(id) FROM de", &["3"]);
    gives(
        "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS v(n, s) ORDER BY n DESC",
        &["2|NULL", "1|a"],
    );
    gives(
        "SELECT id FROM users UNION SELECT user_id FROM orders ORDER BY id",
        &["1", "2", "3", "4", "9"],
    );
    gives("SELECT 1 AS n UNION ALL SELECT 2.5 ORDER BY n", &["1.0", "2.5"]);
    gives("SELECT user_id FROM orders EXCEPT SELECT id FROM users", &["9"]);
    gives("SELECT DISTINCT country FROM users ORDER BY country", &["DE", "FR", "IT"]);
    refused("SELECT 1 UNION SELECT 1, 2", &["1 columns beside 2"]);
    refused("SELECT id AS a, country AS a FROM users", &["two columns", "named a"]);
    refused("SELECT id, row_number() OVER (ORDER BY id) FROM users", &["OVER"]);
    refused("DELETE FROM users", &["DELETE"]);
    refused("SELECT 1; SELECT 2", &["second statement"]);
}

#[test]
fn a_window_is_that_of_a_stream() {
    gives(
        "SELECT window.start, window.end, count(*) FROM (VALUES \
         (timestamp'2024-01-01 00:00:10'), (timestamp'2024-01-01 00:00:59'), \
         (timestamp'2024-01-01 00:01:00'), (NULL)) AS v(ts) \
         GROUP BY window(ts, '1 minute') ORDER BY 1",
        &["2024-01-01 00:00:00|2024-01-01 00:01:00|2", "2024-01-01 00:01:00|2024-01-01 00:02:00|1"],
    );
}

#[test]
fn a_deep_query_is_refused_and_not_a_crash() {
    let nested = format!("{}SELECT 1{}", "SELECT * FROM (".repeat(200), ") t".repeat(200));
    refused(&nested, &["deeper"]);
}

fn spilled(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = plan.metrics().and_then(|metrics| metrics.spilled_bytes()).unwrap_or(0);
    plan.children().into_iter().map(spilled).sum::<usize>() + own
}

#[test]
fn a_sort_larger_than_its_memory_goes_over_disk_and_is_right() {
    const ROWS: i64 = 1_000_000;
    let batches = (0..ROWS / 10_000).map(|at| {
        // A multiplication by an odd number permutes the numbers below a power of two.
        let keys = (at * 10_000..(at + 1) * 10_000).map(|n| n.wrapping_mul(0x5851_F42D_4C95_7F2D));
        let keys: Int64Array = keys.collect();
        let texts: StringArray = keys.iter().map(|key| Some(format!("{:064}", key?))).collect();
        let columns: Vec<(&str, ArrayRef)> = vec![("k", Arc::new(keys)), ("s", Arc::new(texts))];
        RecordBatch::try_from_iter(columns).unwrap()
    });
    let batches: Vec<RecordBatch> = batches.collect();
    let table = MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
    let spill = std::env::temp_dir().join(format!("spill-test-{}", std::process::id()));
    let options =
        SessionOptions { memory_bytes: 32 << 20, spill_dir: spill.clone(), target_partitions: 1 };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let context = session(&options).unwrap();
        let tables = BTreeMap::from([("big".to_owned(), Arc::new(table) as _)]);
        let input = QueryInput { tables, names: vec![], now_micros: NOW };
        let query = parse_query("SELECT k, s FROM big ORDER BY s, k").unwrap();
        let plan = plan_query(&query, &input).unwrap();
        let frame = context.execute_logical_plan(plan).await.unwrap();
        let plan = frame.create_physical_plan().await.unwrap();
        let sorted = collect(Arc::clone(&plan), context.task_ctx()).await.unwrap();
        assert!(spilled(&plan) > 32 << 20, "spilled {}", spilled(&plan));
        assert_eq!(sorted.iter().map(RecordBatch::num_rows).sum::<usize>(), ROWS as usize);
        let mut last = String::new();
        let mut sum = 0_i64;
        for batch in &sorted {
            for row in 0..batch.num_rows() {
                let text = value_text(batch.column(1), row).unwrap();
                assert!(last <= text, "{last} before {text}");
                sum = sum.wrapping_add(value_text(batch.column(0), row).unwrap().parse().unwrap());
                last = text;
            }
        }
        let all = (0..ROWS).map(|n| n.wrapping_mul(0x5851_F42D_4C95_7F2D));
        assert_eq!(sum, all.fold(0_i64, i64::wrapping_add));
    });
    let left = std::fs::read_dir(&spill).map_or(0, Iterator::count);
    assert_eq!(left, 0, "what was spilled is gone with the query");
    let _gone = std::fs::remove_dir(&spill);
}
