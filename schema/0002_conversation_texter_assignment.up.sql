-- A conversation's texter may be set and unset, but never changed from one texter to another.
\ir triggers/conversation_texter_assignment_constraint/v1.sql
