BEGIN;
UPDATE ledgers SET batch = batch + 1 WHERE id = :key RETURNING batch - 1 AS closed \gset
COMMIT;
