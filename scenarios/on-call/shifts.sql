CREATE TABLE shifts (
  id bigint PRIMARY KEY
);
CREATE TABLE doctors (
  shift_id bigint  NOT NULL REFERENCES shifts (id),
  doctor   bigint  NOT NULL,
  on_call  boolean NOT NULL DEFAULT true,
  PRIMARY KEY (shift_id, doctor)
);
