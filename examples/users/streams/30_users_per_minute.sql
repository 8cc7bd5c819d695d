-- Counts users per country and minute of event time, each user once: a user that comes again within the
-- watermark is a duplicate, and of two partitions that hold one user the earlier record counts.
CREATE TABLE users_per_minute (
  country STRING,
  minute  TIMESTAMP,
  users   BIGINT,
  PRIMARY KEY (country, minute) NOT ENFORCED
) WITH (
  'connector' = 'cassandra',
  'keyspace' = 'spark_streams',
  'table' = 'users_per_minute',
  'ttl' = '6 hours'
);

INSERT INTO users_per_minute
SELECT country, window.start, count(*)
FROM (
  SELECT
    location.country AS country,
    created_at,
    ROW_NUMBER() OVER (PARTITION BY login.uuid ORDER BY created_at) AS occurrence
  FROM users
)
WHERE occurrence = 1
GROUP BY window(created_at, '1 minute'), country;
