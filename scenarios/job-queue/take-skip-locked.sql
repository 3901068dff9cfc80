UPDATE jobs SET state = 'taken'
WHERE queue_id = :key AND id = (
  SELECT id FROM jobs WHERE queue_id = :key AND state = 'ready' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id AS job \aset
\if :ROW_COUNT = 0
  \refuse
\endif
