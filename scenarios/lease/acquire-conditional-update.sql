UPDATE leases SET holder = :agent, expires_at = now() + interval '1 minute' WHERE id = :key AND expires_at <= now();
\if :ROW_COUNT = 0
  \refuse
\endif
