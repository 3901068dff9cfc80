INSERT INTO settings (id, value) VALUES (:key, :agent) ON CONFLICT (id) DO NOTHING;
\if :ROW_COUNT = 0
  \refuse
\endif
