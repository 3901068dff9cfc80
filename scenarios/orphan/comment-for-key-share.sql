-- The DELETE of the post waits for this lock. At REPEATABLE READ it then goes on with the snapshot it had before it
-- waited: the post was only locked, not changed, so nothing fails, and the DELETE of the comments misses this one.
BEGIN;
SELECT id FROM posts WHERE id = :key FOR KEY SHARE;
\if :ROW_COUNT = 0
  \refuse
\endif
\sleep :gap us
INSERT INTO comments (post_id, author) VALUES (:key, :agent);
COMMIT;
