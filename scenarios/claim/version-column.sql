ALTER TABLE conversations ADD COLUMN version bigint NOT NULL DEFAULT 0;
