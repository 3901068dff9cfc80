CREATE TABLE accounts (
  customer_id bigint NOT NULL,
  account     bigint NOT NULL,
  balance     bigint NOT NULL DEFAULT 100,
  PRIMARY KEY (customer_id, account)
);
