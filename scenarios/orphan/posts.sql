CREATE TABLE posts (
  id bigint PRIMARY KEY
);
CREATE TABLE comments (
  post_id bigint NOT NULL,
  author  bigint NOT NULL
);
CREATE INDEX ON comments (post_id);
