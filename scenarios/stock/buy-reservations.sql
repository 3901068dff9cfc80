UPDATE pieces SET customer = :agent
WHERE product_id = :key AND piece = (
  SELECT piece FROM pieces WHERE product_id = :key AND customer IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED);
\if :ROW_COUNT = 0
  \refuse
\endif
