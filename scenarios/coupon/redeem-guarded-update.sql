BEGIN;
UPDATE coupons SET used = true WHERE id = :key AND NOT used;
\if :ROW_COUNT = 0
  \refuse
\endif
INSERT INTO redemptions (coupon_id, customer) VALUES (:key, :agent);
COMMIT;
