//! A topic as a table: every partition from its first record to its end at the time of asking.

use crate::decode::Decoder;
use crate::kafka::{KafkaFault, Source};
use crate::project::{KafkaTable, Table};
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
const BATCH: usize = 8_192;

#[derive(Debug, Clone)]
struct Partition {
    bootstrap: String,
    topic: String,
    partition: i32,
    start: i64,
    end: i64,
    decoder: Arc<Decoder>,
    schema: SchemaRef,
    undecoded: Arc<AtomicU64>,
}

/// The partitions of a topic.
pub(super) async fn partitions(
    bootstrap: &str,
    table: &Table,
    kafka: &KafkaTable,
    undecoded: &Arc<AtomicU64>,
) -> Result<Vec<Arc<dyn PartitionStream>>, KafkaFault> {
    let names: Vec<String> = table.schema.fields().iter().map(|f| f.name().clone()).collect();
    let decoder = Arc::new(Decoder::new(table, &names));
    let (address, topic) = (bootstrap.to_owned(), kafka.topic.clone());
    let ask = move || -> Result<Vec<(i32, i64, i64)>, KafkaFault> {
        let source = Source::new(&address, &topic, "millstream.sql")?;
        let partitions = source.partitions()?.into_iter();
        partitions.map(|p| source.bounds(p).map(|(start, end)| (p, start, end))).collect()
    };
    let bounds = tokio::task::spawn_blocking(ask).await.map_err(|error| {
        KafkaFault::Offsets(format!("asking a topic's offsets ended: {error}"))
    })??;
    let schema = super::schema_of(table);
    Ok(bounds
        .into_iter()
        .map(|(partition, start, end)| {
            Arc::new(Partition {
                bootstrap: bootstrap.to_owned(),
                topic: kafka.topic.clone(),
                partition,
                start,
                end,
                decoder: Arc::clone(&decoder),
                schema: Arc::clone(&schema),
                undecoded: Arc::clone(undecoded),
            }) as Arc<dyn PartitionStream>
        })
        .collect())
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), 2);
        let sender = builder.tx();
        let partition = self.clone();
        builder.spawn_blocking(move || {
            partition.read(|batch| sender.blocking_send(Ok(batch)).is_ok())
        });
        builder.build()
    }
}

impl Partition {
    /// Hands out batches until the end, or until nobody takes them any more.
    fn read(
        &self,
        mut give: impl FnMut(datafusion::arrow::array::RecordBatch) -> bool,
    ) -> Result<(), DataFusionError> {
        if self.start >= self.end {
            return Ok(());
        }
        let external = |error: KafkaFault| DataFusionError::External(Box::new(error));
        let mut source =
            Source::new(&self.bootstrap, &self.topic, "millstream.sql").map_err(external)?;
        source.assign(&BTreeMap::from([(self.partition, self.start)])).map_err(external)?;
        let mut idle = 0;
        // Offsets at the end may belong to transaction markers, which no reader sees.
        while !source.at_end().contains(&self.partition) {
            let mut records = source.poll(BATCH, Duration::from_millis(100)).map_err(external)?;
            let last = records.last().map_or(i64::MIN, |record| record.offset);
            idle = if records.is_empty() { idle + 1 } else { 0 };
            records.retain(|record| record.offset < self.end);
            let decoded = self.decoder.decode(&records)?;
            self.undecoded.fetch_add(decoded.failed.len() as u64, Ordering::Relaxed);
            let batch = decoded.batch.with_schema(Arc::clone(&self.schema))?;
            if batch.num_rows() > 0 && !give(batch) {
                return Ok(());
            }
            if last + 1 >= self.end {
                return Ok(());
            }
            if idle >= IDLE_POLLS {
                let problem = format!(
                    "topic {} partition {} gave no records for {} s although it is not at its end; \
                     is Kafka at {} still there? Run the query again",
                    self.topic,
                    self.partition,
                    IDLE_POLLS / 10,
                    self.bootstrap
                );
                return Err(DataFusionError::Execution(problem));
            }
        }
        Ok(())
    }
}

/// Empty polls, a tenth of a second each, after which a partition is taken to be away.
const IDLE_POLLS: usize = 300;
