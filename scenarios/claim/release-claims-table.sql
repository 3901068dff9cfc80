DELETE FROM claims WHERE conversation_id = :key AND texter_id = :agent;
