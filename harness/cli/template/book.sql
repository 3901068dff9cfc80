-- Check, then use. The language is pgbench's, see docs/scenarios.md; :agent is the number of the customer.
SELECT customer IS NULL AS free FROM seats WHERE id = :key \gset
\if not :free
  \refuse
\endif
-- Time to think, between check and use: pgrace run --gap 5ms. None is needed to see the race.
\sleep :gap us
UPDATE seats SET customer = :agent WHERE id = :key;
INSERT INTO tickets (seat_id, customer) VALUES (:key, :agent);
