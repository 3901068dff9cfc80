/* Variables. Names are settled while scripts are parsed: each gets a slot that all scripts of a scenario share, and an
 * agent's variables are an array of slots. A variable that no script refers to has no slot and need not be kept. */
#ifndef PGR_VARS_H
#define PGR_VARS_H

#include "pgr_mem.h"
#include "pgr_value.h"
#include <stddef.h>

/* X(slot, name): those pgrace sets itself; their slots are the same everywhere. */
#define PGR_PRESETS(X)                                                                                                 \
  X(PGR_SLOT_KEY, "key")               /* the contested key of the round */                                            \
  X(PGR_SLOT_AGENT, "agent")           /* from 1 */                                                                    \
  X(PGR_SLOT_CONTENDER, "contender")   /* place in the round, from 1 */                                                \
  X(PGR_SLOT_CONTENDERS, "contenders") /* how many there are in a round */                                             \
  X(PGR_SLOT_AGENTS, "agents")         /* how many there are in all */                                                 \
  X(PGR_SLOT_ROUND, "round")           /* from 1 */                                                                    \
  X(PGR_SLOT_GAP, "gap")               /* --gap in microseconds, for \sleep :gap us */                                 \
  X(PGR_SLOT_FIRST_KEY, "first_key")   /* seed only: keys to make */                                                   \
  X(PGR_SLOT_LAST_KEY, "last_key")                                                                                     \
  X(PGR_SLOT_ROW_COUNT, "ROW_COUNT")         /* after each statement, as in psql */                                    \
  X(PGR_SLOT_ERROR, "ERROR")                 /* whether the last statement failed, as in psql */                       \
  X(PGR_SLOT_SQLSTATE, "SQLSTATE")           /* of the last statement, "00000" without an error, as in psql */         \
  X(PGR_SLOT_ON_ERROR_STOP, "ON_ERROR_STOP") /* false: the script goes on after an error, as in psql */                \
  X(PGR_SLOT_CLIENT_ID, "client_id")         /* agent - 1; these four as in pgbench */                                 \
  X(PGR_SLOT_SCALE, "scale")                                                                                           \
  X(PGR_SLOT_DEFAULT_SEED, "default_seed")                                                                             \
  X(PGR_SLOT_RANDOM_SEED, "random_seed")

enum {
#define PGR_PRESET_ENUM(slot, name) slot,
  PGR_PRESETS(PGR_PRESET_ENUM)
#undef PGR_PRESET_ENUM
      PGR_PRESET_COUNT
};

enum { PGR_NAMES_MAX = 1024, PGR_NAME_BYTES_MAX = 256 };

/* Immutable, hence shared by all threads, once the last script is parsed. */
typedef struct pgr_names {
  pgr_arena *arena; /* borrowed */
  const char **at;  /* by slot; owned */
  size_t count, cap;
  uint32_t named; /* bit for each preset that some script names; what nobody reads need not be set */
  bool free;      /* scripts may set what pgrace sets, too: those that are not written for it */
} pgr_names;

/* With the presets in their slots. Errors: PGR_ENOMEM. */
pgr_code pgr_names_init(pgr_names *n, pgr_arena *arena) PGR_MUST_CHECK;
void pgr_names_deinit(pgr_names *n);

/* The slot of a name, made when it is new. -1: no memory, PGR_NAMES_MAX was reached, or the name is empty or longer
 * than PGR_NAME_BYTES_MAX. Case matters. */
int pgr_names_intern(pgr_names *n, const char *name, size_t len_bytes) PGR_MUST_CHECK;
/* -1 when nothing refers to it. */
int pgr_names_find(const pgr_names *n, const char *name, size_t len_bytes);

/* Whether a variable may be called that: [A-Za-z_\x80-\xFF] [A-Za-z0-9_\x80-\xFF]*. */
bool pgr_name_is_valid(const char *name, size_t len_bytes);

typedef enum pgr_var_state { PGR_VAR_UNSET, PGR_VAR_TEXT, PGR_VAR_TYPED } pgr_var_state;

/* Two in a cache line. */
typedef struct pgr_var {
  pgr_var_state state;
  uint32_t cap;    /* of text */
  pgr_value value; /* TYPED; TEXT that was read once stays TEXT: its text is what is sent */
  char *text;      /* TEXT; owned, kept for the next one */
} pgr_var;

/* One agent's. Owning thread only. */
typedef struct pgr_vars {
  pgr_var *slots;
  size_t count;
} pgr_vars;

pgr_code pgr_vars_init(pgr_vars *v, size_t count) PGR_MUST_CHECK;
void pgr_vars_deinit(pgr_vars *v);
void pgr_vars_clear(pgr_vars *v, int from); /* all from that slot on are unset */

void pgr_vars_set(pgr_vars *v, int slot, pgr_value value);
void pgr_vars_set_int(pgr_vars *v, int slot, int64_t i);
/* Errors: PGR_ENOMEM, unchanged. text: copied. */
pgr_code pgr_vars_set_text(pgr_vars *v, int slot, const char *text) PGR_MUST_CHECK;

/* The text form; NULL when it is unset. Borrowed: from the variable or from scratch. */
const char *pgr_vars_text(const pgr_vars *v, int slot, char scratch[PGR_VALUE_BYTES]);

/* What an expression sees. name: for the message. Errors: PGR_EUSAGE (unset: "undefined variable", or malformed). */
pgr_code pgr_vars_value(const pgr_vars *v, int slot, const char *name, pgr_value *out, pgr_err *err) PGR_MUST_CHECK;

#endif
