UPDATE conversations SET texter_id = NULL WHERE id = :key AND texter_id = :agent;
