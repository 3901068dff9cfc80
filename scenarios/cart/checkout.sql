SELECT coalesce(sum(price), 0) AS total FROM items WHERE cart_id = :key AND order_id IS NULL \gset
\if :total = 0
  \refuse
\endif
\sleep :gap us
INSERT INTO orders (cart_id, total) VALUES (:key, :total) RETURNING id AS order \gset
UPDATE items SET order_id = :order WHERE cart_id = :key AND order_id IS NULL;
