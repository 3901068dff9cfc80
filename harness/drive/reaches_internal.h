/* How what is learnt about a database is kept: a graph. Its nodes are functions and, of each relation, what may be done
 * to it; an edge leads from what is done to what may be done because of it; a node's value is what it may reach. */
#ifndef PGR_REACHES_INTERNAL_H
#define PGR_REACHES_INTERNAL_H

#include "pgr_mem.h"
#include "pgr_reaches.h"

/* Advisory locks, and sequences that were not there when the catalogs were read. */
#define PGR__REACH_ADVISORY (UINT64_C(1) << 61)
enum { PGR__REACH_BITS = 61, PGR__NAME_BUCKETS = 4096, PGR__KEPT_MAX = 4096 };

/* What a name stands for, if it is not one of the user's relations or functions. */
typedef enum pgr__meaning {
  PGR__MEANS_BUILTIN = 1,   /* a function of pg_catalog */
  PGR__MEANS_HARMLESS = 2,  /* one whose answer depends on no other session, though it is not immutable */
  PGR__MEANS_DANGER = 4,    /* one that may do or see anything */
  PGR__MEANS_SEQUENCE = 8,  /* one that works on a sequence */
  PGR__MEANS_ADVISORY = 16, /* one that works on an advisory lock */
  PGR__MEANS_SYSTEM = 32,   /* a relation of pg_catalog, or information_schema */
  PGR__MEANS_SNAPSHOT = 64, /* one that shows which transactions are running */
  PGR__MEANS_NUMBER = 128,  /* one that shows its transaction's number */
  PGR__MEANS_COMMAND = 256  /* in the body of a function: a statement that may do anything */
} pgr__meaning;

typedef struct pgr__name {
  struct pgr__name *next;
  unsigned meanings;
  int relation, function; /* the first that is called so; -1: none */
  const char *text;
} pgr__name;

/* In this order in the graph: what is done to a relation. */
typedef enum pgr__role {
  PGR__NAMED, /* opened, no row of it is looked at */
  PGR__READ,
  PGR__SHARE,  /* keys of rows are looked up and locked, as a foreign key does, together with others */
  PGR__LOCK,   /* rows are locked, none is changed */
  PGR__FIRE,   /* what happens with every row that is added or changed */
  PGR__APPEND, /* rows are added that nothing can collide with */
  PGR__INSERT, /* rows are added */
  PGR__CHANGE, /* no key of the rows that are changed */
  PGR__WRITE,
  PGR__ROLES
} pgr__role;

typedef struct pgr__column {
  struct pgr__column *next;
  const char *name;
} pgr__column;

typedef struct pgr__relation {
  uint32_t oid;
  char kind;         /* of pg_class */
  int next;          /* of the same name, -1: none */
  uint64_t bit;      /* its own, or the shared one */
  const char *label; /* as regclass writes it */
  bool ruled;        /* rules rewrite what is done to it */
  bool any_key;      /* an UPDATE may change its keys, whatever it sets */
  pgr__column *keys; /* columns of unique indexes; in the arena */
} pgr__relation;

typedef struct pgr__function {
  uint32_t oid;
  int next; /* of the same name, -1: none */
} pgr__function;

typedef struct pgr__value {
  uint64_t reads, writes, keys, adds, shares, appends; /* as in pgr_reach */
  bool joins, numbers, nests, everything;
} pgr__value;

typedef struct pgr__edge {
  int from, to;
} pgr__edge;

typedef struct pgr__oid {
  uint32_t oid;
  int index;
} pgr__oid;

typedef struct pgr__kept {
  uint64_t hash;
  char *text; /* owned; NULL: free */
  pgr_reach reach;
} pgr__kept;

struct pgr_reaches {
  pgr_arena arena;
  pgr__name *names[PGR__NAME_BUCKETS];
  pgr__relation *relations; /* the next four in the arena */
  pgr__function *functions;
  pgr__oid *relation_oids, *function_oids; /* in order of their oid */
  int relation_count, function_count;
  uint64_t all, sequences; /* bits of all relations, of all sequences */
  bool shares;             /* the last bit stands for several relations */
  bool defers;             /* a COMMIT may run triggers */
  pgr__value *values;      /* by node; owned */
  pgr__edge *edges;        /* while learning; owned */
  size_t edge_count, edge_cap;
  bool no_memory;  /* while learning */
  pgr__kept *kept; /* answers by text, 2 * PGR__KEPT_MAX of them; owned */
  size_t kept_count;
};

static inline int pgr__relation_node(int relation, pgr__role role) {
  return PGR__ROLES * relation + (int)role;
}

static inline int pgr__function_node(const pgr_reaches *r, int function) {
  return PGR__ROLES * r->relation_count + function;
}

/* What a query may reach without naming it: operators, casts, types. */
static inline int pgr__ambient_node(const pgr_reaches *r) {
  return pgr__function_node(r, r->function_count);
}

static inline int pgr__node_count(const pgr_reaches *r) {
  return pgr__ambient_node(r) + 1;
}

/* FNV-1a. */
static inline uint64_t pgr__hash(const char *text) {
  uint64_t h = UINT64_C(14695981039346656037);
  for (; *text; text++)
    h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
  return h;
}

/* ---- reaches_text.c ---- */

/* NULL: not known, or no memory. */
pgr__name *pgr__name_find(const pgr_reaches *r, const char *text);
/* Made when it is new. NULL: no memory. */
pgr__name *pgr__name_get(pgr_reaches *r, const char *text);
/* Those known from the beginning. */
pgr_code pgr__names_begin(pgr_reaches *r) PGR_MUST_CHECK;
/* A function of pg_catalog. */
void pgr__name_builtin(pgr__name *n, bool immutable);

typedef enum pgr__text {
  PGR__TEXT_EXPRESSION, /* without sub-selects, as the server writes it */
  PGR__TEXT_QUERY,      /* names relations, as the server writes it */
  PGR__TEXT_BODY,       /* of a function: anything */
  PGR__TEXT_SQL_BODY    /* the same, in SQL */
} pgr__text;

/* Adds what a text says to a node of the graph; text may be NULL. role: what is done to relations it names. */
void pgr__read_text(pgr_reaches *r, int node, const char *text, pgr__text kind, pgr__role role);
bool pgr__has_word(const char *text, const char *word);

/* from, to: nodes. Running out of memory is remembered. */
void pgr__add_edge(pgr_reaches *r, int from, int to);
/* What a sequence that is not known does to a value. */
void pgr__any_sequence(const pgr_reaches *r, pgr__value *v);
/* Whether it is more than it was. */
bool pgr__value_add(pgr__value *to, const pgr__value *more);

/* ---- reaches_learn.c ---- */

/* Fills all but what is kept. Errors: as pgr_db_query. */
pgr_code pgr__learn(pgr_reaches *r, pgr_db *db, pgr_err *err) PGR_MUST_CHECK;

#endif
