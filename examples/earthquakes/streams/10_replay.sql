-- Replays the file into topic earthquakes, by position: a restart goes on where it was.
CREATE TABLE usgs (
  value STRING
) WITH (
  'connector' = 'file',
  'path' = 'data/earthquakes.ndjson',
  'format' = 'raw',
  'rate' = '200'
);

CREATE TABLE earthquakes (
  id          STRING,
  place       STRING,
  magnitude   DOUBLE,
  happened_at TIMESTAMP,
  WATERMARK FOR happened_at AS happened_at - INTERVAL '1' HOUR
) WITH (
  'connector' = 'kafka',
  'topic' = 'earthquakes',
  'format' = 'json',
  'key' = 'id',
  'partitions' = '4',
  'retention' = '7 days'
);

INSERT INTO earthquakes
SELECT
  get_json_object(value, '$.id'),
  get_json_object(value, '$.properties.place'),
  CAST(get_json_object(value, '$.properties.mag') AS DOUBLE),
  timestamp_millis(CAST(get_json_object(value, '$.properties.time') AS BIGINT))
FROM usgs;
