-- At REPEATABLE READ the count that follows is as old as the start of this lock's wait.
BEGIN;
SELECT id FROM shifts WHERE id = :key FOR UPDATE;
SELECT count(*) >= 2 AS enough FROM doctors WHERE shift_id = :key AND on_call \gset
\if not :enough
  \refuse
\endif
\sleep :gap us
UPDATE doctors SET on_call = false WHERE shift_id = :key AND doctor = :contender;
COMMIT;
