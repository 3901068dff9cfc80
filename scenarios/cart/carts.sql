CREATE TABLE carts (
  id bigint PRIMARY KEY
);
CREATE TABLE orders (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cart_id bigint NOT NULL REFERENCES carts (id),
  total   bigint NOT NULL
);
CREATE TABLE items (
  cart_id  bigint NOT NULL REFERENCES carts (id),
  price    bigint NOT NULL,
  order_id bigint REFERENCES orders (id)
);
CREATE INDEX ON items (cart_id);
COMMENT ON COLUMN items.order_id IS 'NULL while it is in the cart.';
