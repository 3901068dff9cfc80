BEGIN;
SELECT count(*) + 1 AS number FROM entries WHERE account_id = :key \gset
\sleep :gap us
INSERT INTO entries (account_id, author, number) VALUES (:key, :agent, :number);
COMMIT;
