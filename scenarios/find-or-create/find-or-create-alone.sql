SELECT id AS tag FROM tags WHERE name = 'tag ' || :key \aset
\if :ROW_COUNT = 0
  \sleep :gap us
  \set ON_ERROR_STOP false
  INSERT INTO tags (name) VALUES ('tag ' || :key);
  \set ON_ERROR_STOP true
  \if :ERROR
    SELECT id AS tag FROM tags WHERE name = 'tag ' || :key \gset
  \endif
\endif
