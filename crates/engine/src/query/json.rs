//! Rows as JSON objects.

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;

/// The rows of a batch, one object each, with these names for the columns. Numbers and booleans as such;
/// everything else, also numbers that JSON has not, as text.
///
/// # Errors
/// A value that cannot be shown.
pub fn objects(names: &[String], batch: &RecordBatch) -> Result<Vec<Value>, ArrowError> {
    let options = FormatOptions::default();
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    let rows = (0..batch.num_rows()).map(|row| {
        let cells = names.iter().zip(&columns).enumerate().map(|(at, (name, column))| {
            let text = column.value(row).to_string();
            (name.clone(), value(batch.column(at).as_ref(), row, text))
        });
        Value::Object(cells.collect())
    });
    Ok(rows.collect())
}

fn value(column: &dyn Array, row: usize, text: String) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    let bare = column.data_type().is_numeric() || *column.data_type() == DataType::Boolean;
    match serde_json::from_str(&text) {
        Ok(value) if bare => value,
        _ => Value::String(text),
    }
}
