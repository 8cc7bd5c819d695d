//! The Rust driver of Scylla, unmodified: what the engine's own sink uses.

use crate::client::Node;
use futures::StreamExt;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::batch::{Batch, BatchType};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rust_driver_writes_batches_and_reads_pages() {
    let node = Node::start().await;
    let address = node.store.as_ref().unwrap().address().to_string();
    let session = SessionBuilder::new().known_node(address).build().await.unwrap();
    session
        .query_unpaged(
            "CREATE KEYSPACE ks WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': 1}",
            (),
        )
        .await
        .unwrap();
    session
        .query_unpaged("CREATE TABLE ks.t (k int, c bigint, v text, PRIMARY KEY (k, c))", ())
        .await
        .unwrap();
    let insert = session
        .prepare("INSERT INTO ks.t (k, c, v) VALUES (?, ?, ?) USING TIMESTAMP ?")
        .await
        .unwrap();
    session.execute_unpaged(&insert, (1, 0_i64, "first", 5_i64)).await.unwrap();
    session.execute_unpaged(&insert, (1, 0_i64, "older", 4_i64)).await.unwrap();
    for group in 0..10_i64 {
        let mut batch = Batch::new(BatchType::Unlogged);
        let mut values = Vec::new();
        for at in 0..100 {
            batch.append_statement(insert.clone());
            values.push((2, group * 100 + at, "row", 7_i64));
        }
        session.batch(&batch, values).await.unwrap();
    }
    let mut select = session.prepare("SELECT c, v FROM ks.t WHERE k = ?").await.unwrap();
    select.set_page_size(37);
    let pager = session.execute_iter(select.clone(), (2,)).await.unwrap();
    let mut rows = pager.rows_stream::<(i64, String)>().unwrap();
    let mut seen = 0;
    while let Some(row) = rows.next().await {
        assert_eq!(row.unwrap(), (seen, "row".to_owned()));
        seen += 1;
    }
    assert_eq!(seen, 1000);
    let one = session.execute_unpaged(&select, (1,)).await.unwrap().into_rows_result().unwrap();
    assert_eq!(one.single_row::<(i64, &str)>().unwrap(), (0, "first"));
    session.refresh_metadata().await.unwrap();
    let state = session.get_cluster_state();
    let table = &state.get_keyspace("ks").unwrap().tables["t"];
    assert_eq!(table.partition_key, ["k"]);
    assert_eq!(table.clustering_key, ["c"]);
}
