-- Each guest stays three nights, from the first, second or third: all overlap, and not all ask for the same.
\set first 1 + :agent % 3
\set last :first + 3
SELECT count(*) = 0 AS free FROM bookings WHERE room_id = :key AND nights && int4range(:first, :last) \gset
\if not :free
  \refuse
\endif
\sleep :gap us
INSERT INTO bookings (room_id, nights) VALUES (:key, int4range(:first, :last));
