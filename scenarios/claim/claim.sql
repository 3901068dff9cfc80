SELECT texter_id IS NULL AS free FROM conversations WHERE id = :key \gset
\if not :free
  \refuse
\endif
\sleep :gap us
UPDATE conversations SET texter_id = :agent WHERE id = :key;
