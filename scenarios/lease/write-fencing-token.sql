-- A holder that slept past the end of its lease, and writes when another has written, is refused here, nowhere else.
UPDATE documents SET authors = array_append(authors, :agent), token = :token WHERE id = :key AND token <= :token;
\if :ROW_COUNT = 0
  \refuse
\endif
