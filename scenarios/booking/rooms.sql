CREATE TABLE rooms (
  id bigint PRIMARY KEY
);
CREATE TABLE bookings (
  id      bigint    GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  room_id bigint    NOT NULL REFERENCES rooms (id),
  nights  int4range NOT NULL
);
CREATE INDEX ON bookings (room_id);
COMMENT ON COLUMN bookings.nights IS 'The nights of the season, from 1.';
