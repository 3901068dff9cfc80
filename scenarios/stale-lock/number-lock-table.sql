BEGIN;
LOCK TABLE invoices IN SHARE ROW EXCLUSIVE MODE;
SELECT coalesce(max(number), 0) + 1 AS next FROM invoices WHERE series_id = :key \gset
\sleep :gap us
INSERT INTO invoices (series_id, number) VALUES (:key, :next);
COMMIT;
