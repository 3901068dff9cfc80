CREATE TABLE seats (
  id       bigint PRIMARY KEY,
  customer bigint
);

CREATE TABLE tickets (
  seat_id  bigint NOT NULL REFERENCES seats (id),
  customer bigint NOT NULL
);
