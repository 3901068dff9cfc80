CREATE TABLE requests (
  id bigint PRIMARY KEY
);
COMMENT ON TABLE requests IS 'The idempotency keys of requests that were handled.';
CREATE TABLE charges (
  request_id bigint NOT NULL,
  amount     bigint NOT NULL
);
