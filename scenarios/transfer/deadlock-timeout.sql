-- How long a wait lasts before PostgreSQL looks for a deadlock. It changes only how fast this scenario runs. Setting it
-- takes a privilege; without it each deadlock lasts the default of one second: ask for few rounds then.
DO $$
BEGIN
  EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = %L', current_database(), '1ms');
EXCEPTION WHEN insufficient_privilege THEN
  NULL;
END
$$;
