//! A topic as a table: every partition from its first record to its end at the time of asking.

use super::QuerySettings;
use crate::decode::Decoder;
use crate::kafka::{KafkaFault, Most, Source};
use crate::project::{KafkaTable, Table};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::PartitionStream;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Records decoded together.
const BATCH: Most = Most { records: 2_048, bytes: 4 << 20 };
/// Bytes that each share of a query fetches ahead.
const AHEAD_BYTES: usize = 8 << 20;

/// What all shares of a query count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// Records that were read.
    pub(super) read: Arc<AtomicU64>,
    /// Those of them that did not decode.
    pub(super) undecoded: Arc<AtomicU64>,
}

/// Of each partition its first offset and its end.
type Bounds = BTreeMap<i32, (i64, i64)>;

/// The partitions that one thread of a query reads, by one consumer.
#[derive(Debug, Clone)]
struct Share {
    bootstrap: String,
    topic: String,
    bounds: Bounds,
    decoder: Arc<Decoder>,
    schema: SchemaRef,
    counts: Counts,
}

/// The topic in as many shares as the query has threads: each has a sort of its own, and all sorts share
/// the query's memory.
pub(super) async fn shares(
    settings: &QuerySettings,
    table: &Table,
    kafka: &KafkaTable,
    counts: &Counts,
) -> Result<Vec<Arc<dyn PartitionStream>>, KafkaFault> {
    let names: Vec<String> = table.schema.fields().iter().map(|f| f.name().clone()).collect();
    let (address, topic) = (settings.kafka.clone(), kafka.topic.clone());
    let ask = move || -> Result<Bounds, KafkaFault> {
        let source = Source::new(&address, &topic, "millstream.sql", AHEAD_BYTES)?;
        let partitions = source.partitions()?.into_iter();
        partitions.map(|partition| Ok((partition, source.bounds(partition)?))).collect()
    };
    let bounds = tokio::task::spawn_blocking(ask).await.map_err(|error| {
        KafkaFault::Offsets(format!("asking a topic's offsets ended: {error}"))
    })??;
    let whole = Share {
        bootstrap: settings.kafka.clone(),
        topic: kafka.topic.clone(),
        bounds: Bounds::new(),
        decoder: Arc::new(Decoder::new(table, &names)),
        schema: super::schema_of(table),
        counts: counts.clone(),
    };
    let mut shares = vec![whole; settings.parallelism.clamp(1, bounds.len().max(1))];
    let count = shares.len();
    for (at, bound) in bounds.into_iter().enumerate() {
        shares[at % count].bounds.extend([bound]);
    }
    Ok(shares.into_iter().map(|share| Arc::new(share) as Arc<dyn PartitionStream>).collect())
}

impl PartitionStream for Share {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), 2);
        let sender = builder.tx();
        let share = self.clone();
        builder.spawn_blocking(move || share.read(|batch| sender.blocking_send(Ok(batch)).is_ok()));
        builder.build()
    }
}

impl Share {
    /// Hands out batches until every partition has been read to its end, or until nobody takes them.
    fn read(&self, mut give: impl FnMut(RecordBatch) -> bool) -> Result<(), DataFusionError> {
        let mut unread = self.bounds.clone();
        unread.retain(|_, (start, end)| start < end);
        if unread.is_empty() {
            return Ok(());
        }
        let external = |error: KafkaFault| DataFusionError::External(Box::new(error));
        let mut source = Source::new(&self.bootstrap, &self.topic, "millstream.sql", AHEAD_BYTES)
            .map_err(external)?;
        let starts = unread.iter().map(|(partition, (start, _))| (*partition, *start)).collect();
        source.assign(&starts).map_err(external)?;
        let mut idle = 0;
        while !unread.is_empty() {
            let mut records = source.poll(BATCH, Duration::from_millis(100)).map_err(external)?;
            idle = if records.is_empty() { idle + 1 } else { 0 };
            let mut last: BTreeMap<i32, i64> = BTreeMap::new();
            records.retain(|record| {
                last.insert(record.partition, record.offset);
                unread.get(&record.partition).is_some_and(|(_, end)| record.offset < *end)
            });
            let decoded = self.decoder.decode(&records)?;
            self.counts.read.fetch_add(records.len() as u64, Ordering::Relaxed);
            self.counts.undecoded.fetch_add(decoded.failed.len() as u64, Ordering::Relaxed);
            let batch = decoded.batch.with_schema(Arc::clone(&self.schema))?;
            if batch.num_rows() > 0 && !give(batch) {
                return Ok(());
            }
            // Offsets at the end may belong to transaction markers, which no reader sees.
            unread.retain(|partition, (_, end)| {
                last.get(partition).is_none_or(|offset| offset + 1 < *end)
                    && !source.at_end().contains(partition)
            });
            if idle >= IDLE_POLLS {
                return Err(DataFusionError::Execution(self.away(&unread)));
            }
        }
        Ok(())
    }

    fn away(&self, unread: &Bounds) -> String {
        format!(
            "topic {} gave no records for {} s although {} of its partitions are not at their end; is Kafka \
             at {} still there? Run the query again",
            self.topic,
            IDLE_POLLS / 10,
            unread.len(),
            self.bootstrap
        )
    }
}

/// Empty polls, a tenth of a second each, after which Kafka is taken to be away.
const IDLE_POLLS: usize = 300;
