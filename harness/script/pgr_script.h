/* A script: a list of commands in pgbench's language, parsed once, immutable, shared by all threads. Pure.
 * docs/scenarios.md is the reference for users; what is not pgbench's: PGR_COMMAND_REFUSE, some presets of pgr_vars.h.
 */
#ifndef PGR_SCRIPT_H
#define PGR_SCRIPT_H

#include "pgr_expr.h"

typedef enum pgr_command_kind {
  PGR_COMMAND_SQL,
  PGR_COMMAND_SET,
  PGR_COMMAND_IF,
  PGR_COMMAND_ELIF,
  PGR_COMMAND_ELSE,
  PGR_COMMAND_ENDIF,
  PGR_COMMAND_SLEEP,
  PGR_COMMAND_SHELL,
  PGR_COMMAND_SETSHELL,
  PGR_COMMAND_STARTPIPELINE,
  PGR_COMMAND_ENDPIPELINE,
  PGR_COMMAND_REFUSE /* ours: the operation ends `refused`; an open transaction is rolled back */
} pgr_command_kind;

/* Text with variables in it: pieces alternate, literal text first (perhaps empty), and end with literal text. */
typedef struct pgr_template {
  const char **literals; /* var_count + 1, NUL-terminated */
  const uint16_t *slots; /* var_count */
  int var_count;
} pgr_template;

typedef enum pgr_keep { PGR_KEEP_NOTHING, PGR_KEEP_GSET, PGR_KEEP_ASET } pgr_keep;

typedef struct pgr_sql {
  pgr_template text;    /* simple protocol: known variables are pasted, unknown names stay as ":name" */
  const char *numbered; /* extended and prepared protocols: $1 … $n, one for each occurrence */
  pgr_keep keep;        /* what becomes of the rows */
  const char *prefix;   /* of the variables \gset and \aset set; "" without one */
  int statement_count;  /* more than one: a \; compound, one simple-protocol message */
  int index;            /* among the script's SQL commands, from 0 */
} pgr_sql;

typedef struct pgr_command {
  pgr_command_kind kind;
  pgr_place_in at; /* its first character */
  size_t offset;   /* the same, in bytes from the script's start; error positions: pgr_sql_source_offset */
  /* IF, ELIF: where a false condition goes on (an ELIF, ELSE or ENDIF of the same \if); all of the \if: its ENDIF. */
  int otherwise, end;
  int slot;              /* SET, SETSHELL: the variable; SLEEP: where the time is, or -1 */
  const pgr_expr *expr;  /* SET, IF, ELIF */
  pgr_sql sql;           /* SQL */
  int64_t sleep_ns;      /* SLEEP without a variable */
  int64_t sleep_unit_ns; /* SLEEP with a variable */
  pgr_template *words;   /* SHELL, SETSHELL: the command's words */
  int word_count;
} pgr_command;

typedef struct pgr_script {
  pgr_source source; /* in the arena */
  const pgr_command *commands;
  int count;
  int sql_count; /* SQL commands */
  bool uses_shell;
  bool uses_pipeline; /* needs the extended or prepared protocol */
} pgr_script;

enum {
  PGR_SCRIPT_BYTES_MAX = 1 << 20,
  PGR_SCRIPT_COMMANDS_MAX = 1000,
  PGR_SQL_VARS_MAX = 255, /* pgbench's, as the next two */
  PGR_META_ARGS_MAX = 255,
  PGR_SHELL_BYTES_MAX = 256,
  PGR_IF_DEPTH_MAX = 64,
  PGR_SLEEP_US_MAX = INT32_MAX /* pgbench's, where more overflows */
};

/* Text and name of `source` are copied into the arena. Names are interned. All faults of the script are added, not only
 * the first, as far as the parser can go on. false: there was one; *out unchanged. */
bool pgr_script_parse(const pgr_source *source, pgr_names *names, pgr_arena *arena, pgr_faults *faults,
                      const pgr_script **out) PGR_MUST_CHECK;

/* Where in the script a server's error position lies: bytes from the start of source->text, for pgr_place_at.
 * position: of a character of `numbered`, from 0 (the server counts from 1). Past the end: the end of the command. */
size_t pgr_sql_source_offset(const pgr_command *c, const pgr_script *s, size_t position);

/* The same for a position in the text that pgr_template_fill made of c->sql.text from the same vars. */
size_t pgr_sql_filled_offset(const pgr_command *c, const pgr_script *s, const pgr_names *names, const pgr_vars *vars,
                             size_t position);

/* A place where a script reads a variable. */
typedef struct pgr_use {
  const pgr_command *command;
  int slot;
  size_t offset; /* of its colon, in bytes from the script's start */
  char inside;   /* in SQL: ' or " or $ for such a quote, - for a comment, or NUL for none of them */
} pgr_use;

/* Visits all of them in order: in SQL, expressions, \sleep and the words of \shell and \setshell. names: those the
 * script was parsed with. false: no memory. */
bool pgr_script_each_use(const pgr_script *s, const pgr_names *names, void (*visit)(void *user, const pgr_use *use),
                         void *user) PGR_MUST_CHECK;

/* One text without commands (a seed, an invariant): variables by the rules of the simple protocol. NULL: no memory or
 * too many variables (a fault was added). */
bool pgr_template_parse(const pgr_source *source, pgr_names *names, pgr_arena *arena, pgr_faults *faults,
                        pgr_template *out) PGR_MUST_CHECK;

/* Appends the text with the values of vars: unset variables stay as ":name". */
void pgr_template_fill(const pgr_template *t, const pgr_names *names, const pgr_vars *vars, pgr_buf *out);

/* For reading only: "SELECT  x\n FROM y;" becomes "SELECT x FROM y", in place. */
void pgr_statement_squeeze(char *text);

#endif
