ALTER TABLE accounts ADD CONSTRAINT accounts_not_overdrawn CHECK (balance >= 0);
