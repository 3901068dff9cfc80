ALTER TABLE redemptions ADD CONSTRAINT redemptions_coupon_once UNIQUE (coupon_id);
