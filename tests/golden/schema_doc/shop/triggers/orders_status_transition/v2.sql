CREATE OR REPLACE FUNCTION orders_status_transition() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN -- version 2
  RAISE EXCEPTION USING ERRCODE = '23514', MESSAGE = 'An order takes one step at a time.', CONSTRAINT = 'orders_status_transition';
END
$$;
COMMENT ON FUNCTION orders_status_transition() IS 'Trigger orders_status_transition on shop.orders.';
CREATE OR REPLACE TRIGGER orders_status_transition BEFORE UPDATE ON shop.orders FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status AND (OLD.status, NEW.status) IN (('open', 'claimed'), ('claimed', 'delivered'), ('claimed', 'open')) IS NOT TRUE)
  EXECUTE FUNCTION orders_status_transition();
COMMENT ON TRIGGER orders_status_transition ON shop.orders IS 'The status goes from open to claimed and delivered. An order takes one step at a time.';
CREATE OR REPLACE TRIGGER orders_status_transition_set_courier_id BEFORE UPDATE ON shop.orders FOR EACH ROW
  WHEN (OLD.courier_id <> NEW.courier_id) EXECUTE FUNCTION orders_status_transition();
COMMENT ON TRIGGER orders_status_transition_set_courier_id ON shop.orders IS 'One courier fetches it.';
CREATE OR REPLACE TRIGGER orders_status_transition_insert AFTER INSERT ON shop.orders FOR EACH ROW
  WHEN (NEW.status IS DISTINCT FROM 'open') EXECUTE FUNCTION orders_status_transition();
COMMENT ON TRIGGER orders_status_transition_insert ON shop.orders IS 'New orders are open.';
CREATE OR REPLACE TRIGGER orders_status_transition_insert_courier_id AFTER INSERT ON shop.orders FOR EACH ROW
  WHEN (NEW.courier_id < 0) EXECUTE FUNCTION orders_status_transition();
COMMENT ON TRIGGER orders_status_transition_insert_courier_id ON shop.orders IS 'One courier fetches it.';
