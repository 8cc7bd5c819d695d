//! What becomes of each record of one partition, in offset order and apart from all other partitions:
//! decode, late?, evaluate, sink check. What is left are rows with their place and key.
//!
//! Pure but for the partition's mark: where batches were cut does not show in the result, so partitions
//! are judged on as many threads as there are.

use crate::decode::Decoder;
use crate::journal::Mark;
use crate::ledger::{Fate, Tally};
use crate::origin::Origin;
use crate::plan::{Plan, RowError, Stage};
use crate::project::Table;
use crate::record::{Record, Side, SideRecord};
use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch, UInt64Array};
use datafusion::arrow::compute::{filter_record_batch, take_record_batch};
use datafusion::arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{RowConverter, SortField};
use std::sync::Arc;

/// Checks a row against the sink before the record counts as written.
pub trait RowCheck: Send + Sync + std::fmt::Debug {
    /// The rows that the sink would refuse, with the reason.
    fn refused(&self, rows: &RecordBatch) -> Vec<(usize, String)>;
}

/// Judges the records of a stream.
#[derive(Debug)]
pub struct Judge {
    decoder: Decoder,
    /// Column and delay in microseconds of the watermark.
    watermark: Option<(usize, i64)>,
    before: Vec<Arc<Stage>>,
    key: Option<Key>,
    between: Vec<Arc<Stage>>,
    check: Option<Arc<dyn RowCheck>>,
}

#[derive(Debug)]
struct Key {
    columns: Vec<usize>,
    converter: RowConverter,
}

/// The rows of one partition's part of a batch.
#[derive(Debug)]
pub struct Judged {
    /// The partition.
    pub partition: i32,
    /// Rows for the sink, or for the window aggregate.
    pub rows: RecordBatch,
    /// Each row's place.
    pub origins: Vec<Origin>,
    /// Each row's deduplication key; empty when the stream does not deduplicate.
    pub keys: Vec<Vec<u8>>,
    /// Places and keys of records that a filter after deduplication refuses: they still hold their key.
    pub refused: Vec<(Vec<u8>, Origin)>,
    /// Fates that are settled here.
    pub tally: Tally,
    /// Late and dead-lettered records, in offset order.
    pub side: Vec<SideRecord>,
    /// Timestamps of the other records, milliseconds: how long each took is counted from here.
    pub sent: Vec<i64>,
}

/// Records on their way, each row with its record's index.
struct Flow {
    batch: RecordBatch,
    rows: Vec<usize>,
}

/// Index of a record and why it leaves.
type Exit = (usize, Side, String);

impl Judge {
    /// A judge for one plan over its source table.
    ///
    /// # Errors
    /// When a key column's type cannot be a key.
    pub fn new(
        plan: &Plan,
        table: &Table,
        check: Option<Arc<dyn RowCheck>>,
    ) -> Result<Self, ArrowError> {
        let decoder = Decoder::new(table, &plan.needed);
        let watermark = match &table.watermark {
            Some(watermark) => {
                Some((decoder.schema().index_of(&watermark.column)?, watermark.delay))
            }
            None => None,
        };
        let before_schema = plan.before.last().map_or(decoder.schema(), |stage| stage.output());
        let key = match &plan.deduplicate {
            Some(found) => Some(Key::new(&found.key, before_schema)?),
            None => None,
        };
        Ok(Self {
            decoder,
            watermark,
            before: plan.before.clone(),
            key,
            between: plan.between.clone(),
            check,
        })
    }

    /// The schema of [`Judged::rows`].
    #[must_use]
    pub fn output(&self) -> &SchemaRef {
        let last = self.between.last().or(self.before.last());
        last.map_or(self.decoder.schema(), |stage| stage.output())
    }

    /// Judges the next records of one partition and moves its mark.
    ///
    /// # Errors
    /// When columns cannot be put together, which the plan's types exclude.
    pub fn judge(
        &self,
        partition: i32,
        records: Vec<Record>,
        mark: &mut Mark,
    ) -> Result<Judged, ArrowError> {
        let mut exits: Vec<Exit> = Vec::new();
        let mut tally = Tally::default();
        let decoded = self.decoder.decode(&records)?;
        exits.extend(decoded.failed.into_iter().map(|(at, why)| (at, Side::DeadLetter, why)));
        let flow = Flow { batch: decoded.batch, rows: decoded.rows };
        let (mut flow, times) = self.split_late(flow, &records, mark, &mut exits)?;
        for stage in &self.before {
            flow = run_stage(stage, flow, &mut exits, |_| tally.enter(Fate::Filtered))?;
        }
        let origin =
            |at: usize| Origin { event_time: times[at], partition, offset: records[at].offset };
        let mut key_of = vec![Vec::new(); if self.key.is_some() { records.len() } else { 0 }];
        if let Some(key) = &self.key {
            flow = key.assign(flow, &mut key_of, &mut exits)?;
        }
        let mut refused = Vec::new();
        for stage in &self.between {
            flow = run_stage(stage, flow, &mut exits, |at| {
                refused.push((std::mem::take(&mut key_of[at]), origin(at)));
            })?;
        }
        flow = self.check_sink(flow, &mut exits)?;
        for (_, side, _) in &exits {
            tally.enter(match side {
                Side::Late => Fate::Late,
                Side::DeadLetter => Fate::DeadLettered,
            });
        }
        let origins = flow.rows.iter().map(|at| origin(*at)).collect();
        let keys = if self.key.is_some() {
            flow.rows.iter().map(|at| std::mem::take(&mut key_of[*at])).collect()
        } else {
            Vec::new()
        };
        let sent = flow.rows.iter().filter_map(|at| records[*at].timestamp).collect();
        let rows = flow.batch;
        mark.position = records.last().map_or(mark.position, |record| record.offset + 1);
        let side = leave(records, exits);
        Ok(Judged { partition, rows, origins, keys, refused, tally, side, sent })
    }

    /// Splits off the records before the watermark, which only this partition's earlier offsets decide.
    /// Returns each record's event time, microseconds, by the record's index.
    fn split_late(
        &self,
        flow: Flow,
        records: &[Record],
        mark: &mut Mark,
        exits: &mut Vec<Exit>,
    ) -> Result<(Flow, Vec<i64>), ArrowError> {
        let mut times: Vec<i64> = records
            .iter()
            .map(|record| record.timestamp.unwrap_or_default().saturating_mul(1_000))
            .collect();
        let Some((column, delay)) = self.watermark else { return Ok((flow, times)) };
        let event_times = flow.batch.column(column).as_primitive::<TimestampMicrosecondType>();
        let mut on_time = Vec::with_capacity(flow.rows.len());
        for (row, at) in flow.rows.iter().enumerate() {
            if event_times.is_null(row) {
                exits.push((*at, Side::DeadLetter, "the event time is null".into()));
                on_time.push(false);
                continue;
            }
            let time = event_times.value(row);
            times[*at] = time;
            let watermark = mark.max_event_time.map(|max| max.saturating_sub(delay));
            let late = watermark.is_some_and(|watermark| time < watermark);
            if late {
                let behind = watermark.unwrap_or_default().saturating_sub(time) / 1_000;
                let reason = format!("{behind} ms before the watermark of its partition");
                exits.push((*at, Side::Late, reason));
            }
            on_time.push(!late);
            mark.max_event_time = Some(mark.max_event_time.map_or(time, |max| max.max(time)));
        }
        let batch = filter_record_batch(&flow.batch, &BooleanArray::from(on_time.clone()))?;
        let rows = flow.rows.into_iter().zip(on_time).filter(|(_, keep)| *keep).map(|(at, _)| at);
        Ok((Flow { batch, rows: rows.collect() }, times))
    }

    fn check_sink(&self, flow: Flow, exits: &mut Vec<Exit>) -> Result<Flow, ArrowError> {
        let refused = self.check.as_ref().map_or_else(Vec::new, |check| check.refused(&flow.batch));
        if refused.is_empty() {
            return Ok(flow);
        }
        let mut keep = vec![true; flow.rows.len()];
        for (row, reason) in refused {
            keep[row] = false;
            exits.push((flow.rows[row], Side::DeadLetter, reason));
        }
        flow.retain(&keep)
    }
}

impl Flow {
    fn retain(self, keep: &[bool]) -> Result<Self, ArrowError> {
        let batch = filter_record_batch(&self.batch, &BooleanArray::from(keep.to_vec()))?;
        let rows = self.rows.into_iter().zip(keep).filter(|(_, keep)| **keep).map(|(at, _)| at);
        Ok(Self { batch, rows: rows.collect() })
    }
}

impl Key {
    fn new(columns: &[usize], schema: &SchemaRef) -> Result<Self, ArrowError> {
        let fields = columns
            .iter()
            .map(|at| SortField::new(schema.field(*at).data_type().clone()))
            .collect();
        Ok(Self { columns: columns.to_vec(), converter: RowConverter::new(fields)? })
    }

    /// Encodes each row's key; a row whose key is NULL cannot be told from others and leaves.
    fn assign(
        &self,
        flow: Flow,
        key_of: &mut [Vec<u8>],
        exits: &mut Vec<Exit>,
    ) -> Result<Flow, ArrowError> {
        let columns: Vec<_> =
            self.columns.iter().map(|at| Arc::clone(flow.batch.column(*at))).collect();
        let encoded = self.converter.convert_columns(&columns)?;
        let mut keep = vec![true; flow.rows.len()];
        for (row, at) in flow.rows.iter().enumerate() {
            if columns.iter().any(|column| column.is_null(row)) {
                keep[row] = false;
                exits.push((*at, Side::DeadLetter, "the deduplication key is null".into()));
            } else {
                key_of[*at] = encoded.row(row).data().to_vec();
            }
        }
        flow.retain(&keep)
    }
}

fn run_stage(
    stage: &Stage,
    flow: Flow,
    exits: &mut Vec<Exit>,
    mut filtered: impl FnMut(usize),
) -> Result<Flow, ArrowError> {
    let staged = stage.run(&flow.batch)?;
    for RowError { row, reason } in staged.failed {
        exits.push((flow.rows[row], Side::DeadLetter, reason));
    }
    for row in staged.filtered {
        filtered(flow.rows[row]);
    }
    let rows = staged.rows.iter().map(|row| flow.rows[*row]).collect();
    Ok(Flow { batch: staged.batch, rows })
}

/// The records that leave, in offset order, each with its reason.
fn leave(records: Vec<Record>, mut exits: Vec<Exit>) -> Vec<SideRecord> {
    exits.sort_unstable_by_key(|(at, ..)| *at);
    let mut records: Vec<Option<Record>> = records.into_iter().map(Some).collect();
    exits
        .into_iter()
        .filter_map(|(at, side, reason)| {
            let record = records.get_mut(at)?.take()?;
            Some(SideRecord { side, reason, record })
        })
        .collect()
}

/// Puts rows in another order.
///
/// # Errors
/// When an index is out of range.
pub fn take_rows(batch: &RecordBatch, rows: &[usize]) -> Result<RecordBatch, ArrowError> {
    let indexes = UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64));
    take_record_batch(batch, &indexes)
}
