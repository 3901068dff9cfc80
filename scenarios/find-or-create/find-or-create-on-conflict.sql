BEGIN;
INSERT INTO tags (name) VALUES ('tag ' || :key) ON CONFLICT (name) DO NOTHING;
SELECT id AS tag FROM tags WHERE name = 'tag ' || :key \gset
COMMIT;
