SELECT count(*) = 1 AS found FROM posts WHERE id = :key \gset
\if not :found
  \refuse
\endif
\sleep :gap us
INSERT INTO comments (post_id, author) VALUES (:key, :agent);
