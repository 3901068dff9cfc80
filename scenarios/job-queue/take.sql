SELECT count(*) = 0 AS empty, min(id) AS job FROM jobs WHERE queue_id = :key AND state = 'ready' \gset
\if :empty
  \refuse
\endif
\sleep :gap us
UPDATE jobs SET state = 'taken' WHERE queue_id = :key AND id = :job;
