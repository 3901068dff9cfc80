BEGIN;
SELECT count(*) >= 2 AS enough FROM doctors WHERE shift_id = :key AND on_call \gset
\if not :enough
  \refuse
\endif
\sleep :gap us
UPDATE doctors SET on_call = false WHERE shift_id = :key AND doctor = :contender;
COMMIT;
