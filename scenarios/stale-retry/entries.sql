CREATE TABLE entries (
  account_id bigint NOT NULL,
  author     bigint NOT NULL,
  number     bigint NOT NULL
);
CREATE INDEX ON entries (account_id);
