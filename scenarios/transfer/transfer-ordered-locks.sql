\set source :contender % 2
\set target 1 - :source
BEGIN;
SELECT account FROM accounts WHERE customer_id = :key ORDER BY account FOR UPDATE;
UPDATE accounts SET balance = balance - 1 WHERE customer_id = :key AND account = :source;
\sleep :gap us
UPDATE accounts SET balance = balance + 1 WHERE customer_id = :key AND account = :target;
COMMIT;
