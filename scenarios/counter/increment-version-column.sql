SELECT value, version FROM counters WHERE id = :key \gset
\sleep :gap us
\set next :value + 1
UPDATE counters SET value = :next, version = version + 1 WHERE id = :key AND version = :version;
\if :ROW_COUNT = 0
  \refuse
\endif
