//! Servers and brokers.

use super::*;

#[test]
fn an_advertised_address_that_cannot_be_reached_is_named() {
    let mut facts = users();
    facts.kafka.embedded = false;
    facts.kafka.address = "localhost:9092".into();
    let broker = &mut cluster(&mut facts).brokers[0];
    broker.advertised = "broker:29092".into();
    broker.reached = Some(Err("no such host".into()));
    check(
        &facts,
        "wrong-advertised-address",
        "Kafka answers at localhost:9092, but broker 1 tells clients to come to broker:29092, which cannot be reached from here: no such host.",
    );
}

#[test]
fn what_an_unreachable_broker_keeps_from_being_asked_follows_from_it() {
    let mut facts = users();
    for stream in &mut facts.streams {
        stream.state = Some(State::Starting);
    }
    cluster(&mut facts).brokers[0].reached = Some(Err("no such host".into()));
    cluster(&mut facts).topics.clear();
    let what = "Kafka for its consumer groups".to_owned();
    facts.unasked.push(Unasked { what, why: "cannot reach broker:29092".into() });
    let first = cause(&facts);
    assert_eq!(first.rule, "wrong-advertised-address");
    assert_eq!(found(&facts, "not-asked").because_of, Some(first.id));
    assert_eq!(found(&facts, "topic-missing").because_of, Some(first.id));
}

#[test]
fn a_server_that_is_away_is_named_with_who_waits_and_since_when() {
    let mut facts = users();
    facts.cassandra = silent("127.0.0.1:9042", SilenceKind::Away, "connection refused");
    let stream = &mut facts.streams[1];
    stream.state = Some(State::Waiting);
    stream.since = Some(ago(60));
    stream.error =
        Some("Cassandra at 127.0.0.1:9042 cannot open a session now: Connection refused".into());
    let first = check(
        &facts,
        "server-away",
        "Cassandra does not answer at 127.0.0.1:9042: connection refused; stream created_users has waited for it since 11:59:00 UTC.",
    );
    let waits = found(&facts, "stream-waiting");
    assert_eq!(waits.because_of, Some(first.id));
    assert_eq!(first.pipelines, ["spark_streams.created_users"]);
}

#[test]
fn a_stream_that_waits_for_a_server_that_answers_us_is_a_cause_by_itself() {
    let mut facts = users();
    facts.streams[1].state = Some(State::Waiting);
    facts.streams[1].error =
        Some("Kafka at k:9092 cannot tell its cluster id now: timed out".into());
    check(&facts, "stream-waiting", "Stream created_users waits for Kafka: timed out.");
}

#[test]
fn the_engine_that_does_not_answer_comes_first() {
    let mut facts = users();
    facts.engine = silent("127.0.0.1:9020", SilenceKind::Away, "connection refused");
    facts.engine.embedded = true;
    for stream in &mut facts.streams {
        stream.state = None;
    }
    facts.kafka = silent("127.0.0.1:9092", SilenceKind::Away, "connection refused");
    check(
        &facts,
        "server-away",
        "The engine does not answer at 127.0.0.1:9020: connection refused.",
    );
}

#[test]
fn a_taken_port_is_told_with_what_answers_there() {
    let mut facts = users();
    facts.kafka = silent("127.0.0.1:9092", SilenceKind::Foreign, "an HTTP server");
    facts.kafka.embedded = true;
    let found = check(
        &facts,
        "port-taken",
        "The port of 127.0.0.1:9092 is taken: an HTTP server answers there instead of Kafka.",
    );
    assert!(found.next.contains("broker.listen"), "{}", found.next);
}

#[test]
fn a_stranger_on_the_embedded_brokers_port_is_suspected_while_the_engine_is_away() {
    let mut facts = users();
    facts.engine = silent("127.0.0.1:9020", SilenceKind::Away, "connection refused");
    let found = found(&facts, "port-taken");
    assert_eq!(
        found.sentence,
        "The engine does not run, yet Kafka answers at 127.0.0.1:9092: if that is not this project's own, it holds the port that the embedded one needs."
    );
}

#[test]
fn a_dead_broker_is_named_with_what_it_takes_with_it() {
    let mut facts = users();
    let cluster = cluster(&mut facts);
    cluster.brokers.push(Broker { id: 2, ..Broker::default() });
    let known = cluster.topics.get_mut("users_created").unwrap();
    known.partitions[0].replicas = vec![1, 2, 3];
    known.partitions[0].isr = vec![1, 2];
    let broker = found(&facts, "under-replicated");
    assert_eq!(
        broker.sentence,
        "Broker 3 is down: 1 partition of 1 topic has fewer copies than they should; all can still be read and written."
    );
    let cluster = self::cluster(&mut facts);
    cluster.topics.get_mut("users_created").unwrap().partitions[0].leader = None;
    check(
        &facts,
        "no-leader",
        "Broker 3 is down: 1 partition of 1 topic has no leader and can be neither read nor written.",
    );
}

#[test]
fn what_could_not_be_asked_is_a_finding() {
    let mut facts = users();
    facts.unasked.push(Unasked {
        what: "Kafka for its consumer groups".into(),
        why: "no answer within 500 ms".into(),
    });
    assert_eq!(
        found(&facts, "not-asked").sentence,
        "Could not ask Kafka for its consumer groups: no answer within 500 ms."
    );
}

#[test]
fn a_taken_port_of_an_embedded_part_explains_why_the_project_does_not_run() {
    let mut facts = users();
    facts.kafka = silent("127.0.0.1:9092", SilenceKind::Foreign, "an HTTP server");
    facts.cassandra = silent("127.0.0.1:9042", SilenceKind::Away, "connection refused");
    facts.engine = silent("127.0.0.1:9020", SilenceKind::Away, "connection refused");
    facts.kafka.embedded = true;
    facts.engine.embedded = true;
    facts.streams.iter_mut().for_each(|stream| stream.state = None);
    let first = check(
        &facts,
        "port-taken",
        "The port of 127.0.0.1:9092 is taken: an HTTP server answers there instead of Kafka.",
    );
    let (findings, _) = diagnose(&facts);
    let away = |name: &str| {
        let is_it = |one: &&Finding| one.rule == "server-away" && one.hop.name == name;
        findings.iter().find(is_it).unwrap().because_of
    };
    assert_eq!(away("engine"), Some(first.id));
    assert_eq!(away("Cassandra"), None, "a server of the user's is its own trouble");
}

#[test]
fn a_part_that_is_a_process_of_its_own_is_started_by_its_name() {
    let mut facts = users();
    facts.kafka = silent("127.0.0.1:9092", SilenceKind::Away, "connection refused");
    facts.kafka.embedded = true;
    let found = found(&facts, "server-away");
    assert!(found.next.starts_with("start it with `millstream up --only broker`"), "{found:?}");
}

#[test]
fn topics_that_could_not_be_asked_for_are_not_called_missing() {
    let mut facts = users();
    cluster(&mut facts).topics.clear();
    cluster(&mut facts).topics_unknown = true;
    let (findings, _) = diagnose(&facts);
    assert!(findings.iter().all(|one| one.rule != "topic-missing"), "{findings:?}");
}
