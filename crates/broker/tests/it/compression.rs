//! `compression.type`, and what a compacted topic asks of compressed batches.

use crate::client::{Client, message, plain, produce, start};
use bytes::Bytes;
use commitlog::batch::{Batch, Builder, Compression, Header, NewRecord};
use kafka_wire::{CreateTopicsRequest, FetchRequest, ProduceRequest, create_topics_request};
use std::io::{Read, Write};

async fn create(client: &mut Client, name: &str, config: (&str, &str)) {
    let config = message!(create_topics_request::CreatableTopicConfig {
        name: config.0.into(),
        value: Some(config.1.into()),
    });
    let topic = message!(create_topics_request::CreatableTopic {
        name: name.into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: vec![config],
    });
    let request = message!(CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000 });
    assert_eq!(client.call(7, &request).await.topics[0].error_code, 0);
}

async fn stored(client: &mut Client, topic: &str) -> Bytes {
    let request: FetchRequest = crate::client::fetch_request_of(topic, 0, 0, 0);
    let response = client.call(12, &request).await;
    response.responses[0].partitions[0].records.clone().unwrap()
}

fn gzipped(batch: &Bytes) -> Bytes {
    let batch = Batch::first_of(batch).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(batch.payload()).unwrap();
    batch.recompressed(Compression::Gzip, &encoder.finish().unwrap())
}

#[tokio::test]
async fn a_topic_stores_records_in_the_compression_that_it_asks_for() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    for (name, codec) in [
        ("uncompressed", Compression::None),
        ("gzip", Compression::Gzip),
        ("snappy", Compression::Snappy),
        ("lz4", Compression::Lz4),
        ("zstd", Compression::Zstd),
    ] {
        create(&mut client, name, ("compression.type", name)).await;
        let sent = plain(&["one", "two"]);
        assert_eq!(client.produce(name, sent.clone(), None, 9).await, (0, 0));
        assert_eq!(client.produce(name, gzipped(&sent), None, 9).await, (0, 2));
        let records = stored(&mut client, name).await;
        for batch in Batch::all_of(&records) {
            let batch = batch.unwrap();
            batch.check().unwrap();
            assert_eq!(batch.compression(), codec, "{name}");
            assert_eq!(batch.count(), 2);
        }
    }
    let records = stored(&mut client, "gzip").await;
    let mut opened = Vec::new();
    let payload = Batch::first_of(&records).unwrap().payload();
    flate2::read::GzDecoder::new(payload).read_to_end(&mut opened).unwrap();
    assert_eq!(opened, Batch::first_of(&plain(&["one", "two"])).unwrap().payload());
}

#[tokio::test]
async fn a_compacted_topic_refuses_keyless_records_inside_a_compressed_batch() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    create(&mut client, "c", ("cleanup.policy", "compact")).await;
    let mut builder = Builder::new(Header::default());
    for key in [Some(b"k".as_slice()), None] {
        builder.push(NewRecord { timestamp: 1, key, value: Some(b"v"), headers: &[] });
    }
    let request: ProduceRequest = produce("c", gzipped(&builder.build()), None);
    let response = client.call(9, &request).await;
    let part = &response.responses[0].partition_responses[0];
    assert_eq!(part.error_code, 87);
    assert_eq!(part.record_errors.len(), 1);
    assert_eq!(part.record_errors[0].batch_index, 1);
    let torn = Batch::first_of(&plain(&["x"])).unwrap().recompressed(Compression::Gzip, b"no gzip");
    assert_eq!(client.produce("c", torn, None, 9).await.0, 87);
}
