\ir triggers/orders_audit/v1.sql
