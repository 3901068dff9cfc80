CREATE TABLE claims (
  conversation_id bigint PRIMARY KEY REFERENCES conversations (id),
  texter_id       bigint NOT NULL
);
