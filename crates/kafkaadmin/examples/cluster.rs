//! Prints everything that a cluster tells about itself.
//!
//! `cargo run -p kafkaadmin --example cluster -- HOST:PORT [TOPIC]`; with a topic, its latest records.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example speaks to the person who runs it"
)]

use std::fmt::Debug;
use std::time::Duration;

use kafkaadmin::{
    Admin, ConfigResource, Error, FetchOptions, Isolation, OffsetSpec, TopicPartition,
};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(address) = arguments.next() else {
        eprintln!("which cluster? give HOST:PORT,HOST:PORT");
        return;
    };
    let admin = Admin::new(&address);
    if let Err(error) = describe(&admin, arguments.next()).await {
        eprintln!("{error}");
    }
}

async fn describe(admin: &Admin, topic: Option<String>) -> Result<(), Error> {
    let cluster = admin.describe_cluster().await?;
    println!("{cluster:#?}");
    show("quorum", admin.describe_quorum().await);
    for dirs in admin.describe_log_dirs().await? {
        show(&format!("log dirs of broker {}", dirs.broker), dirs.dirs);
    }
    for broker in &cluster.brokers {
        let configs = admin.describe_configs(&ConfigResource::Broker(broker.id)).await?;
        println!("broker {}: {} configs", broker.id, configs.len());
    }
    for topic in admin.list_topics().await? {
        println!("topic {}: {:?}", topic.name, topic.partitions);
        for spec in [OffsetSpec::Earliest, OffsetSpec::Latest, OffsetSpec::MaxTimestamp] {
            let found = admin.topic_offsets(&topic, spec, Isolation::ReadUncommitted).await?;
            println!("  {spec:?}: {found:?}");
        }
        let configs = admin.describe_configs(&ConfigResource::Topic(topic.name.clone())).await?;
        let own = configs.iter().filter(|config| !config.is_default);
        println!("  own configs: {:?}", own.map(|one| (&one.name, &one.value)).collect::<Vec<_>>());
        for partition in &topic.partitions {
            let at = TopicPartition::new(&topic.name, partition.index);
            show("  producers", admin.describe_producers(&at).await);
        }
    }
    for group in admin.list_groups().await? {
        println!("{group:?}");
        show("  described", admin.describe_group(&group.group_id).await);
        show("  offsets", admin.list_consumer_group_offsets(&group.group_id).await);
    }
    for transaction in admin.list_transactions().await? {
        show("transaction", admin.describe_transaction(&transaction.transactional_id).await);
    }
    match topic {
        Some(topic) => records(admin, &topic).await,
        None => Ok(()),
    }
}

async fn records(admin: &Admin, topic: &str) -> Result<(), Error> {
    let topic = admin.describe_topic(topic).await?;
    let latest =
        admin.topic_offsets(&topic, OffsetSpec::Latest, Isolation::ReadUncommitted).await?;
    for (index, latest) in latest {
        let from = (latest?.offset.unwrap_or(0) - 3).max(0);
        let options = FetchOptions { wait: Duration::from_millis(500), ..FetchOptions::default() };
        let at = TopicPartition::new(&topic.name, index);
        for record in admin.fetch(&at, from, &options).await?.records {
            println!("{at} {record:?}");
        }
    }
    Ok(())
}

fn show<T: Debug>(what: &str, found: Result<T, Error>) {
    match found {
        Ok(found) => println!("{what}: {found:?}"),
        Err(error) => println!("{what}: {error}"),
    }
}
