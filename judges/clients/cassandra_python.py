"""The Python driver (cassandra-driver, scylla-driver) in protocol versions 5, 4 and 3."""

import contextlib
import datetime
import decimal
import uuid

from cassandra import AlreadyExists, ConsistencyLevel, InvalidRequest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.metadata import Murmur3Token
from cassandra.protocol import SyntaxException
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType, SimpleStatement

from judge import Judge, equal, holds, refused, until

judge = Judge()
USERS_COLUMNS = "first_name text, last_name text, gender text, address text, post_code text, email text, username text"


def new_cluster(**settings):
    profile = ExecutionProfile(request_timeout=60)
    return Cluster([judge.cassandra_host], port=judge.cassandra_port, connect_timeout=30, control_connection_timeout=30,
                   execution_profiles={EXEC_PROFILE_DEFAULT: profile}, **settings)


@contextlib.contextmanager
def connected(**settings):
    """A second cluster object with a session of its own."""
    cluster = new_cluster(**settings)
    try:
        cluster.connect()
        yield cluster
    finally:
        cluster.shutdown()


def checks_in(version):
    check = lambda what: judge.check(f"v{version}: {what}")
    keyspace = judge.unique(f"python_v{version}")
    cluster = new_cluster(protocol_version=version)
    session = None

    with check("connects, creates a keyspace and tables, agrees on the schema"):
        session = cluster.connect()
        equal(cluster.protocol_version, version, "protocol version")
        session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': '1'}}")
        session.set_keyspace(keyspace)
        session.execute(f"CREATE TABLE users (id uuid PRIMARY KEY, {USERS_COLUMNS})")
        result = session.execute("CREATE TABLE numbers (part int, n int, v text, PRIMARY KEY (part, n))")
        holds(result.response_future.is_schema_agreed, "no schema agreement")
        with refused(AlreadyExists):
            session.execute("CREATE TABLE numbers (part int PRIMARY KEY)")

    with check("prepares, binds by position and by name, leaves values unset or null"):
        user = uuid.uuid4()
        insert = session.prepare("INSERT INTO users (id, first_name, last_name, email) VALUES (?, ?, ?, ?)")
        equal([column.name for column in insert.column_metadata], ["id", "first_name", "last_name", "email"])
        equal(insert.routing_key_indexes, [0], "partition key columns")
        session.execute(insert, (user, "Ada", "Lovelace", "a@b.c"))
        select = session.prepare("SELECT first_name, last_name, email FROM users WHERE id = ?")
        if version < 4:     # a value that is not set came with version 4: the driver refuses it itself
            with refused(KeyError, "email"):
                session.execute(insert, {"id": user, "first_name": "Grace", "last_name": None})
            session.execute(insert, {"id": user, "first_name": "Grace", "last_name": "Hopper", "email": "a@b.c"})
        else:
            session.execute(insert, {"id": user, "first_name": "Grace", "last_name": None})
            equal(tuple(session.execute(select, (user,)).one()), ("Grace", None, "a@b.c"), "null deletes, unset keeps")
            session.execute(insert, (user, UNSET_VALUE, "Hopper", UNSET_VALUE))
        equal(tuple(session.execute(select, (user,)).one()), ("Grace", "Hopper", "a@b.c"))
        session.execute("INSERT INTO users (id, username) VALUES (%s, %s)", (user, "it's"))
        equal(session.execute("SELECT username FROM users WHERE id = %s", (user,)).one().username, "it's")

    with check("runs 1000 statements at once"):
        insert = session.prepare("INSERT INTO numbers (part, n, v) VALUES (?, ?, ?)")
        done = execute_concurrent_with_args(session, insert, [(i % 3, i, f"v{i}") for i in range(1000)], concurrency=100)
        holds(all(success for success, _ in done), lambda: f"{[error for success, error in done if not success][:3]}")
        futures = [session.execute_async("SELECT v FROM numbers WHERE part = %s AND n = %s", (i % 3, i)) for i in range(1000)]
        equal([future.result().one().v for future in futures], [f"v{i}" for i in range(1000)])

    with check("pages, and resumes with a paging state"):
        statement = SimpleStatement("SELECT n FROM numbers", fetch_size=70)
        equal(sorted(row.n for row in session.execute(statement)), list(range(1000)))
        first = session.execute(statement)
        holds(first.has_more_pages, "only one page")
        rest = session.execute(statement, paging_state=first.paging_state)
        equal(len(first.current_rows) + len(list(rest)), 1000, "rows")
        equal([row.n for row in session.execute(SimpleStatement(
            "SELECT n FROM numbers WHERE part = 1 ORDER BY n DESC LIMIT 5", fetch_size=2))], [997, 994, 991, 988, 985])

    with check("runs batches of prepared and plain statements"):
        batch = BatchStatement(BatchType.LOGGED, consistency_level=ConsistencyLevel.QUORUM)
        for i in range(20):
            batch.add(insert, (7, i, "batch"))
        batch.add("DELETE FROM numbers WHERE part = %s AND n = %s", (7, 99))
        session.execute(batch)
        unlogged = BatchStatement(BatchType.UNLOGGED)
        unlogged.add(insert, (7, 20, "batch"))
        session.execute(unlogged)
        equal(session.execute("SELECT count(*) FROM numbers WHERE part = 7").one()[0], 21)
        session.execute("CREATE TABLE hits (k text PRIMARY KEY, n counter)")
        counters = BatchStatement(BatchType.COUNTER)
        for _ in range(3):
            counters.add("UPDATE hits SET n = n + 2 WHERE k = 'a'")
        session.execute(counters)
        equal(session.execute("SELECT n FROM hits").one().n, 6)

    with check("carries every type there and back"):
        session.execute("CREATE TABLE types (k int PRIMARY KEY, a ascii, b bigint, c blob, d boolean, e date, f decimal, "
                        "g double, h float, i inet, j smallint, l text, m time, n timestamp, o timeuuid, p tinyint, "
                        "q varint, r list<int>, s set<text>, t map<text, frozen<list<int>>>, u tuple<int, text>, w duration)")
        values = {"k": 1, "a": "ascii", "b": -2 ** 63, "c": b"\x00\xff", "d": True, "e": datetime.date(1969, 7, 20),
                  "f": decimal.Decimal("-123.4500"), "g": 1e300, "h": 0.5, "i": "::1", "j": -32768, "l": "žluť 🐎",
                  "m": datetime.time(23, 59, 59, 999999), "n": datetime.datetime(2024, 2, 29, 1, 2, 3, 456000),
                  "o": uuid.uuid1(), "p": -128, "q": -2 ** 100, "r": [3, 1, 2], "s": {"x", "y"}, "t": {"k": [1, 2]}, "u": (1, None)}
        names = list(values)
        session.execute(session.prepare(f"INSERT INTO types ({', '.join(names)}, w) VALUES "
                                        f"({', '.join('?' * len(names))}, 1mo2d3ns)"), list(values.values()))
        row = session.execute("SELECT * FROM types").one()._asdict()
        got = {name: row[name] for name in names}
        got.update(e=row["e"].date(), m=row["m"].time(), s=set(row["s"]), t={k: list(v) for k, v in row["t"].items()})
        equal(got, values)
        equal((row["w"].months, row["w"].days, row["w"].nanoseconds), (1, 2, 3))

    with check("sets timestamps and time to live; conditional writes tell what they found"):
        session.execute("UPDATE numbers USING TIMESTAMP 10 AND TTL 1000 SET v = 'ttl' WHERE part = 9 AND n = 9")
        row = session.execute("SELECT writetime(v), ttl(v) FROM numbers WHERE part = 9").one()
        holds(row[0] == 10 and 900 < row[1] <= 1000, f"{row}")
        once = session.prepare("INSERT INTO numbers (part, n, v) VALUES (?, ?, ?) IF NOT EXISTS")
        holds(session.execute(once, (10, 1, "one")).was_applied, "the first was not applied")
        again = session.execute(once, (10, 1, "two"))
        holds(not again.was_applied and again.one().v == "one", "the second was applied")

    with check("prepares again after the table has changed"):
        select = session.prepare("SELECT * FROM numbers WHERE part = ? AND n = ?")
        equal(len(session.execute(select, (0, 0)).one()), 3)
        session.execute("ALTER TABLE numbers ADD extra int")
        session.execute("UPDATE numbers SET extra = 5 WHERE part = 0 AND n = 0")
        row = session.execute(select, (0, 0)).one()
        # Before version 5 a driver cannot learn that the columns of a prepared statement changed.
        holds(row.v == "v0" and (version < 5 or row.extra == 5), f"{row}")

    with check("knows hosts, tokens and tables from the metadata"):
        host, = cluster.metadata.all_hosts()
        holds(host.is_up and host.datacenter and host.rack and host.release_version and host.host_id, f"{host}")
        equal(cluster.metadata.partitioner.rpartition(".")[2], "Murmur3Partitioner")
        holds(len(cluster.metadata.token_map.ring) >= 1, "no tokens")
        table = cluster.metadata.keyspaces[keyspace].tables["numbers"]
        equal(([column.name for column in table.partition_key], [column.name for column in table.clustering_key]), (["part"], ["n"]))
        holds(f"CREATE TABLE {keyspace}.numbers" in table.export_as_string(), "no CREATE TABLE")
        equal(cluster.metadata.get_replicas(keyspace, b"\0\0\0\1"), [host])
        token = session.execute("SELECT token(part) FROM numbers WHERE part = 1 LIMIT 1").one()[0]
        equal(token, Murmur3Token.hash_fn(b"\0\0\0\1"), "token of partition 1")
        equal(sorted(row.n for row in session.execute("SELECT n FROM numbers WHERE token(part) = %s", (token,))), list(range(1, 1000, 3)))

    with check("tells other sessions of schema changes"):
        with connected(protocol_version=version) as other:
            session.execute("CREATE TABLE announced (k int PRIMARY KEY)")
            until(lambda: "announced" in other.metadata.keyspaces[keyspace].tables, why="the other session did not hear of it")

    with check("traces a request"):
        trace = session.execute("SELECT * FROM users", trace=True).get_query_trace(max_wait_sec=20)
        holds(trace.events and trace.duration is not None, "no trace events")

    with check("refuses what is wrong with the right errors"):
        for kind, statement in ((SyntaxException, "SELEC 1"), (InvalidRequest, "SELECT * FROM nowhere"),
                                (InvalidRequest, "SELECT nothing FROM users"), (InvalidRequest, "INSERT INTO numbers (part) VALUES (1)"),
                                (InvalidRequest, "SELECT * FROM users WHERE email = 'x'")):
            with refused(kind):
                session.execute(statement)

    with check("drops the keyspace"):
        session.execute(f"DROP KEYSPACE {keyspace}")
        holds(keyspace not in cluster.metadata.keyspaces, "still in the metadata")

    cluster.shutdown()


for number in (5, 4, 3):
    checks_in(number)

with judge.check("agrees on a version by itself"):
    with connected() as cluster:
        holds(cluster.protocol_version in (4, 5), f"version {cluster.protocol_version}")

judge.finish()
