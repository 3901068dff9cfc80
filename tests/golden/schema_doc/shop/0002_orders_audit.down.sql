DROP TRIGGER orders_audit ON shop.orders;
DROP FUNCTION orders_audit();
