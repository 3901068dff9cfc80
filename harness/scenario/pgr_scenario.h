/* A scenario: one race worth studying, as its author wrote it down: a YAML file and the scripts beside it.
 * docs/scenarios.md is the reference for authors. Immutable once loaded, hence shared by all threads. Pure: files come
 * through a reader that the caller supplies. */
#ifndef PGR_SCENARIO_H
#define PGR_SCENARIO_H

#include "pgr_script.h"
#include "pgr_verdict.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  PGR_OPERATIONS_MAX = 8,
  PGR_STRATEGIES_MAX = 32,
  PGR_INVARIANTS_MAX = 8,
  PGR_REJECTIONS_MAX = 8,
  PGR_RETRIES_MAX = 8,
  PGR_INSTALLS_MAX = 16,
  PGR_IGNORED_MAX = 32,
  PGR_VARIABLES_MAX = 32,
  PGR_LIMITS_MAX = 16,
  PGR_VARIABLE_BYTES_MAX = 256, /* of a variable's default */
  PGR_YAML_BYTES_MAX = 256 << 10,
  PGR_SQL_BYTES_MAX = 8 << 20 /* a schema, install or script file; a script has a lower limit of its own */
};

typedef enum pgr_isolation {
  PGR_READ_COMMITTED,
  PGR_REPEATABLE_READ,
  PGR_SERIALIZABLE,
  PGR_ISOLATION_COUNT
} pgr_isolation;

/* "read committed", "repeatable read", "serializable": PostgreSQL's own names, in scenario files too. */
const char *pgr_isolation_name(pgr_isolation i);

typedef enum pgr_protocol { PGR_PROTOCOL_SIMPLE, PGR_PROTOCOL_EXTENDED, PGR_PROTOCOL_PREPARED } pgr_protocol;

/* "simple", "extended", "prepared" */
const char *pgr_protocol_name(pgr_protocol p);

/* How long an operation keeps its connection; PgBouncer's names. */
typedef enum pgr_pool_mode {
  PGR_POOL_TRANSACTION, /* while a transaction or a pipeline is open, else for one statement */
  PGR_POOL_SESSION      /* from its first statement to its end */
} pgr_pool_mode;

/* "transaction", "session" */
const char *pgr_pool_mode_name(pgr_pool_mode m);

/* When an agent of the round runs an operation. */
typedef enum pgr_when {
  PGR_WHEN_START, /* the barrier lets the round's agents go; several such operations are dealt to them in turn */
  PGR_WHEN_AFTER, /* right after the same agent's `after` ended ok */
  PGR_WHEN_END    /* all agents are done; by the agents whose `after` ended ok, or by the first one without `after` */
} pgr_when;

typedef struct pgr_operation {
  const char *name;
  pgr_when when;
  int after; /* index of an operation before it, or -1 */
} pgr_operation;

/* At most `capacity` agents own a key at once; who owns is told by operations that end ok. */
typedef struct pgr_ownership {
  bool declared;
  const char *name;     /* of the rule, for people: "one owner a conversation" */
  int acquire, release; /* operations; release -1: owned for ever */
  int64_t capacity;     /* >= 1 */
} pgr_ownership;

/* SQL that returns a row for each key that breaks a rule; its column "key" says which. */
typedef struct pgr_invariant {
  const char *name;   /* what must hold, for people: "balance is never negative" */
  pgr_template sql;   /* presets: contenders, agents */
  bool needs_history; /* it reads pgrace_history */
} pgr_invariant;

/* An error the application expects: the operation ends `rejected`. */
typedef struct pgr_rejection {
  char sqlstate[6];
  const char *constraint;      /* NULL: any */
  const char *field, *message; /* what the application shows, and where; NULL when it says nothing */
} pgr_rejection;

/* What is done again. */
typedef enum pgr_again {
  PGR_AGAIN_OPERATION,   /* roll back, run the script from its beginning: pgbench's way */
  PGR_AGAIN_TRANSACTION, /* roll back, go back to the BEGIN (or the statement, outside a transaction) */
  PGR_AGAIN_STATEMENT    /* send the failed statement once more, whatever became of its transaction */
} pgr_again;

/* A pause is drawn from 0 … min(backoff * 2^(tries-1), max_backoff).
 * Source: "full jitter", M. Brooker, "Exponential Backoff And Jitter", 2015. */
typedef struct pgr_retry {
  char sqlstate[6];
  int attempts; /* tries in all, >= 1; what fails in the last one is rejected if it is declared so, else failed */
  int64_t backoff_ns, max_backoff_ns;
  pgr_again again;
} pgr_retry;

typedef struct pgr_strategy {
  const char *name, *summary;
  int line;                                     /* of its place in the scenario's YAML, from 1; 0: not known, or none */
  const pgr_source *installs[PGR_INSTALLS_MAX]; /* SQL files, after the schema, in order */
  int install_count;
  const pgr_script *scripts[PGR_OPERATIONS_MAX]; /* by operation: its own, or the scenario's */
  struct {
    bool runs;
    pgr_expect expect;
  } at[PGR_ISOLATION_COUNT];
  pgr_isolation first;                /* the level it lists first: what runs when nobody asks for another */
  bool sampled_rarely;                /* its race lies inside one statement: pgrace run can hardly show it */
  pgr_retry retries[PGR_RETRIES_MAX]; /* its own, then the scenario's; the first that fits counts */
  int retry_count;
} pgr_strategy;

/* A variable that the user may set, and what it holds when he does not. */
typedef struct pgr_variable {
  int slot; /* a script reads it */
  const char *text;
} pgr_variable;

/* What pgrace bench must keep to ("claim.ok.p99 < 5ms"), not yet understood, and where it is written. */
typedef struct pgr_limit {
  const char *text;
  pgr_place_in at;
} pgr_limit;

typedef struct pgr_scenario {
  const char *name;   /* the file's, without folder and .yaml */
  pgr_source source;  /* the YAML */
  const char *title;  /* "agents claim one conversation" */
  const char *lesson; /* what the reader should learn */
  const char *see;    /* where the anomaly is described; NULL */
  const char *broken; /* what a violation means to the people concerned, one sentence; NULL */
  struct {
    const char *name; /* "conversation" */
    int64_t first, last;
  } key;
  pgr_protocol protocol;
  pgr_pool_mode pool_mode;
  const pgr_source *schema[PGR_INSTALLS_MAX]; /* SQL files, in order */
  int schema_count;
  pgr_template seed;  /* makes the rows of keys :first_key … :last_key */
  pgr_template reset; /* back to before the seed; var_count 0 and "" : truncate every table */
  bool has_seed, has_reset;
  const char *ignored[PGR_IGNORED_MAX]; /* "table.column": differs by nature, not compared */
  int ignored_count;
  pgr_variable variables[PGR_VARIABLES_MAX];
  int variable_count;
  pgr_operation operations[PGR_OPERATIONS_MAX];
  int operation_count;
  pgr_ownership ownership;
  pgr_invariant invariants[PGR_INVARIANTS_MAX];
  int invariant_count;
  pgr_rejection rejections[PGR_REJECTIONS_MAX];
  int rejection_count;
  pgr_strategy strategies[PGR_STRATEGIES_MAX];
  int strategy_count;
  int compare[PGR_STRATEGIES_MAX]; /* strategies that run when nobody asks for others */
  int compare_count;
  pgr_limit limits[PGR_LIMITS_MAX]; /* `thresholds`; of one line each */
  int limit_count;
  bool uses_shell;
  pgr_names names;
  pgr_arena arena;
} pgr_scenario;

/* Reads a file for the loader. path: as written in the scenario, resolved against its folder. false: it is not there or
 * cannot be read; why: one clause, "no such file". *text: NUL-terminated, from pgr_calloc, the loader's from then on.
 */
typedef struct pgr_reader {
  bool (*read)(void *user, const char *path, char **text, size_t *len_bytes, char why[128]);
  void *user;
} pgr_reader;

/* path: of the YAML. On faults (all that can be found are added) or without memory returns NULL. The caller owns the
 * scenario. */
pgr_scenario *pgr_scenario_load(const char *path, const pgr_reader *reader, pgr_faults *faults) PGR_MUST_CHECK;

/* Scripts without a scenario, as pgbench takes them: each an operation that starts, called after its file (the second
 * "transfer" is "transfer-2"); one strategy, "script", at READ COMMITTED; simple protocol, a connection for a whole
 * operation; no rules, no retries, no seed. Whether variables get a value is not checked: -D may set any. script_count:
 * 1 … PGR_OPERATIONS_MAX. schema: SQL files, may be 0. Otherwise as pgr_scenario_load. */
pgr_scenario *pgr_scenario_bare(const char *const *scripts, int script_count, const char *const *schema,
                                int schema_count, const pgr_reader *reader, pgr_faults *faults) PGR_MUST_CHECK;
void pgr_scenario_destroy(pgr_scenario *s);

/* NULL when there is no strategy of that name. */
const pgr_strategy *pgr_scenario_strategy(const pgr_scenario *s, const char *name);

/* The declared rejection of an error, or NULL. constraint: NULL or "" when the error names none. */
const pgr_rejection *pgr_scenario_rejection(const pgr_scenario *s, const char *sqlstate, const char *constraint);
/* The retry of an error, or NULL. */
const pgr_retry *pgr_strategy_retry(const pgr_strategy *s, const char *sqlstate);

/* The operation a scenario is mostly about: the ownership's acquire, else the first. */
int pgr_scenario_main_operation(const pgr_scenario *s);

/* Offline checks of every statement's SQL by PostgreSQL's own parser (libpg_query, PostgreSQL 15): adds faults with the
 * place in the script, the SQL file or the YAML. Nor does an invariant pass that is no query or surely has no column
 * "key". With the simple protocol a variable may stand for anything, a name too, so what could be right passes.
 * Thread: the only one; while it parses, libpg_query has standard error point elsewhere. */
void pgr_scenario_check_sql(const pgr_scenario *s, pgr_faults *faults);

#endif
