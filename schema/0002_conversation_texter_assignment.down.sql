DROP TRIGGER IF EXISTS conversation_texter_assignment_constraint ON conversations;
DROP FUNCTION IF EXISTS check_texter_update();
