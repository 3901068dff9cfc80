UPDATE products SET sold = sold + 1 WHERE id = :key AND sold < stock;
\if :ROW_COUNT = 0
  \refuse
\endif
