//! Groups of the consumer protocol (KIP-848) on the wire: joined, described, listed, restarted.

use crate::client::{Client, message, start};
use kafka_wire::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
    DeleteGroupsRequest, JoinGroupRequest, ListGroupsRequest, OffsetCommitRequest,
    OffsetFetchRequest, join_group_request, offset_commit_request, offset_fetch_request,
};

const NON_EMPTY_GROUP: i16 = 68;
const UNKNOWN_MEMBER_ID: i16 = 25;
const INCONSISTENT_GROUP_PROTOCOL: i16 = 23;
const GROUP_ID_NOT_FOUND: i16 = 69;
const STALE_MEMBER_EPOCH: i16 = 113;

fn join(member: &str) -> ConsumerGroupHeartbeatRequest {
    message!(ConsumerGroupHeartbeatRequest {
        group_id: "g".into(),
        member_id: member.into(),
        rebalance_timeout_ms: 10_000,
        subscribed_topic_names: Some(vec!["t".into()]),
        topic_partitions: Some(Vec::new()),
    })
}

fn beat(member: &str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    message!(ConsumerGroupHeartbeatRequest {
        group_id: "g".into(),
        member_id: member.into(),
        member_epoch: epoch,
        rebalance_timeout_ms: -1,
    })
}

fn partitions(response: &ConsumerGroupHeartbeatResponse) -> usize {
    let topics = &response.assignment.as_ref().unwrap().topic_partitions;
    topics.iter().map(|topic| topic.partitions.len()).sum()
}

async fn commit(client: &mut Client, member: &str, epoch: i32) -> i16 {
    let part = message!(offset_commit_request::OffsetCommitRequestPartition {
        committed_offset: 7,
        committed_leader_epoch: -1,
    });
    let topic = message!(offset_commit_request::OffsetCommitRequestTopic {
        name: "t".into(),
        partitions: vec![part],
    });
    let request = message!(OffsetCommitRequest {
        group_id: "g".into(),
        member_id: member.into(),
        generation_id_or_member_epoch: epoch,
        topics: vec![topic],
    });
    client.call(9, &request).await.topics[0].partitions[0].error_code
}

/// The group's error, or its offset.
async fn committed(client: &mut Client, member: &str, epoch: i32) -> Result<i64, i16> {
    let topic = message!(offset_fetch_request::OffsetFetchRequestTopics {
        name: "t".into(),
        partition_indexes: vec![0],
    });
    let group = message!(offset_fetch_request::OffsetFetchRequestGroup {
        group_id: "g".into(),
        member_id: Some(member.into()),
        member_epoch: epoch,
        topics: Some(vec![topic]),
    });
    let request = message!(OffsetFetchRequest { groups: vec![group] });
    let group = client.call(9, &request).await.groups.remove(0);
    match group.error_code {
        0 => Ok(group.topics[0].partitions[0].committed_offset),
        error => Err(error),
    }
}

async fn classic_join(client: &mut Client) -> i16 {
    let protocol = message!(join_group_request::JoinGroupRequestProtocol { name: "range".into() });
    let request = message!(JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
    });
    client.call(3, &request).await.error_code
}

async fn type_of(client: &mut Client) -> (String, String) {
    let mut listed = client.call(5, &ListGroupsRequest::default()).await.groups;
    let group = listed.remove(0);
    (group.group_type.to_string(), group.group_state.to_string())
}

#[tokio::test]
async fn a_member_reads_commits_with_its_epoch_and_is_described() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 3).await;
    let told = client.call(1, &join("a")).await;
    assert_eq!((told.error_code, told.member_epoch, partitions(&told)), (0, 1, 3));
    assert_eq!(commit(&mut client, "a", 1).await, 0);
    assert_eq!(commit(&mut client, "a", 0).await, STALE_MEMBER_EPOCH);
    assert_eq!(commit(&mut client, "b", 1).await, UNKNOWN_MEMBER_ID);
    assert_eq!(committed(&mut client, "a", 1).await, Ok(7));
    assert_eq!(committed(&mut client, "a", 9).await, Err(STALE_MEMBER_EPOCH));

    let request =
        message!(ConsumerGroupDescribeRequest { group_ids: vec!["g".into(), "x".into()] });
    let described = client.call(1, &request).await.groups;
    let group = &described[0];
    assert_eq!(
        (&*group.group_state, group.group_epoch, group.assignment_epoch, &*group.assignor_name),
        ("Stable", 1, 1, "uniform")
    );
    let topics = &group.members[0].assignment.topic_partitions;
    assert_eq!((&*topics[0].topic_name, &*topics[0].partitions), ("t", &[0, 1, 2][..]));
    assert_eq!(group.members[0].member_type, 1);
    assert_eq!(described[1].error_code, GROUP_ID_NOT_FOUND);
    assert_eq!(type_of(&mut client).await, ("consumer".to_owned(), "Stable".to_owned()));
    broker.stop().await;
}

#[tokio::test]
async fn a_group_changes_its_protocol_only_while_it_is_empty() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    assert_eq!(client.call(0, &join("a")).await.error_code, 0);
    assert_eq!(classic_join(&mut client).await, INCONSISTENT_GROUP_PROTOCOL);
    let delete = message!(DeleteGroupsRequest { groups_names: vec!["g".into()] });
    assert_eq!(client.call(2, &delete).await.results[0].error_code, NON_EMPTY_GROUP);
    let left = client.call(0, &beat("a", -1)).await;
    assert_eq!((left.error_code, left.member_epoch), (0, -1));
    assert_eq!(classic_join(&mut client).await, 0);
    assert_eq!(type_of(&mut client).await.0, "classic");
    assert_eq!(client.call(0, &join("a")).await.error_code, GROUP_ID_NOT_FOUND);
    broker.stop().await;
}

#[tokio::test]
async fn after_a_kill_a_member_joins_again_and_finds_the_offsets() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 2).await;
    assert_eq!(client.call(1, &join("a")).await.member_epoch, 1);
    assert_eq!(commit(&mut client, "a", 1).await, 0);
    drop(broker);

    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    assert_eq!(type_of(&mut client).await, ("consumer".to_owned(), "Empty".to_owned()));
    assert_eq!(client.call(1, &beat("a", 1)).await.error_code, UNKNOWN_MEMBER_ID);
    assert_eq!(commit(&mut client, "a", 1).await, UNKNOWN_MEMBER_ID);
    let told = client.call(1, &join("a")).await;
    assert_eq!((told.error_code, told.member_epoch, partitions(&told)), (0, 2, 2));
    assert_eq!(committed(&mut client, "a", 2).await, Ok(7));
    broker.stop().await;
}

#[tokio::test]
async fn what_kafka_refuses_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    client.create_topic("t", 1).await;
    let mut sticky = join("a");
    sticky.server_assignor = Some("sticky".into());
    let mut broken = join("a");
    broken.subscribed_topic_regex = Some("(".into());
    let mut owning = join("a");
    owning.topic_partitions = None;
    for (request, error) in [
        (join(""), 42),
        (sticky, 112),
        (broken, 128),
        (owning, 42),
        (beat("a", -2), 42),
        (beat("a", -3), 42),
        (beat("a", 1), GROUP_ID_NOT_FOUND),
    ] {
        let told = client.call(1, &request).await;
        assert_eq!(told.error_code, error, "{:?}", told.error_message);
    }
    broker.stop().await;
}
