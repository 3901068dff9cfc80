-- A plain INSERT looks for overlaps when its row is in the index already. Guests who meet there wait for each other, one
-- ends as a deadlock, and if it tries again at once it is part of the next. ON CONFLICT makes only one of them wait.
\set first 1 + :agent % 3
\set last :first + 3
INSERT INTO bookings (room_id, nights) VALUES (:key, int4range(:first, :last)) ON CONFLICT DO NOTHING;
\if :ROW_COUNT = 0
  \refuse
\endif
