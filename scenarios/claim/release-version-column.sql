UPDATE conversations SET texter_id = NULL, version = version + 1 WHERE id = :key AND texter_id = :agent;
