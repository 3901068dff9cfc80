UPDATE accounts SET balance = balance - 60 WHERE id = :key AND balance >= 60;
\if :ROW_COUNT = 0
  \refuse
\endif
