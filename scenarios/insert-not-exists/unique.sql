ALTER TABLE settings ADD CONSTRAINT settings_id_key UNIQUE (id);
