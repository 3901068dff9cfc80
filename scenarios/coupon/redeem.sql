SELECT count(*) = 0 AS unused FROM redemptions WHERE coupon_id = :key \gset
\if not :unused
  \refuse
\endif
\sleep :gap us
INSERT INTO redemptions (coupon_id, customer) VALUES (:key, :agent);
