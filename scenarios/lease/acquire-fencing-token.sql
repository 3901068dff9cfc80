SELECT expires_at <= now() AS ended, token AS seen FROM leases WHERE id = :key \gset
\if not :ended
  \refuse
\endif
\sleep :gap us
UPDATE leases SET holder = :agent, expires_at = now() + interval '1 minute', token = token + 1
WHERE id = :key AND token = :seen;
\if :ROW_COUNT = 0
  \refuse
\endif
\set token :seen + 1
