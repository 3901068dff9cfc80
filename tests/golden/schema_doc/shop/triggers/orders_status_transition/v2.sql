CREATE OR REPLACE FUNCTION orders_status_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN -- version 2
  RAISE EXCEPTION USING ERRCODE = '23514', MESSAGE = 'An order takes one step at a time.', CONSTRAINT = 'orders_status_transition';
END
$$;
COMMENT ON FUNCTION orders_status_transition() IS 'Trigger orders_status_transition on shop.orders.';
CREATE OR REPLACE TRIGGER orders_status_transition BEFORE UPDATE ON shop.orders FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status AND (OLD.status, NEW.status) IN (('open', 'claimed'), ('claimed', 'delivered'), ('claimed', 'open')) IS NOT TRUE
    OR OLD.courier_id <> NEW.courier_id)
  EXECUTE FUNCTION orders_status_transition();
CREATE OR REPLACE TRIGGER orders_status_transition_insert BEFORE INSERT ON shop.orders FOR EACH ROW
  WHEN (NEW.status IS DISTINCT FROM 'open') EXECUTE FUNCTION orders_status_transition();
COMMENT ON TRIGGER orders_status_transition ON shop.orders IS 'Version 2: one step at a time.';
