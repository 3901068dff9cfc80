-- A conversation's texter may be set and unset, but never changed from one texter to another.
-- The application matches SQLSTATE 23514 and the constraint name, so both are part of the contract.
CREATE OR REPLACE FUNCTION check_texter_update() RETURNS trigger AS $$
BEGIN
  IF OLD.texter_id IS NOT NULL AND NEW.texter_id IS NOT NULL AND NEW.texter_id <> OLD.texter_id THEN
    RAISE EXCEPTION 'Conversation is already assigned to a texter.'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'conversation_texter_assignment_constraint';
  END IF;
  RETURN NEW;
END;
$$ LANGUAGE plpgsql;
COMMENT ON FUNCTION check_texter_update() IS
  'Trigger conversation_texter_assignment_constraint on conversations: texter_id never changes from one texter to another.';

DROP TRIGGER IF EXISTS conversation_texter_assignment_constraint ON conversations;
CREATE TRIGGER conversation_texter_assignment_constraint
  BEFORE UPDATE ON conversations
  FOR EACH ROW EXECUTE FUNCTION check_texter_update();
COMMENT ON TRIGGER conversation_texter_assignment_constraint ON conversations IS
  'Two texters must not own one conversation. Raises 23514; shown as "This conversation is already checked out".';
