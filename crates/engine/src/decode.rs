//! From a record's bytes to typed columns; what does not decode is told apart record by record.
//!
//! JSON is checked value by value first (one object, nothing after it), then decoded together; only
//! when a type does not fit is the batch halved until the records that do not fit stand alone.

use crate::project::{Format, Metadata, Table};
use crate::record::Record;
use datafusion::arrow::array::{
    ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::ReaderBuilder;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Decodes the records of one table.
#[derive(Debug)]
pub struct Decoder {
    format: Format,
    /// The columns that come from the value.
    value_schema: SchemaRef,
    /// All columns of the table, so that a plan's column numbers are the table's. A column that nobody
    /// reads is not decoded and all null.
    schema: SchemaRef,
    metadata: BTreeMap<String, Metadata>,
}

/// Columns of the records that decoded, and the reasons of those that did not.
#[derive(Debug)]
pub struct Decoded {
    /// One row per decoded record.
    pub batch: RecordBatch,
    /// For each row, the record's index in the input.
    pub rows: Vec<usize>,
    /// Index and reason of each record that did not decode.
    pub failed: Vec<(usize, String)>,
}

impl Decoder {
    /// A decoder for the columns `needed` of `table` and its event-time column.
    #[must_use]
    pub fn new(table: &Table, needed: &[String]) -> Self {
        let event_time = table.watermark.as_ref().map(|watermark| watermark.column.as_str());
        let wanted = |name: &str| needed.iter().any(|n| n == name) || event_time == Some(name);
        let from_value: Vec<_> = table
            .schema
            .fields()
            .iter()
            .filter(|field| wanted(field.name()) && !table.metadata.contains_key(field.name()))
            .cloned()
            .collect();
        let fields = table.schema.fields().iter();
        let fields: Vec<_> =
            fields.map(|field| field.as_ref().clone().with_nullable(true)).collect();
        Self {
            format: table.format,
            value_schema: Arc::new(Schema::new(from_value)),
            schema: Arc::new(Schema::new(fields)),
            metadata: table.metadata.clone(),
        }
    }

    /// The schema of what is decoded.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Decodes records of one partition, in order.
    ///
    /// # Errors
    /// Only when decoded columns cannot be put together, which the schema excludes.
    pub fn decode(&self, records: &[Record]) -> Result<Decoded, ArrowError> {
        let mut rows = Vec::with_capacity(records.len());
        let mut failed = Vec::new();
        for (at, record) in records.iter().enumerate() {
            match self.check(record) {
                Ok(()) => rows.push(at),
                Err(reason) => failed.push((at, reason)),
            }
        }
        let mut parts = Vec::new();
        let mut kept = Vec::with_capacity(rows.len());
        self.decode_range(records, &rows, &mut parts, &mut kept, &mut failed);
        failed.sort_unstable_by_key(|(at, _)| *at);
        let values = match parts.len() {
            1 => parts.swap_remove(0),
            _ => concat_batches(&self.value_schema, &parts)?,
        };
        let batch = self.with_metadata(&values, records, &kept)?;
        Ok(Decoded { batch, rows: kept, failed })
    }

    /// What can be said of one value before its types are known.
    fn check(&self, record: &Record) -> Result<(), String> {
        let Some(value) = &record.value else { return Err("the value is null".into()) };
        match self.format {
            Format::Raw => match std::str::from_utf8(value) {
                Ok(_) => Ok(()),
                Err(error) if self.raw_is_text() => Err(format!("the value is not UTF-8: {error}")),
                Err(_) => Ok(()),
            },
            Format::Json => {
                let first = value.iter().find(|byte| !byte.is_ascii_whitespace());
                serde_json::from_slice::<IgnoredAny>(value)
                    .map_err(|error| format!("the value is not JSON: {error}"))?;
                match first {
                    Some(b'{') => Ok(()),
                    _ => Err("the value is JSON, but not an object".into()),
                }
            }
        }
    }

    fn raw_is_text(&self) -> bool {
        self.value_schema.fields().iter().any(|field| field.data_type().is_string())
    }

    /// Recursion halves the range, so its depth is at most the logarithm of the batch's records.
    fn decode_range(
        &self,
        records: &[Record],
        rows: &[usize],
        parts: &mut Vec<RecordBatch>,
        kept: &mut Vec<usize>,
        failed: &mut Vec<(usize, String)>,
    ) {
        match (self.decode_values(records, rows), rows) {
            (Ok(batch), _) => {
                parts.push(batch);
                kept.extend_from_slice(rows);
            }
            (Err(error), [row]) => {
                let reason = format!("the value does not fit the table's columns: {error}");
                failed.push((*row, reason.chars().take(500).collect()));
            }
            (Err(_), _) => {
                let (left, right) = rows.split_at(rows.len() / 2);
                self.decode_range(records, left, parts, kept, failed);
                self.decode_range(records, right, parts, kept, failed);
            }
        }
    }

    fn decode_values(&self, records: &[Record], rows: &[usize]) -> Result<RecordBatch, ArrowError> {
        let values = rows.iter().map(|row| records[*row].value.as_deref().unwrap_or_default());
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        if self.value_schema.fields().is_empty() {
            let schema = Arc::clone(&self.value_schema);
            return RecordBatch::try_new_with_options(schema, Vec::new(), &options);
        }
        match self.format {
            Format::Json => {
                let mut decoder = ReaderBuilder::new(Arc::clone(&self.value_schema))
                    .with_batch_size(rows.len().max(1))
                    .with_coerce_primitive(true)
                    .build_decoder()?;
                for value in values {
                    decoder.decode(value)?;
                }
                let batch = decoder.flush()?;
                let empty = || RecordBatch::new_empty(Arc::clone(&self.value_schema));
                let batch = batch.unwrap_or_else(empty);
                if batch.num_rows() != rows.len() {
                    return Err(ArrowError::JsonError("not one object per record".into()));
                }
                Ok(batch)
            }
            Format::Raw => {
                let columns = self.value_schema.fields().iter().map(|field| -> ArrayRef {
                    let bytes: Vec<&[u8]> = values.clone().collect();
                    if field.data_type().is_string() {
                        let text = bytes.iter().map(|value| String::from_utf8_lossy(value));
                        Arc::new(StringArray::from_iter_values(text))
                    } else {
                        Arc::new(BinaryArray::from_iter_values(bytes))
                    }
                });
                let columns = columns.collect();
                RecordBatch::try_new_with_options(Arc::clone(&self.value_schema), columns, &options)
            }
        }
    }

    fn with_metadata(
        &self,
        values: &RecordBatch,
        records: &[Record],
        rows: &[usize],
    ) -> Result<RecordBatch, ArrowError> {
        let records = || rows.iter().map(|row| &records[*row]);
        let columns = self.schema.fields().iter().map(|field| -> Result<ArrayRef, ArrowError> {
            let Some(kind) = self.metadata.get(field.name()) else {
                let found = values.column_by_name(field.name()).cloned();
                return Ok(found.unwrap_or_else(|| new_null_array(field.data_type(), rows.len())));
            };
            let array: ArrayRef = match kind {
                Metadata::Timestamp => {
                    let micros = records().map(|r| r.timestamp.map(|ms| ms.saturating_mul(1_000)));
                    Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
                }
                Metadata::Partition => {
                    Arc::new(Int32Array::from_iter_values(records().map(|r| r.partition)))
                }
                Metadata::Offset => {
                    Arc::new(Int64Array::from_iter_values(records().map(|r| r.offset)))
                }
                Metadata::Key => Arc::new(
                    records()
                        .map(|r| r.key.as_deref().map(String::from_utf8_lossy))
                        .collect::<StringArray>(),
                ),
            };
            datafusion::arrow::compute::cast(&array, field.data_type())
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}
