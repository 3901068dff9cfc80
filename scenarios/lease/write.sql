UPDATE documents SET authors = array_append(authors, :agent) WHERE id = :key;
