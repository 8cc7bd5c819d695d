//! Groups: three members, generations, offsets kept over kills.

use crate::client::{Client, message, start};
use broker::Broker;
use bytes::Bytes;
use kafka_wire::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, OffsetCommitRequest,
    OffsetFetchRequest, SyncGroupRequest, join_group_request, leave_group_request,
    offset_commit_request, offset_fetch_request, sync_group_request,
};

fn join_request(member: &str) -> JoinGroupRequest {
    let protocol = message!(join_group_request::JoinGroupRequestProtocol {
        name: "range".into(),
        metadata: Bytes::from_static(b"topics"),
    });
    message!(JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        member_id: member.into(),
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
    })
}

/// Gets a member id, as clients of version 4 and later must.
async fn promised(client: &mut Client) -> String {
    let response = client.call(9, &join_request("")).await;
    assert_eq!(response.error_code, 79);
    response.member_id.to_string()
}

async fn sync(client: &mut Client, joined: &JoinGroupResponse) -> (i16, Bytes) {
    let assignments = joined.members.iter().map(|member| {
        message!(sync_group_request::SyncGroupRequestAssignment {
            member_id: member.member_id.clone(),
            assignment: Bytes::from(format!("for {}", member.member_id)),
        })
    });
    let request = message!(SyncGroupRequest {
        group_id: "g".into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        assignments: assignments.collect(),
    });
    let response = client.call(3, &request).await;
    (response.error_code, response.assignment)
}

async fn heartbeat(client: &mut Client, joined: &JoinGroupResponse) -> i16 {
    let request = message!(HeartbeatRequest {
        group_id: "g".into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
    });
    client.call(4, &request).await.error_code
}

/// Three members in one generation: clients with what they were answered, the leader first.
async fn three(broker: &Broker) -> Vec<(Client, JoinGroupResponse)> {
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(broker).await;
        let id = promised(&mut client).await;
        clients.push((client, id));
    }
    // The first joins alone at once; the others make it rebalance.
    let (client, id) = &mut clients[0];
    let alone = client.call(9, &join_request(id)).await;
    assert_eq!((alone.error_code, alone.generation_id, alone.members.len()), (0, 1, 1));
    for (client, id) in &mut clients[1..] {
        client.send(9, &join_request(id)).await;
    }
    let first = &mut clients[0].0;
    while heartbeat(first, &alone).await != 27 {}
    first.send(9, &join_request(&alone.member_id)).await;
    let mut joined = Vec::new();
    for (mut client, _) in clients {
        let response = client.receive::<JoinGroupRequest>(9).await;
        assert_eq!(response.error_code, 0);
        joined.push((client, response));
    }
    joined
}

#[tokio::test]
async fn three_members_share_a_generation_and_rebalance_when_one_leaves() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut members = three(&broker).await;
    let generation = members[0].1.generation_id;
    assert!(members.iter().all(|(_, joined)| joined.generation_id == generation));
    assert_eq!(members[0].1.members.len(), 3, "the leader sees all");
    assert!(members[1].1.members.is_empty());
    for (client, joined) in &mut members {
        let (error, assignment) = sync(client, joined).await;
        assert_eq!((error, assignment), (0, Bytes::from(format!("for {}", joined.member_id))));
        assert_eq!(heartbeat(client, joined).await, 0);
    }
    let (client, leaving) = &mut members[2];
    let member =
        message!(leave_group_request::MemberIdentity { member_id: leaving.member_id.clone() });
    let request = message!(LeaveGroupRequest { group_id: "g".into(), members: vec![member] });
    assert_eq!(client.call(5, &request).await.members[0].error_code, 0);
    assert_eq!(heartbeat(client, leaving).await, 25);
    let (client, joined) = &mut members[0];
    assert_eq!(heartbeat(client, joined).await, 27);
}

fn commit(generation: i32, member: &str, offset: i64) -> OffsetCommitRequest {
    let part = message!(offset_commit_request::OffsetCommitRequestPartition {
        committed_offset: offset,
        committed_leader_epoch: 0,
        committed_metadata: Some("note".into()),
    });
    let topic = message!(offset_commit_request::OffsetCommitRequestTopic {
        name: "t".into(),
        partitions: vec![part],
    });
    message!(OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: generation,
        member_id: member.into(),
        topics: vec![topic],
    })
}

async fn committed(client: &mut Client) -> (i64, String) {
    let group = message!(offset_fetch_request::OffsetFetchRequestGroup {
        group_id: "g".into(),
        topics: None,
    });
    let request = message!(OffsetFetchRequest { groups: vec![group] });
    let response = client.call(8, &request).await;
    let part = &response.groups[0].topics[0].partitions[0];
    (part.committed_offset, part.metadata.clone().unwrap_or_default().to_string())
}

#[tokio::test]
async fn a_commit_survives_a_kill_and_a_wrong_generation_cannot_commit() {
    let directory = tempfile::tempdir().unwrap();
    let broker = start(directory.path()).await;
    let mut members = three(&broker).await;
    for (client, joined) in &mut members {
        sync(client, joined).await;
    }
    let (client, joined) = &mut members[0];
    client.create_topic("t", 1).await;
    let (generation, member) = (joined.generation_id, joined.member_id.to_string());
    let error =
        |response: kafka_wire::OffsetCommitResponse| response.topics[0].partitions[0].error_code;
    assert_eq!(error(client.call(8, &commit(generation, &member, 5)).await), 0);
    assert_eq!(error(client.call(8, &commit(generation - 1, &member, 6)).await), 22);
    assert_eq!(error(client.call(8, &commit(generation, "stranger", 6)).await), 25);
    assert_eq!(error(client.call(8, &commit(-1, "", 6)).await), 25);
    assert_eq!(committed(client).await, (5, "note".to_owned()));
    drop(broker);
    let broker = start(directory.path()).await;
    let mut client = Client::connect(&broker).await;
    assert_eq!(committed(&mut client).await, (5, "note".to_owned()));
    // The group itself lives on too: its members need not join again.
    assert_eq!(heartbeat(&mut client, &members[1].1).await, 0);
    assert_eq!(error(client.call(8, &commit(generation, &member, 7)).await), 0);
}
