BEGIN;
-- Who removes a post is asked whether its comments may go with it.
SELECT count(*) FROM comments WHERE post_id = :key;
DELETE FROM posts WHERE id = :key;
\if :ROW_COUNT = 0
  \refuse
\endif
COMMIT;
