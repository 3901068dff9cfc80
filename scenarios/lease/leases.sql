CREATE TABLE leases (
  id         bigint      PRIMARY KEY,
  holder     bigint,
  expires_at timestamptz NOT NULL DEFAULT '-infinity',
  token      bigint      NOT NULL DEFAULT 0
);
CREATE TABLE documents (
  id      bigint   PRIMARY KEY,
  authors bigint[] NOT NULL DEFAULT '{}',
  token   bigint   NOT NULL DEFAULT 0
);
COMMENT ON COLUMN documents.token IS 'The newest lease whose holder wrote here.';
