//! Streams, their sources and their records.

use super::*;

#[test]
fn a_checkpoint_ahead_of_a_wiped_log_is_seen_from_the_offsets() {
    let mut facts = users();
    cluster(&mut facts).topics.insert("users_created".into(), topic(12));
    let found = check(
        &facts,
        "checkpoint-ahead",
        "Stream created_users stands at offset 1000 of topic users_created partition 0, which ends at 12: the topic was wiped or made anew after the stream's checkpoint, so the stream reads nothing.",
    );
    assert!(
        found.next.contains("`millstream reset created_users --to earliest`"),
        "{}",
        found.next
    );
}

#[test]
fn a_checkpoint_ahead_of_a_wiped_log_is_heard_from_the_engine() {
    let mut facts = users();
    let stream = &mut facts.streams[1];
    stream.state = Some(State::Failed);
    stream.partitions.clear();
    stream.error = Some("the checkpoint of stream created_users is at offset 1000 of topic users_created partition 0, but the topic ends at 12: the topic was wiped or made anew; run `millstream reset created_users` to choose where it goes on".into());
    check(
        &facts,
        "checkpoint-ahead",
        "Stream created_users reads nothing, since its checkpoint is ahead of its topic: the checkpoint of stream created_users is at offset 1000 of topic users_created partition 0, but the topic ends at 12: the topic was wiped or made anew.",
    );
}

#[test]
fn a_checkpoint_of_a_broker_that_was_wiped_belongs_to_another_cluster() {
    let mut facts = users();
    facts.streams[1].state = Some(State::Failed);
    facts.streams[1].error = Some("the checkpoint of stream created_users belongs to another Kafka cluster; run `millstream reset created_users` to choose where it goes on".into());
    check(
        &facts,
        "checkpoint-foreign",
        "Stream created_users reads nothing, since its checkpoint belongs to another Kafka cluster: Kafka was wiped or made anew, or addresses.kafka names another one than before.",
    );
}

#[test]
fn records_that_were_deleted_unread_are_counted() {
    let mut facts = users();
    facts.streams[1].state = Some(State::Failed);
    facts.streams[1].partitions = at(40, written(40));
    let known = cluster(&mut facts).topics.get_mut("users_created").unwrap();
    known.partitions[0].earliest = Some(100);
    check(
        &facts,
        "records-deleted",
        "Topic users_created partition 0 begins at offset 100, and stream created_users has read only up to 40: 60 records were deleted before it read them.",
    );
}

#[test]
fn a_source_with_nothing_new_is_quiet_and_not_broken() {
    let mut facts = users();
    for stream in &mut facts.streams {
        stream.records_per_second = 0.0;
    }
    facts.sources.insert("http://api/".into(), Probe::Answers { records: Some(0) });
    let first = check(
        &facts,
        "source-quiet",
        "The API at http://api/ answers, but has nothing new: stream users_created stands at position 1000.",
    );
    assert_eq!(first.severity, Severity::Info);
    assert_eq!(
        diagnose(&facts).1[0].sentence,
        "spark_streams.created_users is up to date: the API at http://api/ answers, but has nothing new: stream users_created stands at position 1000."
    );
}

#[test]
fn a_source_that_cannot_be_reached_is_told() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Waiting);
    facts.streams[0].error = Some(
        "the API at http://api/ does not answer: timeout: global; the stream asks again".into(),
    );
    let sentence = "The API at http://api/, which stream users_created polls, does not answer";
    check(&facts, "source-unreachable", &format!("{sentence}: timeout: global."));
    facts.sources.insert("http://api/".into(), Probe::Silent("connection refused".into()));
    check(&facts, "source-unreachable", &format!("{sentence}: connection refused."));
    facts.sources.insert("http://api/".into(), Probe::Refused(503));
    check(
        &facts,
        "source-unreachable",
        "The API at http://api/, which stream users_created polls, answers with HTTP status 503.",
    );
}

#[test]
fn dead_letters_are_told_with_the_first_reason_and_graded_by_their_share() {
    let mut facts = users();
    let tally = Tally { read: 120, dead_lettered: 120, ..Tally::default() };
    facts.streams[1].partitions = at(1_000, tally);
    let headers = [
        ("millstream.reason", "column id: \"7\" is not a UUID"),
        ("millstream.topic", "users_created"),
        ("millstream.partition", "0"),
        ("millstream.offset", "3"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let letter = Peek { headers, ..Peek::default() };
    cluster(&mut facts).dead_letters.insert("created_users.dead-letters".into(), letter);
    cassandra(&mut facts).empty.insert("spark_streams.created_users".into(), true);
    check(
        &facts,
        "dead-letters",
        "All 120 records that stream created_users read were dead-lettered; the first, offset 3 of users_created partition 0, because column id: \"7\" is not a UUID.",
    );
    facts.streams[1].partitions[0].tally = Tally { dead_lettered: 1, ..written(200) };
    let found = found(&facts, "dead-letters");
    assert_eq!(found.severity, Severity::Info);
    assert!(
        found.sentence.starts_with("1 of 200 records (0.5 %) that stream created_users read was")
    );
}

#[test]
fn late_and_filtered_records_are_told() {
    let mut facts = users();
    facts.streams[1].partitions[0].tally =
        Tally { read: 100, late: 40, written: 60, ..Tally::default() };
    let first = check(
        &facts,
        "late-records",
        "40 of 100 records (40 %) that stream created_users read came too late and were left out: the watermark of their partition had passed them.",
    );
    assert_eq!(
        (first.severity, diagnose(&facts).1[0].health),
        (Severity::Warning, Health::Partial)
    );
    facts.streams[1].partitions[0].tally = Tally { read: 9, filtered: 9, ..Tally::default() };
    check(
        &facts,
        "all-filtered",
        "All 9 records that stream created_users read were refused by its WHERE, so it has written nothing.",
    );
}

#[test]
fn a_stream_that_is_behind_is_told_when_it_catches_up_or_that_it_does_not() {
    let mut facts = users();
    facts.streams[1].lag = 120_000;
    facts.streams[1].records_per_second = 400.0;
    let known = cluster(&mut facts).topics.get_mut("users_created").unwrap();
    known.partitions[0].end_before = Some(970);
    let first = check(
        &facts,
        "stream-behind",
        "Stream created_users is 120000 records behind topic users_created; at this rate, 400 a second, it takes 7 minutes to catch up.",
    );
    assert_eq!((first.severity, diagnose(&facts).1[0].health), (Severity::Warning, Health::Late));
    facts.streams[1].records_per_second = 50.0;
    check(
        &facts,
        "stream-behind",
        "Stream created_users is 120000 records behind topic users_created and does not catch up: 100 a second come, and 50 are read.",
    );
}

#[test]
fn a_stream_that_reads_nothing_though_records_wait_is_stuck() {
    let mut facts = users();
    facts.streams[1].lag = 5;
    facts.streams[1].records_per_second = 0.0;
    cluster(&mut facts).records.insert(("users_created".into(), 0, 1_000), peek(60));
    check(
        &facts,
        "stream-stuck",
        "Stream created_users runs and reads nothing, while 5 records of topic users_created wait, the oldest since 11:59:00 UTC.",
    );
}

#[test]
fn unread_records_that_are_about_to_be_deleted_are_told() {
    let mut facts = users();
    facts.streams[1].lag = 5;
    let cluster = cluster(&mut facts);
    cluster.topics.get_mut("users_created").unwrap().retention_ms = Some(3_600_000);
    cluster.records.insert(("users_created".into(), 0, 1_000), peek(3_500));
    assert_eq!(
        found(&facts, "records-expiring").sentence,
        "The oldest record that stream created_users has not read is 58 minutes old, and topic users_created keeps records for 60 minutes: unread ones are about to be deleted."
    );
}

#[test]
fn a_partition_without_records_that_holds_windows_back_is_named() {
    let mut facts = users();
    let idle = StreamPartition { partition: 3, ..StreamPartition::default() };
    let mut partitions = at(1_000, written(1_000));
    partitions.push(idle);
    facts.streams[1].sink = end("kafka", "per_minute");
    facts.streams[1].state_entries = 8;
    facts.streams[1].partitions = partitions;
    cluster(&mut facts).topics.insert("per_minute".into(), topic(0));
    check(
        &facts,
        "window-held-back",
        "Stream created_users holds 8 entries back from topic per_minute: partition 3 of topic users_created has had no record, so no window is final.",
    );
}
