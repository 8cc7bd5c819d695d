import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** The Java client, old (3.4) and new (4.x): producer, transactions, groups, admin. */
final class KafkaClients {
    private final Checks judge;
    private final Admin admin;
    private final List<String> made = new ArrayList<>();
    private String groupTopic;
    private String group;

    private KafkaClients(Checks judge) {
        this.judge = judge;
        this.admin = Admin.create(properties());
    }

    public static void main(String[] arguments) throws Exception {
        Checks judge = new Checks(arguments);
        KafkaClients clients = new KafkaClients(judge);
        judge.check("describes the cluster", clients::describesCluster);
        judge.check("creates topics and describes them", clients::createsTopics);
        judge.check("produces with acks=all, every codec", clients::producesEveryCodec);
        judge.check("produces idempotently, in order, five requests in flight", clients::producesIdempotently);
        judge.check("commits and aborts transactions", clients::commitsAndAborts);
        judge.check("fences an older producer", clients::fences);
        judge.check("sends offsets in a transaction", clients::sendsOffsets);
        judge.check("shares a topic among three members and rebalances", () -> clients.sharesTopic("Range"));
        judge.check("rebalances cooperatively", () -> clients.sharesTopic("CooperativeSticky"));
        judge.check("keeps a static member's partitions over a restart", clients::keepsStaticMember);
        judge.check("describes groups and changes their offsets", clients::changesGroupOffsets);
        judge.check("finds offsets by time, seeks and pauses", clients::seeks);
        judge.check("describes and alters settings", clients::altersSettings);
        judge.check("lists offsets, deletes records, adds partitions", clients::deletesRecords);
        judge.check("describes log directories, producers and transactions", clients::describesStorage);
        if (!judge.name.contains("-3.")) {
            judge.check("rebalances by the consumer protocol of Kafka 4 (KIP-848)", clients::newProtocol);
        }
        judge.check("deletes topics", clients::deletesTopics);
        judge.finish();
    }

    // ---------------------------------------------------------------- clients

    private Properties properties(String... pairs) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", judge.kafka);
        for (int i = 0; i < pairs.length; i += 2) {
            properties.put(pairs[i], pairs[i + 1]);
        }
        return properties;
    }

    private KafkaProducer<String, String> producer(String... pairs) {
        return new KafkaProducer<>(properties(pairs), new StringSerializer(), new StringSerializer());
    }

    private KafkaConsumer<String, String> consumer(String... pairs) {
        Properties properties = properties("auto.offset.reset", "earliest", "enable.auto.commit", "false");
        properties.putAll(properties(pairs));
        return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    }

    private String newTopic(String stem, int partitions) throws Exception {
        String topic = judge.unique(stem);
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
        made.add(topic);
        return topic;
    }

    private static TopicPartition first(String topic) {
        return new TopicPartition(topic, 0);
    }

    private static List<String> numbers(String stem, int count) {
        return IntStream.range(0, count).mapToObj(i -> stem + i).collect(Collectors.toList());
    }

    private void send(String topic, List<String> values, String... pairs) throws Exception {
        try (KafkaProducer<String, String> producer = producer(pairs)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (String value : values) {
                sent.add(producer.send(new ProducerRecord<>(topic, 0, value, value)));
            }
            for (Future<RecordMetadata> one : sent) {
                one.get();
            }
        }
    }

    /** The values of partition 0: `count` of them, and any that follow at once. */
    private List<String> read(String topic, int count, String isolation) {
        try (KafkaConsumer<String, String> consumer = consumer("isolation.level", isolation)) {
            consumer.assign(List.of(first(topic)));
            consumer.seekToBeginning(List.of(first(topic)));
            List<String> values = new ArrayList<>();
            for (int i = 0; i < 60 && values.size() < count; i++) {
                consumer.poll(Duration.ofMillis(500)).forEach(record -> values.add(record.value()));
            }
            consumer.poll(Duration.ofMillis(500)).forEach(record -> values.add(record.value()));
            return values;
        }
    }

    // ---------------------------------------------------------------- checks

    private void describesCluster() throws Exception {
        DescribeClusterResult cluster = admin.describeCluster();
        Checks.holds(!cluster.clusterId().get().isEmpty(), "no cluster id");
        Checks.holds(cluster.nodes().get().contains(cluster.controller().get()), "the controller is not a node");
    }

    private void createsTopics() throws Exception {
        String topic = newTopic("java", 3);
        Checks.until(() -> names().contains(topic), "the topic is not listed");
        TopicDescription described = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
        Checks.equal(described.partitions().size(), 3, "partitions");
        Checks.holds(!described.topicId().toString().startsWith("AAAAAAAAAAAAAAAAAAAAA"), "no topic id");
        Checks.equal(described.partitions().get(0).isr().size(), 1, "in-sync replicas");
        Checks.refused(TopicExistsException.class,
                () -> admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get());
    }

    private Set<String> names() {
        try {
            return admin.listTopics().names().get();
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    private void producesEveryCodec() throws Exception {
        String topic = newTopic("java_codecs", 1);
        List<String> expected = new ArrayList<>();
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            List<String> values = numbers(codec + " ", 200);
            send(topic, values, "acks", "all", "compression.type", codec, "enable.idempotence", "false");
            expected.addAll(values);
        }
        Checks.equal(read(topic, 1000, "read_committed"), expected, "values");
    }

    private void producesIdempotently() throws Exception {
        String topic = newTopic("java_idempotent", 1);
        List<String> values = numbers("", 5000);
        send(topic, values, "enable.idempotence", "true", "batch.size", "500", "linger.ms", "1",
                "max.in.flight.requests.per.connection", "5");
        Checks.equal(read(topic, 5000, "read_uncommitted"), values, "values");
    }

    private void commitsAndAborts() throws Exception {
        String topic = newTopic("java_txn", 2);
        try (KafkaProducer<String, String> producer = producer("transactional.id", judge.unique("java_txn"))) {
            producer.initTransactions();
            for (int round = 0; round < 20; round++) {
                producer.beginTransaction();
                for (int i = 0; i < 5; i++) {
                    producer.send(new ProducerRecord<>(topic, i % 2, "k", round + "." + i));
                }
                if (round % 2 == 0) {
                    producer.commitTransaction();
                } else {
                    producer.flush();
                    producer.abortTransaction();
                }
            }
        }
        List<String> expected = new ArrayList<>();
        for (int round = 0; round < 20; round += 2) {
            expected.addAll(List.of(round + ".0", round + ".2", round + ".4"));
        }
        Checks.equal(read(topic, 30, "read_committed"), expected, "committed");
        Checks.equal(read(topic, 60, "read_uncommitted").size(), 60, "uncommitted");
    }

    private void fences() throws Exception {
        String topic = newTopic("java_fence", 1);
        String id = judge.unique("java_fence");
        try (KafkaProducer<String, String> older = producer("transactional.id", id);
             KafkaProducer<String, String> newer = producer("transactional.id", id)) {
            older.initTransactions();
            older.beginTransaction();
            older.send(new ProducerRecord<>(topic, "older")).get();
            newer.initTransactions();
            try {
                older.commitTransaction();
                throw new AssertionError("the older producer committed");
            } catch (ProducerFencedException | InvalidProducerEpochException expected) {
                // Fenced, as it must be.
            }
            newer.beginTransaction();
            newer.send(new ProducerRecord<>(topic, "newer"));
            newer.commitTransaction();
        }
        Checks.equal(read(topic, 1, "read_committed"), List.of("newer"), "committed");
    }

    private void sendsOffsets() throws Exception {
        String source = newTopic("java_in", 1);
        String target = newTopic("java_out", 1);
        String id = judge.unique("java_eos");
        send(source, numbers("", 10));
        try (KafkaProducer<String, String> producer = producer("transactional.id", id);
             KafkaConsumer<String, String> consumer = consumer("group.id", id, "isolation.level", "read_committed")) {
            producer.initTransactions();
            consumer.subscribe(List.of(source));
            List<String> values = new ArrayList<>();
            for (int i = 0; i < 60 && values.size() < 10; i++) {
                consumer.poll(Duration.ofMillis(500)).forEach(record -> values.add(record.value()));
            }
            for (boolean commits : List.of(false, true)) {
                producer.beginTransaction();
                values.forEach(value -> producer.send(new ProducerRecord<>(target, value)));
                producer.sendOffsetsToTransaction(Map.of(first(source), new OffsetAndMetadata(10)), consumer.groupMetadata());
                if (commits) {
                    producer.commitTransaction();
                } else {
                    producer.abortTransaction();
                    Checks.equal(consumer.committed(Set.of(first(source))).get(first(source)), null, "after the abort");
                }
            }
            Checks.equal(consumer.committed(Set.of(first(source))).get(first(source)).offset(), 10L, "after the commit");
        }
        Checks.equal(read(target, 10, "read_committed"), numbers("", 10), "values");
    }

    /** One member of a group, polling in a thread of its own until it is told to leave. */
    private final class Member extends Thread {
        final KafkaConsumer<String, String> consumer;
        final Map<TopicPartition, Long> seen;
        volatile Set<TopicPartition> assigned = Set.of();
        volatile boolean leave;
        volatile Throwable failure;

        Member(String topic, Map<TopicPartition, Long> seen, String... pairs) {
            this.consumer = consumer(pairs);
            this.seen = seen;
            consumer.subscribe(List.of(topic));
            setDaemon(true);
            start();
        }

        @Override
        public void run() {
            try (consumer) {
                while (!leave) {
                    for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                        synchronized (seen) {
                            seen.merge(new TopicPartition(record.topic(), record.partition()), 1L, Long::sum);
                        }
                    }
                    assigned = Set.copyOf(consumer.assignment());
                    try {
                        consumer.commitSync();
                    } catch (org.apache.kafka.clients.consumer.CommitFailedException
                            | org.apache.kafka.common.errors.RebalanceInProgressException rebalance) {
                        // Another member joined: the next poll takes part in it.
                    }
                }
            } catch (Throwable error) {
                failure = error;
            }
        }

        void end() throws InterruptedException {
            leave = true;
            join(20_000);
        }
    }

    private static boolean balanced(Collection<Member> members, int partitions, int each) {
        Set<TopicPartition> all = new java.util.HashSet<>();
        for (Member member : members) {
            if (member.assigned.size() != each) {
                return false;
            }
            all.addAll(member.assigned);
        }
        return all.size() == partitions;
    }

    private void sharesTopic(String assignor) throws Exception {
        String topic = newTopic("java_" + assignor, 6);
        String name = judge.unique("java_" + assignor);
        Map<TopicPartition, Long> seen = new java.util.HashMap<>();
        String[] settings = {"group.id", name, "session.timeout.ms", "10000", "partition.assignment.strategy",
            "org.apache.kafka.clients.consumer." + assignor + "Assignor"};
        List<Member> members = new ArrayList<>();
        try {
            for (int i = 0; i < 3; i++) {
                members.add(new Member(topic, seen, settings));
            }
            Checks.until(() -> balanced(members, 6, 2), "three members do not have two partitions each");
            try (KafkaProducer<String, String> producer = producer()) {
                for (int i = 0; i < 600; i++) {
                    producer.send(new ProducerRecord<>(topic, i % 6, "k", "v" + i));
                }
            }
            Checks.until(() -> total(seen) == 600, "600 records were not seen");
            members.remove(2).end();
            Checks.until(() -> balanced(members, 6, 3), "two members do not have three partitions each");
        } finally {
            for (Member member : members) {
                member.end();
            }
        }
        for (Member member : members) {
            Checks.equal(member.failure, null, "failure of a member");
        }
        Checks.equal(total(seen), 600L, "records seen, with repeats");
        groupTopic = topic;
        group = name;
    }

    private static long total(Map<TopicPartition, Long> seen) {
        synchronized (seen) {
            return seen.values().stream().mapToLong(Long::longValue).sum();
        }
    }

    private void keepsStaticMember() throws Exception {
        String topic = newTopic("java_static", 2);
        String name = judge.unique("java_static");
        Map<TopicPartition, Long> seen = new java.util.HashMap<>();
        List<Member> members = new ArrayList<>();
        try {
            for (String instance : List.of("one", "two")) {
                members.add(new Member(topic, seen, "group.id", name, "group.instance.id", instance));
            }
            Checks.until(() -> balanced(members, 2, 1), "two members do not have one partition each");
            Set<TopicPartition> before = members.get(0).assigned;
            members.remove(0).end();
            Member again = new Member(topic, seen, "group.id", name, "group.instance.id", "one");
            members.add(again);
            Checks.until(() -> again.assigned.equals(before), "the static member did not get its partition again");
        } finally {
            for (Member member : members) {
                member.end();
            }
        }
    }

    private void changesGroupOffsets() throws Exception {
        Checks.holds(admin.listConsumerGroups().all().get().stream().anyMatch(one -> one.groupId().equals(group)),
                "the group is not listed");
        ConsumerGroupDescription described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        Checks.equal(described.members().size(), 0, "members");
        Map<TopicPartition, OffsetAndMetadata> offsets = offsetsOf(group);
        Map<Integer, Long> plain = new TreeMap<>();
        offsets.forEach((part, offset) -> plain.put(part.partition(), offset.offset()));
        Checks.equal(plain, IntStream.range(0, 6).boxed().collect(Collectors.toMap(i -> i, i -> 100L)), "committed");
        admin.alterConsumerGroupOffsets(group, Map.of(first(groupTopic), new OffsetAndMetadata(42, "note"))).all().get();
        OffsetAndMetadata changed = offsetsOf(group).get(first(groupTopic));
        Checks.equal(changed.offset() + changed.metadata(), "42note", "altered offset");
        admin.deleteConsumerGroupOffsets(group, Set.of(first(groupTopic))).all().get();
        Checks.equal(offsetsOf(group).get(first(groupTopic)), null, "deleted offset");
        admin.deleteConsumerGroups(List.of(group)).all().get();
        Checks.holds(admin.listConsumerGroups().all().get().stream().noneMatch(one -> one.groupId().equals(group)),
                "the group is still listed");
    }

    private Map<TopicPartition, OffsetAndMetadata> offsetsOf(String name) throws Exception {
        return admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata().get();
    }

    private void seeks() throws Exception {
        String topic = newTopic("java_seek", 1);
        try (KafkaProducer<String, String> producer = producer()) {
            for (int i = 0; i < 10; i++) {
                producer.send(new ProducerRecord<>(topic, 0, 1_700_000_000_000L + i * 1000, null, "v" + i)).get();
            }
        }
        try (KafkaConsumer<String, String> consumer = consumer()) {
            TopicPartition part = first(topic);
            consumer.assign(List.of(part));
            OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(part, 1_700_000_004_500L)).get(part);
            Checks.equal(found.offset(), 5L, "offset by time");
            Checks.equal(admin.listOffsets(Map.of(part, OffsetSpec.maxTimestamp())).partitionResult(part).get().offset(), 9L,
                    "offset of the largest timestamp");
            Checks.equal(consumer.offsetsForTimes(Map.of(part, 1_900_000_000_000L)).get(part), null, "after the end");
            consumer.seek(part, 8);
            List<String> values = new ArrayList<>();
            for (int i = 0; i < 40 && values.size() < 2; i++) {
                consumer.poll(Duration.ofMillis(500)).forEach(record -> values.add(record.value()));
            }
            Checks.equal(values, List.of("v8", "v9"), "after the seek");
            Checks.equal(consumer.beginningOffsets(List.of(part)).get(part), 0L, "beginning");
            Checks.equal(consumer.endOffsets(List.of(part)).get(part), 10L, "end");
            consumer.pause(List.of(part));
            consumer.seekToBeginning(List.of(part));
            Checks.equal(consumer.poll(Duration.ofMillis(500)).count(), 0, "records while paused");
            Checks.equal(consumer.partitionsFor(topic).size(), 1, "partitions");
        }
    }

    private Config settingsOf(ConfigResource resource) throws Exception {
        return admin.describeConfigs(List.of(resource)).all().get().get(resource);
    }

    private void altersSettings() throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, newTopic("java_config", 1));
        Checks.equal(settingsOf(topic).get("cleanup.policy").value(), "delete", "cleanup.policy");
        Checks.equal(settingsOf(topic).get("retention.ms").source(), ConfigEntry.ConfigSource.DEFAULT_CONFIG, "source");
        admin.incrementalAlterConfigs(Map.of(topic, List.of(
                new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND),
                new AlterConfigOp(new ConfigEntry("retention.ms", "7200000"), AlterConfigOp.OpType.SET)))).all().get();
        Checks.until(() -> {
            try {
                Config now = settingsOf(topic);
                return new TreeSet<>(List.of(now.get("cleanup.policy").value().split(","))).equals(Set.of("compact", "delete"))
                        && now.get("retention.ms").source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG;
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }, "the altered settings are not shown");
        String broker = admin.describeCluster().nodes().get().iterator().next().idString();
        Config settings = settingsOf(new ConfigResource(ConfigResource.Type.BROKER, broker));
        Checks.holds(settings.get("message.max.bytes") != null, "no message.max.bytes of the broker");
    }

    private void deletesRecords() throws Exception {
        String topic = newTopic("java_delete", 1);
        send(topic, numbers("", 10));
        TopicPartition part = first(topic);
        Checks.equal(admin.deleteRecords(Map.of(part, RecordsToDelete.beforeOffset(4))).lowWatermarks().get(part).get()
                .lowWatermark(), 4L, "low watermark");
        Checks.equal(admin.listOffsets(Map.of(part, OffsetSpec.earliest())).partitionResult(part).get().offset(), 4L, "first");
        Checks.equal(admin.listOffsets(Map.of(part, OffsetSpec.latest())).partitionResult(part).get().offset(), 10L, "last");
        Checks.equal(read(topic, 6, "read_committed"), numbers("", 10).subList(4, 10), "values left");
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
        Checks.until(() -> {
            try {
                return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 5;
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }, "not five partitions");
    }

    private void describesStorage() throws Exception {
        String topic = newTopic("java_state", 1);
        String id = judge.unique("java_state");
        int broker = admin.describeCluster().nodes().get().iterator().next().id();
        try (KafkaProducer<String, String> producer = producer("transactional.id", id)) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, "v")).get();
            Checks.holds(admin.listTransactions().all().get().stream().anyMatch(one -> one.transactionalId().equals(id)),
                    "the transaction is not listed");
            Checks.equal(admin.describeTransactions(List.of(id)).description(id).get().state().toString(), "Ongoing", "state");
            Checks.equal(admin.describeProducers(List.of(first(topic))).partitionResult(first(topic)).get()
                    .activeProducers().size(), 1, "active producers");
            producer.commitTransaction();
        }
        Checks.holds(admin.describeLogDirs(List.of(broker)).allDescriptions().get().get(broker).values().stream()
                .anyMatch(one -> one.replicaInfos().containsKey(first(topic))), "the topic is in no log directory");
    }

    private void newProtocol() throws Exception {
        String topic = newTopic("java_848", 2);
        Map<TopicPartition, Long> seen = new java.util.HashMap<>();
        Properties settings = properties("group.id", judge.unique("java_848"), "group.protocol", "consumer");
        List<Member> members = new ArrayList<>();
        send(topic, numbers("", 10));
        try {
            for (int i = 0; i < 2; i++) {
                members.add(new Member(topic, seen, "group.id", settings.getProperty("group.id"), "group.protocol", "consumer"));
            }
            Checks.until(() -> balanced(members, 2, 1), "two members do not have one partition each");
            Checks.until(() -> total(seen) >= 10, "10 records were not seen");
        } finally {
            for (Member member : members) {
                member.end();
            }
        }
    }

    private void deletesTopics() throws Exception {
        admin.deleteTopics(made).all().get();
        Checks.until(() -> names().stream().noneMatch(made::contains), "deleted topics are still listed");
        Checks.refused(UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of(made.get(0))).all().get());
    }
}
