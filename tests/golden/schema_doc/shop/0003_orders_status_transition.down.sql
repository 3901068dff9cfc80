DROP TRIGGER orders_status_transition ON shop.orders;
DROP TRIGGER orders_status_transition_insert ON shop.orders;
DROP FUNCTION orders_status_transition();
