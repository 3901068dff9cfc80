-- Without ON CONFLICT DO NOTHING two inserts that meet may each wait for the other: an exclusion constraint is checked
-- after the row is in the index, and one of the two then ends as a deadlock.
INSERT INTO claims (conversation_id, texter_id) VALUES (:key, :agent) ON CONFLICT DO NOTHING;
\if :ROW_COUNT = 0
  \refuse
\endif
