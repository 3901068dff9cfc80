CREATE EXTENSION btree_gist;
ALTER TABLE bookings ADD CONSTRAINT bookings_do_not_overlap EXCLUDE USING gist (room_id WITH =, nights WITH &&);
