INSERT INTO replies (conversation_id, texter_id) VALUES (:key, :agent);
