INSERT INTO orders (product_id, customer) VALUES (:key, :agent);
