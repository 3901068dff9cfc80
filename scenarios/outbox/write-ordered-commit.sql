BEGIN;
SELECT pg_advisory_xact_lock(:key);
INSERT INTO events (topic_id) VALUES (:key);
\sleep :gap us
-- Some orders have more lines than others.
INSERT INTO order_lines (topic_id, product) VALUES (:key, 1);
\if :agent % 2 = 0
  INSERT INTO order_lines (topic_id, product) VALUES (:key, 2);
  INSERT INTO order_lines (topic_id, product) VALUES (:key, 3);
\endif
COMMIT;
