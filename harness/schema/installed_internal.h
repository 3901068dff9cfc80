/* What the files that read a database's catalogs share. */
#ifndef PGR_INSTALLED_INTERNAL_H
#define PGR_INSTALLED_INTERNAL_H

#include "pgr_installed.h"

/* A while in which the database is read and nothing of it can change: a transaction of its own, or a part of the one
 * that is open. */
typedef struct pgr__look {
  pgr_db *db;
  bool within; /* the transaction was open before */
} pgr__look;

pgr_code pgr__look_begin(pgr__look *look, pgr_db *db, pgr_err *err) PGR_MUST_CHECK;
/* Ends it whatever happened; returns `code`, or what went wrong now when that is PGR_OK. */
pgr_code pgr__look_end(pgr__look *look, pgr_code code, pgr_err *err) PGR_MUST_CHECK;

/* The table as it is named; "" when there is nothing of that name, or no schema of it. oid: of a relation of any kind.
 * schema NULL: by the search path. */
typedef struct pgr__relation {
  char oid[16], kind;
  bool temporary, system; /* system: the server's own */
} pgr__relation;
pgr_code pgr__relation_find(pgr_db *db, const char *schema, const char *table, pgr__relation *out,
                            pgr_err *err) PGR_MUST_CHECK;

/* A trigger that some version makes. */
typedef struct pgr__found_trigger {
  const pgr_made_trigger *made;          /* of the last version that has it */
  char relation[16];                     /* of its table; "" when there is none of that name */
  char oid[16];                          /* "" when it is not there */
  char enabled;                          /* 'O', 'D', 'R', 'A' */
  const char *renamed;                   /* what it is called now; NULL: as it is made */
  const char *elsewhere;                 /* the table that it is on, which is not `relation`; NULL */
  const struct pgr__found_trigger *same; /* the one that a version makes of it, which knows that table; NULL */
  const char *function, *source;         /* function: its name alone */
  const char *function_shown;            /* qualified, where that is needed */
  const char *attributes;                /* of the function, as pgrace.triggers has them */
  bool definer, sets_path;               /* so is the function */
  const char *definition;
  int type;                   /* pg_trigger.tgtype */
  const char *const *columns; /* UPDATE OF these */
  size_t column_count;
  bool conditional, constraint; /* it has a WHEN; it is of CREATE CONSTRAINT TRIGGER */
  const char *heirs; /* names of tables that inherit from its table, are no partitions and have no trigger that executes
                      * its function, the first few; NULL: none */
  int heir_count;
  const char *partition; /* one where it is enabled otherwise; NULL */
} pgr__found_trigger;

/* A function that some version makes. */
typedef struct pgr__found_function {
  const pgr_made_function *made;
  PGresult *sources; /* of those that it may be */
} pgr__found_function;

/* What the journal says of a trigger. Borrowed of pgr__looking.records. */
typedef struct pgr__record {
  const char *trigger, *definition, *source;
  const char *relation;   /* its number; "" when nothing has that name any more */
  const char *table;      /* its name */
  const char *attributes; /* NULL: an older pgrace recorded it */
  int version;
  char enabled;
} pgr__record;

typedef struct pgr__looking {
  pgr_db *db;
  const pgr_trigger *t;
  pgr_arena *arena;
  pgr_err *err;
  pgr__found_trigger *triggers;
  pgr__found_function *functions;
  size_t trigger_count, function_count;
  PGresult *records;     /* NULL: there are none */
  bool unreadable;       /* the records, for us */
  int64_t installed_by;  /* the applied migration that is a version of it, by its checksum; 0: none */
  int installed_version; /* that it installed */
  const char *silent;    /* "sessions of role x have": those in which triggers do not fire that are enabled as usual */
} pgr__looking;

pgr__found_trigger *pgr__found_trigger_of(const pgr__looking *l, const pgr_made_trigger *made);
pgr__found_function *pgr__found_function_of(const pgr__looking *l, const char *schema, const char *name);
/* false: nothing is recorded of it. */
bool pgr__record_of(const pgr__looking *l, const pgr__found_trigger *f, pgr__record *out);
pgr__record pgr__record_at(const pgr__looking *l, int row);

/* Those triggers of pg_trigger, by number, that are of the folder's but have another name now, or are on another table.
 * *oids: in the arena. */
pgr_code pgr__moved_find(pgr_db *db, const pgr_trigger *t, pgr_arena *arena, const char *const **oids, size_t *count,
                         pgr_err *err) PGR_MUST_CHECK;

/* From all that was found: which version it is, and what is otherwise. */
pgr_code pgr__judge(const pgr__looking *l, pgr_installed *out);

#endif
