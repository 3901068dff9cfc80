-- The check is part of the use: of two customers one updates no row, and is refused.
UPDATE seats SET customer = :agent WHERE id = :key AND customer IS NULL;
\if :ROW_COUNT = 0
  \refuse
\endif
INSERT INTO tickets (seat_id, customer) VALUES (:key, :agent);
