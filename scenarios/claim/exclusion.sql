CREATE TABLE claims (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  conversation_id bigint NOT NULL REFERENCES conversations (id),
  texter_id       bigint NOT NULL,
  released_at     timestamptz,
  -- For one column and "=" a partial unique index would do; see the scenario booking for what only EXCLUDE can say.
  CONSTRAINT claims_one_open EXCLUDE (conversation_id WITH =) WHERE (released_at IS NULL)
);
