-- Adding an item checks its foreign key with FOR KEY SHARE on the cart, and so waits for FOR UPDATE. It would not wait
-- for FOR NO KEY UPDATE.
BEGIN;
SELECT id FROM carts WHERE id = :key FOR UPDATE;
SELECT coalesce(sum(price), 0) AS total FROM items WHERE cart_id = :key AND order_id IS NULL \gset
\if :total = 0
  \refuse
\endif
\sleep :gap us
INSERT INTO orders (cart_id, total) VALUES (:key, :total) RETURNING id AS order \gset
UPDATE items SET order_id = :order WHERE cart_id = :key AND order_id IS NULL;
COMMIT;
