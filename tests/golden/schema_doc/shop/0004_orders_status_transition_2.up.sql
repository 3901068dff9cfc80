\ir triggers/orders_status_transition/v2.sql
