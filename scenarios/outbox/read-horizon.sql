-- An event counts once every transaction that could still come before it has ended. The order is that of the xids, not
-- of the ids: the two are not given in the same order.
INSERT INTO deliveries (topic_id, reader, event_id, xid)
SELECT topic_id, :agent, id, xid FROM events
WHERE topic_id = :key AND xid < pg_snapshot_xmin(pg_current_snapshot())
  AND (xid, id) > ALL (SELECT xid, event_id FROM deliveries WHERE topic_id = :key AND reader = :agent);
