-- A plain INSERT looks for overlaps when its row is in the index already. Guests who meet there find, and then await, each
-- other; one ends as a deadlock, and if it tries again at once, the next deadlock is waiting. ON CONFLICT looks first.
\set first 1 + :agent % 3
\set last :first + 3
INSERT INTO bookings (room_id, nights) VALUES (:key, int4range(:first, :last)) ON CONFLICT DO NOTHING;
\if :ROW_COUNT = 0
  \refuse
\endif
