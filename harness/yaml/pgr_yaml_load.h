/* The values of a YAML text by a schema of libcyaml's, and what is wrong with it, with its places. Pure. */
#ifndef PGR_YAML_LOAD_H
#define PGR_YAML_LOAD_H

#include "pgr_mem.h"
#include "pgr_yaml.h"
#include <cyaml/cyaml.h>

enum { PGR_YAML_HINT_BYTES = 400, PGR_YAML_FIELDS_MAX = 23 /* of a mapping */ };

/* "did you mean 'x'?", or else what there is. names: NULL-ended. Returns out. */
const char *pgr_yaml_hint(char out[PGR_YAML_HINT_BYTES], const char *text, const char *const *names);

/* A mapping whose keys are something that has a name, and of which it needs one. */
typedef struct pgr_yaml_noun {
  const cyaml_schema_field_t *fields;
  const char *noun, *example; /* "isolation level", "write it like {read committed: safe}" */
} pgr_yaml_noun;

/* schema: of mappings (PGR_YAML_FIELDS_MAX), lists and texts; nothing else. what: "the scenario". noun: NULL where
 * there is none. Returns libcyaml's struct, all of it in the arena; NULL: the text has not that shape, or there is no
 * memory; faults were added, all that there are. */
void *pgr_yaml_load(pgr_yaml *y, const cyaml_schema_value_t *schema, const char *what, const pgr_yaml_noun *noun,
                    pgr_arena *arena, pgr_faults *faults) PGR_MUST_CHECK;

#endif
