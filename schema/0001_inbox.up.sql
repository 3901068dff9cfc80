-- The inbox: conversations that texters claim, and the replies that customers get.
CREATE TABLE conversations (
  id        bigint PRIMARY KEY,
  texter_id bigint
);
COMMENT ON COLUMN conversations.texter_id IS 'Who is answering this conversation; NULL while nobody is.';

CREATE TABLE replies (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  conversation_id bigint NOT NULL REFERENCES conversations (id),
  texter_id       bigint NOT NULL
);
COMMENT ON TABLE replies IS 'Who answered which conversation. Two texters on one conversation are two conflicting answers.';
