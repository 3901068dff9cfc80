SELECT expires_at <= now() AS ended FROM leases WHERE id = :key \gset
\if not :ended
  \refuse
\endif
\sleep :gap us
UPDATE leases SET holder = :agent, expires_at = now() + interval '1 minute' WHERE id = :key;
