UPDATE claims SET released_at = now() WHERE conversation_id = :key AND texter_id = :agent AND released_at IS NULL;
