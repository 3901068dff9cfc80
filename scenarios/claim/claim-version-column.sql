SELECT texter_id IS NULL AS free, version FROM conversations WHERE id = :key \gset
\if not :free
  \refuse
\endif
\sleep :gap us
UPDATE conversations SET texter_id = :agent, version = version + 1 WHERE id = :key AND version = :version;
\if :ROW_COUNT = 0
  \refuse
\endif
