CREATE TABLE settings (
  id    bigint NOT NULL,
  value bigint NOT NULL
);
CREATE INDEX ON settings (id);
