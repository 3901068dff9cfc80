CREATE TABLE products (
  id    bigint PRIMARY KEY,
  stock bigint NOT NULL,
  sold  bigint NOT NULL DEFAULT 0
);
CREATE TABLE pieces (
  product_id bigint NOT NULL REFERENCES products (id),
  piece      bigint NOT NULL,
  customer   bigint,
  PRIMARY KEY (product_id, piece)
);
CREATE TABLE orders (
  product_id bigint NOT NULL REFERENCES products (id),
  customer   bigint NOT NULL
);
