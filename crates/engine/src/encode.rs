//! From rows to records of a topic.

use crate::kafka::Outgoing;
use crate::project::{Format, KafkaTable};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::LineDelimitedWriter;

/// Encodes rows of one table.
#[derive(Debug, Clone)]
pub struct Encoder {
    table: KafkaTable,
    format: Format,
}

impl Encoder {
    /// An encoder for rows of a table with this connector.
    #[must_use]
    pub fn new(table: KafkaTable, format: Format) -> Self {
        Self { table, format }
    }

    /// One record per row, in order.
    ///
    /// # Errors
    /// When a column cannot be written in the format.
    pub fn encode(&self, rows: &RecordBatch) -> Result<Vec<Outgoing>, ArrowError> {
        let keys = self.bytes_of(rows, self.table.key.as_deref())?;
        let timestamps = self.timestamps(rows)?;
        let values = match self.format {
            Format::Json => json_lines(rows)?,
            Format::Raw => self.bytes_of(rows, self.value_column(rows))?,
        };
        let records = keys.into_iter().zip(timestamps).zip(values);
        Ok(records
            .map(|((key, timestamp), value)| Outgoing {
                topic: self.table.topic.clone(),
                key,
                value,
                timestamp,
                headers: Vec::new(),
            })
            .collect())
    }

    /// The raw value: the one text or bytes column that is neither key nor timestamp.
    fn value_column<'a>(&self, rows: &'a RecordBatch) -> Option<&'a str> {
        rows.schema_ref()
            .fields()
            .iter()
            .filter(|field| matches!(field.data_type(), DataType::Utf8 | DataType::Binary))
            .map(|field| field.name().as_str())
            .find(|name| Some(*name) != self.table.key.as_deref())
    }

    fn bytes_of(
        &self,
        rows: &RecordBatch,
        column: Option<&str>,
    ) -> Result<Vec<Option<Vec<u8>>>, ArrowError> {
        let Some(column) = column.and_then(|name| rows.column_by_name(name)) else {
            return Ok(vec![None; rows.num_rows()]);
        };
        if *column.data_type() == DataType::Binary {
            let bytes = column.as_binary::<i32>();
            return Ok(bytes.iter().map(|value| value.map(<[u8]>::to_vec)).collect());
        }
        let text = cast(column, &DataType::Utf8)?;
        let text = text.as_string::<i32>();
        Ok(text.iter().map(|value| value.map(|text| text.as_bytes().to_vec())).collect())
    }

    fn timestamps(&self, rows: &RecordBatch) -> Result<Vec<Option<i64>>, ArrowError> {
        let column = self.table.timestamp.as_deref().and_then(|name| rows.column_by_name(name));
        let Some(column) = column else { return Ok(vec![None; rows.num_rows()]) };
        let micros = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
        let micros = micros.as_primitive::<TimestampMicrosecondType>();
        Ok(micros.iter().map(|value| value.map(|micros| micros.div_euclid(1_000))).collect())
    }
}

fn json_lines(rows: &RecordBatch) -> Result<Vec<Option<Vec<u8>>>, ArrowError> {
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(rows)?;
    writer.finish()?;
    let text = writer.into_inner();
    let lines = text.split(|byte| *byte == b'\n').take(rows.num_rows());
    Ok(lines.map(|line| Some(line.to_vec())).collect())
}
