"""cqlsh: the tutorial's tables, data statements, TTL and TIMESTAMP, batches, DESCRIBE, COPY, paging, tracing."""

import csv
import re

from judge import Judge, command, equal, holds

judge = Judge()
KEYSPACE = judge.unique("cqlsh")
CREATED_USERS = """CREATE TABLE IF NOT EXISTS {}.created_users (
  id UUID PRIMARY KEY, first_name TEXT, last_name TEXT, gender TEXT, address TEXT, post_code TEXT,
  email TEXT, username TEXT, registered_date TEXT, phone TEXT, picture TEXT);"""
USER = "11111111-1111-1111-1111-111111111111"


def cqlsh(statements, may_fail=False):
    words = ["cqlsh", judge.cassandra_host, str(judge.cassandra_port), "--request-timeout=30", "--connect-timeout=30", "-e", statements]
    return command(words, seconds=85, may_fail=may_fail)


def use(statements, **settings):
    return cqlsh(f"USE {KEYSPACE}; {statements}", **settings)


def cells(text):
    """The rows of a printed result, without heading and row count."""
    lines = text.splitlines()
    rule = next(i for i, line in enumerate(lines) if re.fullmatch(r"-[-+]*-", line.strip()))
    rows = []
    for line in lines[rule + 1:]:
        if not line.strip():
            break
        rows.append([cell.strip() for cell in line.split("|")])
    return rows


def select(statement):
    return cells(use(statement))


with judge.check("connects and shows versions"):
    told = cqlsh("SHOW VERSION; SHOW HOST;")
    holds("CQL spec" in told and "Native protocol v" in told, told)

with judge.check("creates the tutorial's keyspace and table, twice"):
    for _ in range(2):
        cqlsh(f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} WITH replication = "
              "{'class':'SimpleStrategy','replication_factor':'1'};")
        cqlsh(CREATED_USERS.format(KEYSPACE))

with judge.check("refuses to create them without IF NOT EXISTS"):
    code, told = cqlsh(CREATED_USERS.format(KEYSPACE).replace("IF NOT EXISTS ", ""), may_fail=True)
    holds(code != 0 and "AlreadyExists" in told or "already exists" in told, told)

with judge.check("inserts and selects a user"):
    use(f"INSERT INTO created_users (id, first_name, last_name, email) VALUES ({USER}, 'Ada', 'O''Brien', 'a@b.c');")
    equal(select("SELECT id, first_name, last_name, gender, email FROM created_users;"),
          [[USER, "Ada", "O'Brien", "null", "a@b.c"]])
    equal(select(f"SELECT first_name FROM created_users WHERE id = {USER};"), [["Ada"]])
    holds("(0 rows)" in use("SELECT * FROM created_users WHERE id = 22222222-2222-2222-2222-222222222222;"), "found another")

with judge.check("updates, and deletes cells and rows"):
    use(f"UPDATE created_users SET gender = 'f', phone = '1' WHERE id = {USER};")
    use(f"DELETE phone FROM created_users WHERE id = {USER};")
    equal(select(f"SELECT gender, phone FROM created_users WHERE id = {USER};"), [["f", "null"]])
    use(f"DELETE FROM created_users WHERE id = {USER};")
    equal(select("SELECT count(*) FROM created_users;"), [["0"]])

with judge.check("makes tables with clustering, options and every common type"):
    use("CREATE TABLE events (day date, at timestamp, seq int, note text, tags set<text>, steps list<int>, "
        "counts map<text, bigint>, ok boolean, price decimal, ratio double, raw blob, addr inet, owner frozen<tuple<int, text>>, "
        "PRIMARY KEY ((day), at, seq)) WITH CLUSTERING ORDER BY (at DESC, seq ASC) AND comment = 'judged' "
        "AND default_time_to_live = 0 AND gc_grace_seconds = 3600;")
    use("INSERT INTO events (day, at, seq, note, tags, steps, counts, ok, price, ratio, raw, addr, owner) VALUES "
        "('2024-02-29', '2024-02-29T12:00:00.123Z', 1, 'x', {'b','a'}, [3,1], {'k': 5}, true, 1.50, 0.25, 0xcafe, "
        "'10.0.0.1', (7, 'seven'));")
    equal(select("SELECT day, seq, tags, steps, counts, ok, price, ratio, raw, addr, owner FROM events;"),
          [["2024-02-29", "1", "{'a', 'b'}", "[3, 1]", "{'k': 5}", "True", "1.50", "0.25", "0xcafe", "10.0.0.1",
            "(7, 'seven')"]])

with judge.check("ranges, orders and limits clustered rows"):
    use("".join(f"INSERT INTO events (day, at, seq) VALUES ('2024-03-01', {1000 + i}, {i});" for i in range(10)))
    equal(select("SELECT seq FROM events WHERE day = '2024-03-01' LIMIT 3;"), [["9"], ["8"], ["7"]])
    equal(select("SELECT seq FROM events WHERE day = '2024-03-01' AND at >= 1003 AND at < 1006 ORDER BY at ASC;"),
          [["3"], ["4"], ["5"]])
    equal(select("SELECT seq FROM events WHERE day IN ('2024-02-29', '2024-03-02');"), [["1"]])
    code, told = use("SELECT * FROM events WHERE note = 'x';", may_fail=True)
    holds(code != 0 and "ALLOW FILTERING" in told, told)
    equal(select("SELECT seq FROM events WHERE note = 'x' ALLOW FILTERING;"), [["1"]])
    equal(select("SELECT count(*), min(seq), max(seq), sum(seq) FROM events WHERE day = '2024-03-01';"), [["10", "0", "9", "45"]])

with judge.check("obeys USING TTL and USING TIMESTAMP"):
    use("CREATE TABLE clocks (k int PRIMARY KEY, v text, w text);")
    use("INSERT INTO clocks (k, v) VALUES (1, 'new') USING TIMESTAMP 2000; INSERT INTO clocks (k, v) VALUES (1, 'old') USING TIMESTAMP 1000;")
    equal(select("SELECT v, writetime(v) FROM clocks WHERE k = 1;"), [["new", "2000"]])
    use("INSERT INTO clocks (k, v) VALUES (2, 'soon gone') USING TTL 1000; UPDATE clocks USING TTL 500 SET w = 'x' WHERE k = 2;")
    ttls = [int(cell) for cell in select("SELECT ttl(v), ttl(w) FROM clocks WHERE k = 2;")[0]]
    holds(900 < ttls[0] <= 1000 and 400 < ttls[1] <= 500, f"ttls {ttls}")
    use("DELETE FROM clocks USING TIMESTAMP 1500 WHERE k = 1;")
    equal(select("SELECT v FROM clocks WHERE k = 1;"), [["new"]])

with judge.check("runs logged, unlogged and conditional batches"):
    use("BEGIN BATCH INSERT INTO clocks (k, v) VALUES (10, 'a'); UPDATE clocks SET w = 'b' WHERE k = 10; "
        "DELETE FROM clocks WHERE k = 2; APPLY BATCH;")
    use("BEGIN UNLOGGED BATCH USING TIMESTAMP 5 INSERT INTO clocks (k, v) VALUES (11, 'c'); APPLY BATCH;")
    equal(sorted(select("SELECT k, v, w FROM clocks;")), [["1", "new", "null"], ["10", "a", "b"], ["11", "c", "null"]])

with judge.check("applies conditions: IF NOT EXISTS, IF EXISTS, IF column"):
    equal(select("INSERT INTO clocks (k, v) VALUES (12, 'first') IF NOT EXISTS;"), [["True"]])
    refusal = select("INSERT INTO clocks (k, v) VALUES (12, 'second') IF NOT EXISTS;")[0]
    equal((refusal[0], "first" in refusal), ("False", True))
    equal(select("UPDATE clocks SET v = 'third' WHERE k = 12 IF v = 'first';"), [["True"]])
    equal(select("DELETE FROM clocks WHERE k = 99 IF EXISTS;"), [["False"]])

with judge.check("counts with counters"):
    use("CREATE TABLE hits (page text PRIMARY KEY, n counter);")
    use("UPDATE hits SET n = n + 5 WHERE page = 'a'; UPDATE hits SET n = n - 2 WHERE page = 'a';")
    equal(select("SELECT n FROM hits WHERE page = 'a';"), [["3"]])

with judge.check("changes collections in place"):
    use("UPDATE events SET tags = tags + {'c'}, steps = steps + [9], counts['z'] = 1 WHERE day = '2024-02-29' "
        "AND at = '2024-02-29T12:00:00.123Z' AND seq = 1;")
    equal(select("SELECT tags, steps, counts FROM events WHERE day = '2024-02-29';"),
          [["{'a', 'b', 'c'}", "[3, 1, 9]", "{'k': 5, 'z': 1}"]])

with judge.check("alters tables and keyspaces"):
    use("ALTER TABLE clocks ADD (extra int, more text); ALTER TABLE clocks DROP more; ALTER TABLE clocks WITH comment = 'altered';")
    use("UPDATE clocks SET extra = 4 WHERE k = 10;")
    equal(select("SELECT extra FROM clocks WHERE k = 10;"), [["4"]])
    cqlsh(f"ALTER KEYSPACE {KEYSPACE} WITH durable_writes = true;")

with judge.check("uses JSON in and out"):
    use("INSERT INTO clocks JSON '{\"k\": 20, \"v\": \"json\"}';")
    equal(select("SELECT JSON k, v FROM clocks WHERE k = 20;"), [['{"k": 20, "v": "json"}']])

with judge.check("uses user defined types"):
    use("CREATE TYPE place (street text, number int); CREATE TABLE homes (k int PRIMARY KEY, home frozen<place>);")
    use("INSERT INTO homes (k, home) VALUES (1, {street: 'Main', number: 5});")
    equal(select("SELECT home FROM homes;"), [["{street: 'Main', number: 5}"]])
    equal(select("SELECT home.street FROM homes;"), [["Main"]])

with judge.check("describes keyspaces, tables, types and the cluster"):
    holds(KEYSPACE in cqlsh("DESCRIBE KEYSPACES;").split(), "keyspace not listed")
    holds({"created_users", "events"} <= set(use("DESCRIBE TABLES;").split()), "tables not listed")
    told = use("DESCRIBE TABLE events;")
    for words in (f"CREATE TABLE {KEYSPACE}.events", "PRIMARY KEY (day, at, seq)", "CLUSTERING ORDER BY (at DESC, seq ASC)",
                  "comment = 'judged'", "gc_grace_seconds = 3600", "owner frozen<tuple<int, text>>"):
        holds(words in told, f"{words!r} is not in {told}")
    told = cqlsh(f"DESCRIBE KEYSPACE {KEYSPACE};")
    for words in (f"CREATE KEYSPACE {KEYSPACE} WITH replication", f"CREATE TYPE {KEYSPACE}.place", f"CREATE TABLE {KEYSPACE}.homes"):
        holds(words in told, f"{words!r} is not in {told}")
    holds("Partitioner: Murmur3Partitioner" in cqlsh("DESCRIBE CLUSTER;"), "no partitioner")
    holds("place" in use("DESCRIBE TYPES;"), "type not listed")
    cqlsh("DESCRIBE SCHEMA;")

with judge.check("runs its own description of a table again"):
    told = use("DESCRIBE TABLE events;")
    script = judge.work / "table.cql"
    script.write_text(told.replace(f"CREATE TABLE {KEYSPACE}.events", f"CREATE TABLE {KEYSPACE}.events_again"))
    use(f"SOURCE '{script}';")
    again = use("DESCRIBE TABLE events_again;").replace("events_again", "events")
    strip = lambda text: [line for line in text.splitlines() if " id = " not in line and line.strip()]
    equal(strip(again), strip(told))

with judge.check("copies from a file and to a file"):
    source, target = judge.work / "in.csv", judge.work / "out.csv"
    rows = [[str(i), f"value {i}, with \"quotes\"", "" if i % 2 else "w"] for i in range(500)]
    with open(source, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, escapechar="\\", doublequote=False).writerows(rows)
    use("CREATE TABLE copied (k int PRIMARY KEY, v text, w text);")
    told = use(f"COPY copied (k, v, w) FROM '{source}' WITH NUMPROCESSES=1;")
    holds("500 rows imported" in told, told)
    told = use(f"COPY copied (k, v, w) TO '{target}' WITH HEADER=true AND NUMPROCESSES=1;")
    holds("500 rows exported" in told, told)
    with open(target, newline="", encoding="utf-8") as file:
        out = list(csv.reader(file, escapechar="\\", doublequote=False))
    equal(out[0], ["k", "v", "w"])
    equal(sorted(out[1:], key=lambda row: int(row[0])), rows)

with judge.check("pages through a large result"):
    equal(len(re.findall(r"value \d+", use("PAGING 50; SELECT v FROM copied;"))), 500)

with judge.check("traces a request"):
    told = use("TRACING ON; SELECT * FROM copied WHERE k = 7;")
    holds("Tracing session" in told and "Request complete" in told, told[-600:])

with judge.check("sets consistency levels, expands rows, sources a file"):
    script = judge.work / "script.cql"
    script.write_text("CONSISTENCY QUORUM;\nEXPAND ON;\nSELECT v FROM copied WHERE k = 1;\n")
    told = use(f"SOURCE '{script}';")
    holds("Consistency level set to QUORUM" in told and "@ Row 1" in told, told)

with judge.check("reads the system tables users look at"):
    holds(cells(cqlsh("SELECT cluster_name, data_center, release_version FROM system.local;")), "nothing in system.local")
    equal(cells(cqlsh(f"SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{KEYSPACE}' AND table_name = 'hits';")), [["hits"]])

with judge.check("explains what is wrong with a statement"):
    for statement, words in (("SELEC 1;", "SyntaxException"), ("SELECT * FROM nowhere;", "does not exist"),
                             ("INSERT INTO clocks (v) VALUES ('x');", "k"), ("INSERT INTO clocks (k) VALUES ('x');", "Invalid STRING constant"),
                             ("SELECT nothing FROM clocks;", "Undefined column name nothing")):
        code, told = use(statement, may_fail=True)
        holds(code != 0 and words in told, f"{statement} said {told}")

with judge.check("truncates and drops"):
    use("TRUNCATE copied;")
    equal(select("SELECT count(*) FROM copied;"), [["0"]])
    use("DROP TABLE copied; DROP TABLE IF EXISTS copied; DROP TABLE homes; DROP TYPE place;")
    cqlsh(f"DROP KEYSPACE {KEYSPACE};")
    holds(KEYSPACE not in cqlsh("DESCRIBE KEYSPACES;").split(), "keyspace still listed")

judge.finish()
