//! Statement files: what is read, and where errors point.

use super::*;
use crate::types::type_name;

const FILE: &str = "-- orders
CREATE TABLE IF NOT EXISTS Orders (
  id STRING NOT NULL,
  userId BIGINT,
  price DECIMAL(10,2),
  tags ARRAY<STRUCT<k STRING, v: MAP<STRING, INT>>>,
  ts TIMESTAMP(3) METADATA FROM 'timestamp',
  partition INT METADATA VIRTUAL,
  WATERMARK FOR TS AS ts - INTERVAL '30' SECOND,
  PRIMARY KEY (ID) NOT ENFORCED
) PARTITIONED BY (userid) WITH (
  'connector' = 'kafka',
  'topic' = 'it''s; orders'
);

INSERT INTO totals (minute, total)
SELECT window(ts, '1 minute'), sum(price) FROM orders GROUP BY 1;
";

#[test]
fn a_file_of_definitions_is_read() {
    let statements = parse_statements(FILE).unwrap();
    assert_eq!(statements.len(), 2);
    let Statement::CreateTable(table) = &statements[0].value else { panic!("not a table") };
    assert_eq!((table.name.as_str(), table.if_not_exists), ("Orders", true));
    assert_eq!(table.columns.len(), 6);
    assert_eq!(type_name(&table.columns[3].data_type), "array<struct<k:string,v:map<string,int>>>");
    assert_eq!(table.columns[4].metadata.as_deref(), Some("timestamp"));
    assert_eq!(table.columns[5].metadata.as_deref(), Some("partition"));
    let watermark = table.watermark.as_ref().unwrap();
    assert_eq!((watermark.column.as_str(), watermark.delay_ms), ("ts", 30_000));
    assert_eq!(table.primary_key, ["id"]);
    assert_eq!(table.partitioned_by, ["userId"]);
    assert_eq!(table.options[1].1, "it's; orders");
    assert_eq!(table.options[1].2, Position { line: 13, column: 3 });
    assert_eq!(statements[0].position, Position { line: 2, column: 1 });

    let Statement::Insert(insert) = &statements[1].value else { panic!("not an insert") };
    assert_eq!(insert.sink, "totals");
    assert_eq!(insert.columns, ["minute", "total"]);
    assert!(insert.text.starts_with("INSERT INTO totals") && insert.text.ends_with("GROUP BY 1"));
    assert_eq!(insert.position, Position { line: 16, column: 1 });
}

/// One line per case: text | line | column | part of the message.
#[test]
fn errors_name_the_place_and_the_nearest_name() {
    for (text, line, column, part) in [
        ("CRATE TABLE t (a INT) WITH ('a'='b')", 1, 1, "did you mean CREATE?"),
        ("CREATE TABLE t (\n  a STRNG\n) WITH ('a'='b')", 2, 5, "did you mean STRING?"),
        ("CREATE TABLE t (a INT, A INT) WITH ('a'='b')", 1, 24, "declared twice"),
        ("CREATE TABLE t (user_id INT, PRIMARY KEY (usr_id)) WITH ('a'='b')", 1, 43, "user_id"),
        ("CREATE TABLE t (a INT) WTH ('a'='b')", 1, 24, "did you mean WITH?"),
        ("CREATE TABLE t (a INT) WITH ('a'='b', 'a'='c')", 1, 39, "given twice"),
        ("CREATE TABLE t (a INT, WATERMARK FOR a AS a) WITH ('a'='b')", 1, 24, "TIMESTAMP"),
        ("INSERT INTO t SELECT 1 +;", 1, 25, "expression"),
        ("INSERT INTO t SELECT 'abc", 1, 22, "Unterminated"),
    ] {
        let error = parse_statements(text).unwrap_err();
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert_eq!(error.position(), Position { line, column }, "{text}: {error}");
    }
}
