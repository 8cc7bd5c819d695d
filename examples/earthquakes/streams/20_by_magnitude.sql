-- Earthquakes per day of event time and band of magnitude.
CREATE TABLE earthquakes_by_magnitude (
  band     INT,
  day      TIMESTAMP,
  quakes   BIGINT,
  greatest DOUBLE,
  PRIMARY KEY (band, day) NOT ENFORCED
) WITH ('connector' = 'cassandra', 'keyspace' = 'earthquakes');

INSERT INTO earthquakes_by_magnitude
SELECT CAST(floor(magnitude) AS INT), window.start, count(*), max(magnitude)
FROM earthquakes
GROUP BY window(happened_at, '1 day'), CAST(floor(magnitude) AS INT);
