INSERT INTO deliveries (topic_id, reader, event_id)
SELECT topic_id, :agent, id FROM events
WHERE topic_id = :key AND id > ALL (SELECT event_id FROM deliveries WHERE topic_id = :key AND reader = :agent);
