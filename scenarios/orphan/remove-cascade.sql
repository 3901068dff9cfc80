DELETE FROM posts WHERE id = :key;
\if :ROW_COUNT = 0
  \refuse
\endif
