//! `DescribeLogDirs` (35): the data directory, its space, and the size of every partition.

use super::Call;
use crate::wire::message;
use kafka_wire::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_wire::{DescribeLogDirsRequest, DescribeLogDirsResponse};

pub(crate) async fn answer(
    call: &Call,
    request: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let wanted = |topic: &str, index: i32| {
        request.topics.as_ref().is_none_or(|topics| {
            topics.iter().any(|one| one.topic.as_str() == topic && one.partitions.contains(&index))
        })
    };
    let topics = call.node.topics.all().into_iter().filter_map(|topic| {
        let partitions: Vec<_> = topic
            .partitions
            .iter()
            .filter(|partition| wanted(&topic.name, partition.index))
            .map(|partition| {
                let size = i64::try_from(partition.log.size_bytes()).unwrap_or(i64::MAX);
                message!(DescribeLogDirsPartition {
                    partition_index: partition.index,
                    partition_size: size,
                })
            })
            .collect();
        (!partitions.is_empty()).then(|| {
            message!(DescribeLogDirsTopic { name: (&*topic.name).into(), partitions: partitions })
        })
    });
    let directory = &call.node.settings.data_dir;
    let path = directory.display().to_string();
    let mut result =
        message!(DescribeLogDirsResult { log_dir: path.into(), topics: topics.collect() });
    if let Ok(space) = rustix::fs::statvfs(directory) {
        let bytes =
            |blocks: u64| i64::try_from(blocks.saturating_mul(space.f_frsize)).unwrap_or(i64::MAX);
        result.total_bytes = bytes(space.f_blocks);
        result.usable_bytes = bytes(space.f_bavail);
    }
    message!(DescribeLogDirsResponse { results: vec![result] })
}
