-- A second agent's UPDATE waits for the first one's, then looks at the WHERE again, on the row as it is now.
UPDATE conversations SET texter_id = :agent WHERE id = :key AND texter_id IS NULL RETURNING id;
\if :ROW_COUNT = 0
  \refuse
\endif
