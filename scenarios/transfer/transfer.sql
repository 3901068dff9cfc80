-- Every other customer moves money in the other direction.
\set source :contender % 2
\set target 1 - :source
BEGIN;
UPDATE accounts SET balance = balance - 1 WHERE customer_id = :key AND account = :source;
\sleep :gap us
UPDATE accounts SET balance = balance + 1 WHERE customer_id = :key AND account = :target;
COMMIT;
