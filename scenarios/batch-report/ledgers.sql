CREATE TABLE ledgers (
  id    bigint PRIMARY KEY,
  batch bigint NOT NULL DEFAULT 1
);
COMMENT ON COLUMN ledgers.batch IS 'The open batch; those before it are closed.';
CREATE TABLE receipts (
  ledger_id bigint NOT NULL REFERENCES ledgers (id),
  batch     bigint NOT NULL,
  amount    bigint NOT NULL
);
CREATE INDEX ON receipts (ledger_id, batch);
CREATE TABLE reports (
  ledger_id bigint NOT NULL,
  batch     bigint NOT NULL,
  total     bigint NOT NULL
);
COMMENT ON TABLE reports IS 'What was printed.';
