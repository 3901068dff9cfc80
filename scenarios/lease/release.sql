UPDATE leases SET holder = NULL, expires_at = '-infinity' WHERE id = :key AND holder = :agent;
