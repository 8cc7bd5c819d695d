-- Parses and validates each user and writes the twelve fields of the tutorial to
-- spark_streams.created_users. What cannot be parsed or does not fit the table goes to the topic
-- created_users.dead-letters, with its reason, offset and bytes.
CREATE TABLE users (
  gender     STRING,
  name       STRUCT<first: STRING, last: STRING>,
  location   STRUCT<street: STRUCT<number: INT, name: STRING>, city: STRING, state: STRING,
                    country: STRING, postcode: STRING>,
  email      STRING,
  login      STRUCT<uuid: STRING, username: STRING>,
  dob        STRUCT<date: STRING>,
  registered STRUCT<date: STRING>,
  phone      STRING,
  picture    STRUCT<medium: STRING>,
  created_at TIMESTAMP METADATA FROM 'timestamp',
  WATERMARK FOR created_at AS created_at - INTERVAL '60' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = 'users_created',
  'format' = 'json',
  'partitions' = '4',
  'retention' = '6 hours'
);

CREATE TABLE created_users (
  id              STRING,
  first_name      STRING,
  last_name       STRING,
  gender          STRING,
  address         STRING,
  post_code       STRING,
  email           STRING,
  username        STRING,
  dob             TIMESTAMP,
  registered_date TIMESTAMP,
  phone           STRING,
  picture         STRING,
  PRIMARY KEY (id) NOT ENFORCED
) WITH (
  'connector' = 'cassandra',
  'keyspace' = 'spark_streams',
  'table' = 'created_users',
  'type.id' = 'uuid',
  'ttl' = '6 hours'
);

INSERT INTO created_users
SELECT id, first_name, last_name, gender, address, post_code, email, username, dob,
       registered_date, phone, picture
FROM (
  SELECT
    login.uuid AS id,
    name.first AS first_name,
    name.last AS last_name,
    gender,
    concat(CAST(location.street.number AS STRING), ' ', location.street.name, ', ', location.city,
           ', ', location.state, ', ', location.country) AS address,
    location.postcode AS post_code,
    email,
    login.username AS username,
    CAST(dob.date AS TIMESTAMP) AS dob,
    CAST(registered.date AS TIMESTAMP) AS registered_date,
    phone,
    picture.medium AS picture,
    ROW_NUMBER() OVER (PARTITION BY login.uuid ORDER BY created_at) AS occurrence
  FROM users
)
WHERE occurrence = 1;
