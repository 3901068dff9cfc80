-- In one transaction: a server that stops between the two leaves neither, and the next attempt starts anew.
BEGIN;
INSERT INTO requests (id) VALUES (:key) ON CONFLICT (id) DO NOTHING;
\if :ROW_COUNT = 0
  \refuse
\endif
INSERT INTO charges (request_id, amount) VALUES (:key, 100);
COMMIT;
