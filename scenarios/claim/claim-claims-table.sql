INSERT INTO claims (conversation_id, texter_id) VALUES (:key, :agent);
