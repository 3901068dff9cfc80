-- Works only if everybody who claims takes this lock. It ends with the transaction.
BEGIN;
SELECT pg_advisory_xact_lock(:key);
SELECT texter_id IS NULL AS free FROM conversations WHERE id = :key \gset
\if not :free
  \refuse
\endif
\sleep :gap us
UPDATE conversations SET texter_id = :agent WHERE id = :key;
COMMIT;
