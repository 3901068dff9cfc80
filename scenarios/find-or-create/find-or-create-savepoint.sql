BEGIN;
SELECT id AS tag FROM tags WHERE name = 'tag ' || :key \aset
\if :ROW_COUNT = 0
  \sleep :gap us
  SAVEPOINT creating;
  \set ON_ERROR_STOP false
  INSERT INTO tags (name) VALUES ('tag ' || :key);
  \set ON_ERROR_STOP true
  \if :ERROR
    ROLLBACK TO SAVEPOINT creating;
    SELECT id AS tag FROM tags WHERE name = 'tag ' || :key \gset
  \endif
\endif
COMMIT;
