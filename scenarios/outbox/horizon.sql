ALTER TABLE events ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE deliveries ADD COLUMN xid xid8 NOT NULL;

CREATE OR REPLACE VIEW skipped AS
  SELECT e.topic_id, r.reader, e.id
  FROM events e
  JOIN (SELECT DISTINCT ON (topic_id, reader) topic_id, reader, xid, event_id FROM deliveries
        ORDER BY topic_id, reader, xid DESC, event_id DESC) r
    ON r.topic_id = e.topic_id AND (e.xid, e.id) < (r.xid, r.event_id)
  WHERE NOT EXISTS (SELECT FROM deliveries d WHERE d.reader = r.reader AND d.event_id = e.id);
