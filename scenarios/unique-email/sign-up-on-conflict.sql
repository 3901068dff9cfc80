INSERT INTO users (email) VALUES (:key || '@example.com') ON CONFLICT (email) DO NOTHING;
\if :ROW_COUNT = 0
  \refuse
\endif
