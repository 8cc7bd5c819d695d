-- Polls users from an API into the topic users_created, keyed by login.uuid as Java's default
-- partitioner would (murmur2).
--
-- The DAG user_automation (dags/user_automation.yml) starts this stream. Without the line 'start' it runs as
-- long as the project does, and needs no DAG.
--
-- The default URL is the seeded generator that `millstream up` starts: it answers by position, so every
-- user arrives exactly once. To poll the public API instead, change this one line to
--   'url' = 'https://randomuser.me/api/'
-- That API has no positions: from the poll on its users arrive at least once, and `status` says so.
CREATE TABLE random_users (
  value     STRING,
  polled_at TIMESTAMP METADATA FROM 'timestamp'
) WITH (
  'connector' = 'http',
  'url' = 'http://127.0.0.1:8089/api/',
  'records' = 'results',
  'batch' = '500',
  'start' = 'by-task'
);

CREATE TABLE users_created (
  uuid       STRING,
  value      STRING,
  created_at TIMESTAMP
) WITH (
  'connector' = 'kafka',
  'topic' = 'users_created',
  'format' = 'raw',
  'key' = 'uuid',
  'timestamp' = 'created_at',
  'partitions' = '4',
  'retention' = '6 hours'
);

INSERT INTO users_created
SELECT get_json_object(value, '$.login.uuid'), value, polled_at
FROM random_users;
