CREATE TABLE invoices (
  series_id bigint NOT NULL,
  number    bigint NOT NULL
);
CREATE INDEX ON invoices (series_id);
