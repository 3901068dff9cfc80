\ir triggers/orders_status_transition/v1.sql
