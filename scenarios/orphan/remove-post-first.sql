BEGIN;
DELETE FROM posts WHERE id = :key;
\if :ROW_COUNT = 0
  \refuse
\endif
DELETE FROM comments WHERE post_id = :key;
COMMIT;
