//! Prints the catalogue as JSON, with the type that this engine gives each example.
//!
//! Read by `cargo x dialect`, which runs the same examples on `PySpark`.

use std::io::Write as _;

use datafusion::common::DFSchema;
use datafusion::logical_expr::ExprSchemable as _;
use dialect::{Kind, SAMPLE_SQL, catalogue, parse_expression, type_name};
use serde_json::{Value, json};

fn example(kind: Kind, sql: &str, expected: &str) -> Value {
    let found = match kind {
        Kind::Aggregate => None,
        _ => parse_expression(sql, &DFSchema::empty()).ok(),
    };
    let data_type = found.and_then(|expr| expr.get_type(&DFSchema::empty()).ok());
    json!({ "sql": sql, "expected": expected, "type": data_type.map(|t| type_name(&t)) })
}

fn main() -> std::io::Result<()> {
    let entries: Vec<Value> = catalogue()
        .iter()
        .map(|entry| {
            let examples: Vec<Value> = entry
                .examples
                .iter()
                .map(|(sql, expected)| example(entry.kind, sql, expected))
                .collect();
            json!({
                "name": entry.name,
                "kind": format!("{:?}", entry.kind),
                "signature": entry.signature,
                "doc": entry.doc,
                "deterministic": entry.deterministic,
                "examples": examples,
            })
        })
        .collect();
    let listed = json!({ "sample": SAMPLE_SQL, "entries": entries });
    writeln!(std::io::stdout(), "{listed}")
}
