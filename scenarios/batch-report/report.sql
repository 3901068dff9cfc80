-- One SELECT: a transaction that only reads.
SELECT coalesce(sum(amount), 0) AS total FROM receipts WHERE ledger_id = :key AND batch = :closed \gset
INSERT INTO reports (ledger_id, batch, total) VALUES (:key, :closed, :total);
