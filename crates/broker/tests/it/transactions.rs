//! Transactions: atomic, fenced, and carried through after a kill.

use crate::client::{Client, message, sent, start, start_on};
use kafka_wire::{
    AddPartitionsToTxnRequest, EndTxnRequest, InitProducerIdRequest, add_partitions_to_txn_request,
};
use runtime::FaultDisk;

const ID: &str = "tx";

async fn init(client: &mut Client) -> (i64, i16) {
    let request = message!(InitProducerIdRequest {
        transactional_id: Some(ID.into()),
        transaction_timeout_ms: 60_000,
    });
    let response = client.call(4, &request).await;
    assert_eq!(response.error_code, 0);
    (response.producer_id, response.producer_epoch)
}

async fn add(client: &mut Client, producer: (i64, i16)) -> i16 {
    let topic = message!(add_partitions_to_txn_request::AddPartitionsToTxnTopic {
        name: "t".into(),
        partitions: vec![0],
    });
    let request = message!(AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: ID.into(),
        v3_and_below_producer_id: producer.0,
        v3_and_below_producer_epoch: producer.1,
        v3_and_below_topics: vec![topic],
    });
    let response = client.call(3, &request).await;
    response.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
}

async fn end(client: &mut Client, producer: (i64, i16), commit: bool, version: i16) -> (i16, i16) {
    let request = message!(EndTxnRequest {
        transactional_id: ID.into(),
        producer_id: producer.0,
        producer_epoch: producer.1,
        committed: commit,
    });
    let response = client.call(version, &request).await;
    (response.error_code, response.producer_epoch)
}

#[tokio::test]
async fn a_reader_of_committed_records_sees_no_aborted_ones() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    let producer = init(&mut client).await;
    let (id, epoch) = producer;
    // Not part of the transaction yet.
    let early = client.produce("t", sent(id, epoch, 0, true, &["x"]), Some(ID), 9).await;
    assert_eq!(early.0, 48);
    for (round, commit) in [(0, true), (1, false), (2, true)] {
        assert_eq!(add(&mut client, producer).await, 0);
        let value = format!("{round}");
        let batch = sent(id, epoch, round, true, &[&value]);
        assert_eq!(client.produce("t", batch, Some(ID), 9).await.0, 0);
        if round == 0 {
            assert!(client.fetch("t", 0, 1).await.values.is_empty());
            assert_eq!(client.fetch("t", 0, 0).await.values, ["0"]);
        }
        assert_eq!(end(&mut client, producer, commit, 4).await.0, 0);
        assert_eq!(end(&mut client, producer, commit, 4).await.0, 0, "a retry is no error");
        assert_eq!(end(&mut client, producer, !commit, 4).await.0, 48);
    }
    let fetched = client.fetch("t", 0, 1).await;
    // The log gives all; the client drops those the aborted list names.
    assert_eq!(fetched.values, ["0", "1", "2"]);
    assert_eq!(fetched.aborted, [(id, 2)]);
    assert_eq!(fetched.last_stable, 6);
}

#[tokio::test]
async fn a_new_owner_fences_the_old_one_and_aborts_its_transaction() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    let old = init(&mut client).await;
    add(&mut client, old).await;
    client.produce("t", sent(old.0, old.1, 0, true, &["lost"]), Some(ID), 9).await;
    let new = init(&mut client).await;
    assert_eq!(new.0, old.0);
    assert!(new.1 > old.1);
    let fetched = client.fetch("t", 0, 1).await;
    assert_eq!(fetched.aborted, [(old.0, 0)]);
    assert_eq!(fetched.last_stable, 2);
    let late = sent(old.0, old.1, 1, true, &["late"]);
    assert_eq!(client.produce("t", late.clone(), Some(ID), 9).await.0, 47);
    assert_eq!(add(&mut client, old).await, 90);
    assert_eq!(end(&mut client, old, true, 4).await.0, 90);
    // The fence holds over a kill.
    drop(broker);
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    assert_eq!(client.produce("t", late, Some(ID), 9).await.0, 47);
    assert_eq!(add(&mut client, new).await, 0);
}

#[tokio::test]
async fn an_open_transaction_can_be_committed_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    let producer = init(&mut client).await;
    add(&mut client, producer).await;
    client.produce("t", sent(producer.0, producer.1, 0, true, &["kept"]), Some(ID), 9).await;
    drop(broker);
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    assert!(client.fetch("t", 0, 1).await.values.is_empty());
    assert_eq!(end(&mut client, producer, true, 4).await.0, 0);
    assert_eq!(client.fetch("t", 0, 1).await.values, ["kept"]);
}

#[tokio::test]
async fn transactions_of_version_2_join_by_writing_and_bump_at_their_end() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    let (id, epoch) = init(&mut client).await;
    let batch = sent(id, epoch, 0, true, &["a"]);
    assert_eq!(client.produce("t", batch.clone(), Some(ID), 12).await.0, 0);
    assert_eq!(end(&mut client, (id, epoch), true, 5).await, (0, epoch + 1));
    assert_eq!(end(&mut client, (id, epoch), true, 5).await, (0, epoch + 1), "a retry");
    // A batch of the ended transaction that comes late changes nothing.
    assert_eq!(client.produce("t", batch, Some(ID), 12).await.0, 47);
    let next = sent(id, epoch + 1, 0, true, &["b"]);
    assert_eq!(client.produce("t", next, Some(ID), 12).await.0, 0);
    assert_eq!(end(&mut client, (id, epoch + 1), false, 5).await, (0, epoch + 2));
    let fetched = client.fetch("t", 0, 1).await;
    assert_eq!(fetched.aborted, [(id, 2)]);
    // Aborting a transaction that wrote nothing is fine, committing it is not.
    assert_eq!(end(&mut client, (id, epoch + 2), false, 5).await, (0, epoch + 3));
    assert_eq!(end(&mut client, (id, epoch + 3), true, 5).await.0, 48);
}

#[tokio::test]
async fn a_transaction_goes_on_after_a_power_cut_that_took_the_record_of_its_beginning() {
    for seed in 0..8 {
        let directory = tempfile::tempdir().unwrap();
        let disk = FaultDisk::new();
        let broker = start_on(directory.path(), &disk).await;
        let mut client = Client::connect(&broker).await;
        client.create_topic("t", 1).await;
        let producer = init(&mut client).await;
        for (sequence, commit) in [(0, true), (1, false)] {
            assert_eq!(add(&mut client, producer).await, 0);
            let batch = sent(producer.0, producer.1, sequence, true, &[&sequence.to_string()]);
            assert_eq!(client.produce("t", batch, Some(ID), 9).await.0, 0);
            if commit {
                assert_eq!(end(&mut client, producer, true, 4).await.0, 0);
            }
        }
        let disk = disk.after_power_cut(seed);
        drop((client, broker));
        let broker = start_on(directory.path(), &disk).await;
        let mut client = Client::connect(&broker).await;
        assert_eq!(end(&mut client, producer, true, 4).await.0, 0, "seed {seed}");
        let fetched = client.fetch("t", 0, 1).await;
        assert_eq!((fetched.aborted, fetched.last_stable), (vec![], 4), "seed {seed}");
        // The marker's time is far from the records': it stands in a segment of its own.
        assert_eq!(fetched.values, ["0"], "seed {seed}");
        assert_eq!(client.fetch("t", 1, 1).await.values, ["1"], "seed {seed}");
    }
}
