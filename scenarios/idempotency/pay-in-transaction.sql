BEGIN;
SELECT count(*) = 0 AS new FROM requests WHERE id = :key \gset
\if not :new
  \refuse
\endif
\sleep :gap us
INSERT INTO charges (request_id, amount) VALUES (:key, 100);
INSERT INTO requests (id) VALUES (:key);
COMMIT;
