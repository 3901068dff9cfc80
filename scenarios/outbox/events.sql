CREATE TABLE order_lines (
  topic_id bigint NOT NULL,
  product  bigint NOT NULL
);
CREATE TABLE events (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic_id bigint NOT NULL
);
CREATE INDEX ON events (topic_id);
CREATE TABLE deliveries (
  topic_id bigint NOT NULL,
  reader   bigint NOT NULL,
  event_id bigint NOT NULL
);
CREATE INDEX ON deliveries (topic_id, reader);

-- A reader goes on after the last event it was delivered: what lies before it and was not delivered never will be.
CREATE VIEW skipped AS
  SELECT e.topic_id, r.reader, e.id
  FROM events e
  JOIN (SELECT topic_id, reader, max(event_id) AS last FROM deliveries GROUP BY topic_id, reader) r
    ON r.topic_id = e.topic_id AND e.id < r.last
  WHERE NOT EXISTS (SELECT FROM deliveries d WHERE d.reader = r.reader AND d.event_id = e.id);
