INSERT INTO items (cart_id, price) VALUES (:key, 10);
