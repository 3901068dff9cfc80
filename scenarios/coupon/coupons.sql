CREATE TABLE coupons (
  id   bigint  PRIMARY KEY,
  used boolean NOT NULL DEFAULT false
);
CREATE TABLE redemptions (
  coupon_id bigint NOT NULL REFERENCES coupons (id),
  customer  bigint NOT NULL
);
CREATE INDEX ON redemptions (coupon_id);
