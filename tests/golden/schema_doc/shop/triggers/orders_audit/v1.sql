CREATE OR REPLACE FUNCTION orders_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO shop.changes VALUES (NEW.id, pg_catalog.now(), NEW.status);
  RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER orders_audit AFTER INSERT OR UPDATE OF status ON shop.orders
  FOR EACH ROW EXECUTE FUNCTION orders_audit();
COMMENT ON TRIGGER orders_audit ON shop.orders IS 'Who changed an order, and what became of it, is in shop.changes.';
