/* YAML as a tree that knows where everything stands, bounded before anything is built of it. Pure. */
#ifndef PGR_YAML_H
#define PGR_YAML_H

#include "pgr_fault.h"
#include <yaml.h>

typedef struct pgr_yaml {
  const pgr_source *source; /* borrowed */
  yaml_document_t document;
  bool open;
} pgr_yaml;

enum { PGR_YAML_DEPTH_MAX = 16 };

/* Adds a fault for the first byte that is no text: NUL, or not UTF-8. bytes: what source->text really has; on a NUL
 * source->len_bytes is cut there. false: there was one. */
bool pgr_text_check(pgr_source *source, size_t bytes, pgr_faults *faults) PGR_MUST_CHECK;

/* what: of one file there is one: "scenario". false: it is not YAML, or more YAML than we use (aliases, tags, depth);
 * faults were added. */
bool pgr_yaml_open(pgr_yaml *y, const pgr_source *source, const char *what, pgr_faults *faults) PGR_MUST_CHECK;
void pgr_yaml_close(pgr_yaml *y);

/* The value at a path like "strategies[2].isolation.serializable", "" for the whole; NULL when there is none. key: of
 * the last step, NULL for a list's item; may be NULL. */
yaml_node_t *pgr_yaml_find(pgr_yaml *y, const char *path, yaml_node_t **key);

pgr_place_in pgr_yaml_place(const pgr_yaml *y, const yaml_node_t *node);

/* Where the byte at `offset` of a scalar's value stands in the YAML, whatever the scalar's style. */
size_t pgr_yaml_offset(const pgr_yaml *y, const yaml_node_t *scalar, size_t offset);

#endif
