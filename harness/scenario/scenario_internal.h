/* What the files of this module share while a scenario is loaded. */
#ifndef PGR_SCENARIO_INTERNAL_H
#define PGR_SCENARIO_INTERNAL_H

#include "pgr_scenario.h"
#include "pgr_yaml_load.h"

/* ---- shape.c: the text as libcyaml loads it; every text in the arena, none NULL unless optional ---- */

typedef struct pgr__raw_operation {
  char *name, *script, *after, *when;
} pgr__raw_operation;

typedef struct pgr__raw_invariant {
  char *rule, *sql;
} pgr__raw_invariant;

typedef struct pgr__raw_rejection {
  char *sqlstate, *constraint, *field, *message;
} pgr__raw_rejection;

typedef struct pgr__raw_retry { /* its sqlstate may be a text or a list, which libcyaml cannot say: read from the tree
                                 */
  char *attempts, *backoff, *max_backoff, *again;
} pgr__raw_retry;

typedef struct pgr__raw_isolation {
  char *at[PGR_ISOLATION_COUNT];
} pgr__raw_isolation;

typedef struct pgr__raw_strategy { /* its scripts are named by the author: read from the tree */
  char *name, *summary, *sampled;
  char **install;
  pgr__raw_retry *retries;
  pgr__raw_isolation isolation;
  unsigned install_count, retry_count;
} pgr__raw_strategy;

typedef struct pgr__raw_key {
  char *name, *first, *last;
} pgr__raw_key;

typedef struct pgr__raw_ownership {
  char *rule, *acquire, *release, *capacity;
} pgr__raw_ownership;

typedef struct pgr__raw {
  char *title, *lesson, *see, *broken, *seed, *reset, *protocol, *pool_mode;
  char **schema, **ignore, **compare, **thresholds;
  pgr__raw_key key;
  pgr__raw_ownership ownership;
  pgr__raw_operation *operations;
  pgr__raw_invariant *invariants;
  pgr__raw_rejection *rejections;
  pgr__raw_retry *retries;
  pgr__raw_strategy *strategies;
  unsigned schema_count, ignore_count, compare_count, operation_count, invariant_count, rejection_count, retry_count,
      strategy_count, threshold_count;
} pgr__raw;

/* NULL: it has not the shape of a scenario; faults were added. */
const pgr__raw *pgr__shape_load(pgr_yaml *y, pgr_arena *arena, pgr_faults *faults) PGR_MUST_CHECK;

/* ---- the loader ---- */

typedef struct pgr__load {
  pgr_scenario *s;
  const pgr_reader *reader;
  pgr_faults *faults;
  pgr_yaml yaml;
  const pgr__raw *raw;
  struct pgr__file *files; /* read so far */
  bool variables_unsure;   /* one of `variables` has a fault: what they are is not known */
  bool bare;               /* no YAML: what is wrong with a file is told of the file itself */
} pgr__load;

/* The place of a value, or of its key, for a fault about it. Where there is no such value, of what it would be in. */
pgr_place_in pgr__at(pgr__load *l, const char *path_format, ...) PGR_PRINTF(2, 3);
pgr_place_in pgr__key_at(pgr__load *l, const char *path_format, ...) PGR_PRINTF(2, 3);

/* ---- text.c: single values; each adds a fault at `at` and gives false when the value will not do ---- */

enum { PGR__NAME_BYTES_MAX = 63 };

/* Whether a name may have it there. */
bool pgr__is_name_byte(char c, bool first);

bool pgr__check_name(pgr__load *l, pgr_place_in at, const char *what, const char *name);
/* One line, without the space at its end (cut off in place). */
bool pgr__check_line(pgr__load *l, pgr_place_in at, const char *what, char *text);
bool pgr__check_sqlstate(pgr__load *l, pgr_place_in at, const char *text, char out[6]);
bool pgr__read_int(pgr__load *l, pgr_place_in at, const char *what, const char *text, int64_t min, int64_t max,
                   int64_t *out);
bool pgr__read_duration(pgr__load *l, pgr_place_in at, const char *what, const char *text, int64_t *out_ns);
/* The index of text in names (NULL-ended), -1 when it is none of them. what: "operation". */
int pgr__choose(pgr__load *l, pgr_place_in at, const char *what, const char *text, const char *const *names);
/* text NULL: no fault, and the default stays. */
void pgr__choose_optional(pgr__load *l, const char *path, const char *what, const char *text, const char *const *names,
                          int *out);

/* ---- files.c ---- */

/* A file of SQL, or of a script, named at `at`; read once however often it is named. NULL: a fault was added. */
const pgr_source *pgr__read_sql(pgr__load *l, pgr_place_in at, const char *written);
const pgr_script *pgr__read_script(pgr__load *l, pgr_place_in at, const char *written);

/* ---- sections of a scenario; each adds its faults and goes on ---- */

void pgr__fill_operations(pgr__load *l); /* operations.c */
void pgr__fill_ownership(pgr__load *l);
void pgr__fill_invariants(pgr__load *l); /* sql.c */
void pgr__fill_seed_and_reset(pgr__load *l);
void pgr__fill_rejections(pgr__load *l); /* errors.c */
/* The retries at `path` ("retries", "strategies[1].retries"), appended to out. */
void pgr__fill_retries(pgr__load *l, const char *path, const pgr__raw_retry *raw, unsigned count, pgr_retry *out,
                       int *out_count);
void pgr__fill_strategies(pgr__load *l); /* strategies.c */
void pgr__fill_compare(pgr__load *l);
void pgr__fill_variables(pgr__load *l); /* variables.c */

/* Whether each variable of the scripts has something that sets it and stands where it is replaced, and each of
 * `variables` is read. After all that is filled. */
void pgr__check_variables(pgr__load *l);

/* The scenario's scripts, each once. NULL-ended; those with a fault are missing, then *all is false. */
typedef struct pgr__scripts_of {
  const pgr_script *at[PGR_STRATEGIES_MAX * PGR_OPERATIONS_MAX + 1];
  bool all;
} pgr__scripts_of;
pgr__scripts_of pgr__scripts(const pgr_scenario *s);

/* The scenario's operation or strategy names, NULL-ended, for pgr__choose. */
typedef struct pgr__names_of {
  const char *at[PGR_STRATEGIES_MAX + 1];
} pgr__names_of;
pgr__names_of pgr__operation_names(const pgr_scenario *s);
pgr__names_of pgr__strategy_names(const pgr_scenario *s);

#endif
