CREATE SCHEMA shop;
CREATE TABLE shop.orders (id bigint PRIMARY KEY, status text, courier_id bigint);
CREATE TABLE shop.changes (order_id bigint, changed_at timestamptz, status text);
