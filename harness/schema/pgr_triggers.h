/* The triggers of a folder: triggers/NAME/ holds trigger.yaml, which declares it, and its versions v1.sql, v2.sql …
 * Main thread. */
#ifndef PGR_TRIGGERS_H
#define PGR_TRIGGERS_H

#include "pgr_migrations.h"
#include "pgr_objects.h"
#include "pgr_rule.h"

enum { PGR_TRIGGERS_MAX = 1000, PGR_VERSIONS_MAX = 999 };

typedef struct pgr_version {
  int number;
  pgr_source source;   /* name: the folder's, and where in it the file really is, whatever link leads there */
  pgr_objects objects; /* what it makes; nothing when it cannot be parsed, and then there was a fault */
} pgr_version;

typedef struct pgr_trigger {
  const char *name;       /* of the folder */
  pgr_source declaration; /* trigger.yaml */
  pgr_rule rule;          /* as declared there; column_count 0 where it has none, then message is what is declared,
                           * else what the latest version raises, else "" */
  pgr_version *versions;  /* by number, without gaps from 1 */
  size_t version_count;   /* >= 1 */
} pgr_trigger;

typedef struct pgr_triggers {
  const char *folder; /* of the migrations, as given */
  pgr_trigger *items; /* by name */
  size_t count;
  pgr_arena arena;
} pgr_triggers;

/* No triggers/ is no error: there are none. Links are followed, but what lies outside of the folder is not read. Adds
 * faults with their places: YAML, keys, the rule's grammar, what cannot be read, gaps between versions, SQL that does
 * not parse, a trigger or function that the latest version does not make (its table may be another one: then a next
 * version is to come), a function of two triggers, unless both are by hand and one only executes it. out: to be given
 * to pgr_triggers_deinit in any case. Errors: PGR_EUSAGE (no such folder), PGR_ENOMEM, PGR_ELIMIT, PGR_EENVIRONMENT. */
pgr_code pgr_triggers_read(const char *folder, pgr_triggers *out, pgr_faults *faults, pgr_err *err) PGR_MUST_CHECK;
void pgr_triggers_deinit(pgr_triggers *t);

const pgr_trigger *pgr_triggers_find(const pgr_triggers *t, const char *name); /* NULL: none */
const pgr_version *pgr_trigger_latest(const pgr_trigger *t);
/* The trigger as the latest version makes it, when that is on another table than trigger.yaml declares; else NULL. */
const pgr_made_trigger *pgr_trigger_elsewhere(const pgr_trigger *t);
/* The trigger and version whose file a migration's part is; false: it is none. */
bool pgr_triggers_of_part(const pgr_triggers *t, const pgr_source *part, const pgr_trigger **trigger,
                          const pgr_version **version);

/* trigger.yaml read from a text, for what is no file yet and for tests. name: of the folder. NULL: faults were added.
 * Texts are in the arena. */
const pgr_rule *pgr_trigger_declaration_read(const pgr_source *source, const char *name, pgr_arena *arena,
                                             pgr_faults *faults) PGR_MUST_CHECK;
/* Appends a trigger.yaml that reads as this rule. */
void pgr_trigger_declaration_write(const pgr_rule *rule, pgr_buf *out);

#endif
