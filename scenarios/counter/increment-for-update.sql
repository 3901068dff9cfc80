BEGIN;
SELECT value FROM counters WHERE id = :key FOR UPDATE \gset
\sleep :gap us
\set next :value + 1
UPDATE counters SET value = :next WHERE id = :key;
COMMIT;
