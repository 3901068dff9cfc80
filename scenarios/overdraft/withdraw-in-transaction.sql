BEGIN;
SELECT balance >= 60 AS enough FROM accounts WHERE id = :key \gset
\if not :enough
  \refuse
\endif
\sleep :gap us
UPDATE accounts SET balance = balance - 60 WHERE id = :key;
COMMIT;
