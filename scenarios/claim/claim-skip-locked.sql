UPDATE conversations SET texter_id = :agent
WHERE id = (SELECT id FROM conversations WHERE id = :key AND texter_id IS NULL FOR UPDATE SKIP LOCKED);
\if :ROW_COUNT = 0
  \refuse
\endif
