SELECT sold < stock AS available FROM products WHERE id = :key \gset
\if not :available
  \refuse
\endif
\sleep :gap us
UPDATE products SET sold = sold + 1 WHERE id = :key;
