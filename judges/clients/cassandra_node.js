// The Node driver (cassandra-driver): prepared statements, paging, batches, types, metadata.
"use strict";

const cassandra = require("cassandra-driver");
const { Judge, equal, holds } = require("./checks.js");

const judge = new Judge();
const keyspace = judge.unique("node");

async function datacenter() {
  // Users give the data centre by name; the judge has to ask for it, as it runs against any cluster.
  const policy = new cassandra.policies.loadBalancing.RoundRobinPolicy();
  const client = new cassandra.Client({ contactPoints: [judge.cassandra], policies: { loadBalancing: policy } });
  await client.connect();
  const row = (await client.execute("SELECT data_center FROM system.local")).first();
  await client.shutdown();
  return row.data_center;
}

async function main() {
  let client;
  await judge.check("connects by contact point and data centre", async () => {
    client = new cassandra.Client({ contactPoints: [judge.cassandra], localDataCenter: await datacenter(),
      socketOptions: { connectTimeout: 30000, readTimeout: 60000 } });
    await client.connect();
  });
  await judge.check("creates a keyspace and a table", async () => {
    await client.execute(`CREATE KEYSPACE ${keyspace} WITH replication = {'class':'SimpleStrategy','replication_factor':'1'}`);
    await client.execute(`CREATE TABLE ${keyspace}.t (p int, c int, v text, big bigint, tags set<text>, PRIMARY KEY (p, c))`);
  });
  await judge.check("prepares, leaves values unset, carries big numbers and sets", async () => {
    const insert = `INSERT INTO ${keyspace}.t (p, c, v, big, tags) VALUES (?, ?, ?, ?, ?)`;
    const big = cassandra.types.Long.fromString("9007199254740993");
    await client.execute(insert, [0, 0, "v", big, ["a", "b"]], { prepare: true });
    await client.execute(insert, [0, 0, cassandra.types.unset, cassandra.types.unset, null], { prepare: true });
    const row = (await client.execute(`SELECT * FROM ${keyspace}.t WHERE p = ?`, [0], { prepare: true })).first();
    equal([row.v, row.big.toString(), row.tags], ["v", "9007199254740993", null]);
  });
  await judge.check("runs many statements at once and pages through them", async () => {
    const insert = `INSERT INTO ${keyspace}.t (p, c, v) VALUES (?, ?, ?)`;
    const parameters = Array.from({ length: 500 }, (_, i) => [1, i, `v${i}`]);
    await cassandra.concurrent.executeConcurrent(client, insert, parameters, { prepare: true });
    const seen = [];
    for await (const row of client.stream(`SELECT c FROM ${keyspace}.t WHERE p = 1`, [], { prepare: true, fetchSize: 33, autoPage: true })) {
      seen.push(row.c);
    }
    equal(seen, Array.from({ length: 500 }, (_, i) => i));
  });
  await judge.check("runs batches", async () => {
    const queries = Array.from({ length: 10 }, (_, i) => ({ query: `INSERT INTO ${keyspace}.t (p, c) VALUES (?, ?)`, params: [2, i] }));
    await client.batch(queries, { prepare: true });
    equal((await client.execute(`SELECT count(*) AS n FROM ${keyspace}.t WHERE p = 2`)).first().n.toString(), "10");
  });
  await judge.check("reads the table's metadata", async () => {
    const table = await client.metadata.getTable(keyspace, "t");
    equal([table.partitionKeys.map((key) => key.name), table.clusteringKeys.map((key) => key.name)], [["p"], ["c"]]);
    holds(client.hosts.values()[0].cassandraVersion, "no version of the host");
  });
  await judge.check("drops the keyspace", async () => {
    await client.execute(`DROP KEYSPACE ${keyspace}`);
    await client.shutdown();
  });
  judge.finish();
}

main();
