BEGIN;
INSERT INTO settings (id, value)
SELECT :key::bigint, :agent::bigint WHERE NOT EXISTS (SELECT FROM settings WHERE id = :key);
\if :ROW_COUNT = 0
  \refuse
\endif
COMMIT;
