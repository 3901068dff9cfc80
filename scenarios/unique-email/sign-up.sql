SELECT count(*) = 0 AS valid FROM users WHERE email = :key || '@example.com' \gset
\if not :valid
  \refuse
\endif
\sleep :gap us
INSERT INTO users (email) VALUES (:key || '@example.com');
