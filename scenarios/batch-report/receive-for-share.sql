BEGIN;
SELECT batch FROM ledgers WHERE id = :key FOR SHARE \gset
\sleep :gap us
-- The goods, then their delivery.
INSERT INTO receipts (ledger_id, batch, amount) VALUES (:key, :batch, 10);
INSERT INTO receipts (ledger_id, batch, amount) VALUES (:key, :batch, 2);
COMMIT;
