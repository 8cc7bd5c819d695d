import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchStatementBuilder;
import com.datastax.oss.driver.api.core.cql.DefaultBatchType;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.metadata.schema.TableMetadata;
import com.datastax.oss.driver.api.core.servererrors.AlreadyExistsException;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import com.datastax.oss.driver.api.core.servererrors.SyntaxError;
import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletionStage;

/** The Java driver 4 in protocol versions 5, 4 and 3: prepared statements, paging, batches, types, metadata. */
final class CassandraDriver {
    private final Checks judge;
    private final String version;
    private final String keyspace;
    private CqlSession session;

    private CassandraDriver(Checks judge, String version) {
        this.judge = judge;
        this.version = version;
        this.keyspace = judge.unique("java_" + version.toLowerCase());
    }

    public static void main(String[] arguments) throws Exception {
        Checks judge = new Checks(arguments);
        for (String version : List.of("V5", "V4", "V3")) {
            CassandraDriver driver = new CassandraDriver(judge, version);
            judge.check(version + ": connects and creates a schema", driver::connects);
            judge.check(version + ": prepares, unsets and nulls", driver::prepares);
            judge.check(version + ": runs 1000 statements at once and pages", driver::pages);
            judge.check(version + ": runs batches and conditional writes", driver::batches);
            judge.check(version + ": carries types there and back", driver::types);
            judge.check(version + ": knows nodes, tokens and tables", driver::metadata);
            judge.check(version + ": refuses what is wrong", driver::refuses);
            judge.check(version + ": drops the keyspace", driver::drops);
        }
        judge.finish();
    }

    private void connects() {
        InetSocketAddress address = new InetSocketAddress(judge.cassandra.substring(0, judge.cassandra.lastIndexOf(':')),
                Integer.parseInt(judge.cassandra.substring(judge.cassandra.lastIndexOf(':') + 1)));
        session = CqlSession.builder().addContactPoint(address).withConfigLoader(DriverConfigLoader.programmaticBuilder()
                .withString(DefaultDriverOption.PROTOCOL_VERSION, version)
                .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(40))
                .withDuration(DefaultDriverOption.CONNECTION_INIT_QUERY_TIMEOUT, Duration.ofSeconds(30))
                .withDuration(DefaultDriverOption.CONTROL_CONNECTION_TIMEOUT, Duration.ofSeconds(30))
                .withString(DefaultDriverOption.LOAD_BALANCING_POLICY_CLASS, "DcInferringLoadBalancingPolicy").build()).build();
        session.execute("CREATE KEYSPACE " + keyspace
                + " WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'}");
        session.execute("USE " + keyspace);
        session.execute("CREATE TABLE t (p int, c int, v text, w text, PRIMARY KEY (p, c))");
        Checks.holds(session.checkSchemaAgreement(), "no schema agreement");
    }

    private void prepares() {
        PreparedStatement insert = session.prepare("INSERT INTO t (p, c, v, w) VALUES (?, ?, ?, :named)");
        Checks.equal(insert.getVariableDefinitions().size(), 4, "variables");
        Checks.equal(insert.getPartitionKeyIndices(), List.of(0), "partition key columns");
        session.execute(insert.bind(1, 1, "v", "w"));
        if (version.equals("V3")) {
            session.execute(insert.bind(1, 1, null, "w"));
        } else {
            session.execute(insert.boundStatementBuilder().setInt("p", 1).setInt("c", 1).setToNull("v").build());
        }
        Row row = session.execute("SELECT v, w FROM t WHERE p = 1").one();
        Checks.equal(row.getString("v") + row.getString("w"), "nullw", "null deletes, unset keeps");
    }

    private void pages() throws Exception {
        PreparedStatement insert = session.prepare("INSERT INTO t (p, c, v) VALUES (?, ?, ?)");
        List<CompletionStage<?>> running = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            running.add(session.executeAsync(insert.bind(2, i, "v" + i)));
        }
        for (CompletionStage<?> one : running) {
            one.toCompletableFuture().get();
        }
        int next = 0;
        for (Row row : session.execute(SimpleStatement.newInstance("SELECT c, v FROM t WHERE p = 2").setPageSize(77))) {
            Checks.equal(row.getInt("c") + row.getString("v"), next + "v" + next, "row");
            next++;
        }
        Checks.equal(next, 1000, "rows");
    }

    private void batches() {
        PreparedStatement insert = session.prepare("INSERT INTO t (p, c) VALUES (?, ?)");
        BatchStatementBuilder batch = BatchStatement.builder(DefaultBatchType.LOGGED);
        for (int i = 0; i < 20; i++) {
            batch.addStatement(insert.bind(3, i));
        }
        batch.addStatement(SimpleStatement.newInstance("DELETE FROM t WHERE p = 3 AND c = 0"));
        session.execute(batch.build());
        Checks.equal(session.execute("SELECT count(*) FROM t WHERE p = 3").one().getLong(0) >= 19, true, "rows of the batch");
        Checks.holds(session.execute("INSERT INTO t (p, c, v) VALUES (4, 1, 'one') IF NOT EXISTS").wasApplied(), "the first");
        Checks.holds(!session.execute("INSERT INTO t (p, c, v) VALUES (4, 1, 'two') IF NOT EXISTS").wasApplied(), "the second");
    }

    private void types() {
        boolean dates = !version.equals("V3");      // date came with version 4: before, the driver has no codec
        Object day = dates ? LocalDate.of(1969, 7, 20) : "1969-07-20";
        session.execute("CREATE TABLE types (id uuid PRIMARY KEY, at timestamp, day " + (dates ? "date" : "text")
                + ", price decimal, tags set<text>, "
                + "counts map<text, bigint>, steps list<int>, ok boolean, ratio double)");
        UUID id = UUID.randomUUID();
        Instant at = Instant.ofEpochMilli(1_700_000_000_123L);
        session.execute(session.prepare("INSERT INTO types (id, at, day, price, tags, counts, steps, ok, ratio) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)").bind(id, at, day, new BigDecimal("-1.50"),
                Set.of("a", "b"), Map.of("k", 5L), List.of(3, 1), true, 0.25));
        Row row = session.execute("SELECT * FROM types").one();
        Checks.equal(List.of(row.getUuid("id"), row.getInstant("at"), row.getObject("day"), row.getBigDecimal("price"),
                row.getSet("tags", String.class), row.getMap("counts", String.class, Long.class),
                row.getList("steps", Integer.class), row.getBoolean("ok"), row.getDouble("ratio")),
                List.of(id, at, day, new BigDecimal("-1.50"), Set.of("a", "b"), Map.of("k", 5L),
                        List.of(3, 1), true, 0.25), "values");
    }

    private void metadata() throws InterruptedException {
        Node node = session.getMetadata().getNodes().values().iterator().next();
        Checks.holds(node.getDatacenter() != null && node.getCassandraVersion() != null && node.getHostId() != null, "node");
        Checks.until(() -> session.getMetadata().getKeyspace(keyspace)
                .flatMap(one -> one.getTable("types")).isPresent(), "the new table is not in the metadata");
        TableMetadata table = session.getMetadata().getKeyspace(keyspace).get().getTable("t").get();
        Checks.equal(table.getPartitionKey().get(0).getName(), CqlIdentifier.fromCql("p"), "partition key");
        Checks.equal(table.getClusteringColumns().size(), 1, "clustering columns");
        Checks.holds(!session.getMetadata().getTokenMap().get().getTokenRanges().isEmpty(), "no token ranges");
    }

    private void refuses() throws Exception {
        Checks.refused(SyntaxError.class, () -> session.execute("SELEC 1"));
        Checks.refused(InvalidQueryException.class, () -> session.execute("SELECT * FROM nowhere"));
        Checks.refused(AlreadyExistsException.class, () -> session.execute("CREATE TABLE t (p int PRIMARY KEY)"));
    }

    private void drops() {
        session.execute("DROP KEYSPACE " + keyspace);
        session.close();
    }
}
