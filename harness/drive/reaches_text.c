/* What the texts in the catalogs may reach, by their words alone. Invariant: a word is given every meaning it could
 * have; what a text could do without any of these words is not there (EXECUTE runs what no word says, hence is one). */
#include "reaches_internal.h"

#include "pgr_functions.h"
#include "pgr_words.h"
#include <string.h>

static const char snapshot_functions[] = "pg_current_snapshot txid_current_snapshot";
static const char number_functions[] = "pg_current_xact_id pg_current_xact_id_if_assigned txid_current "
                                       "txid_current_if_assigned";
static const char sequence_functions[] = "nextval setval currval lastval pg_sequence_last_value";

/* Words of a body that run what no word says, or change more than rows; they may be a column's name there. "commit" is
 * not among them: a function that a query calls cannot. */
static const char commands[] =
    "alter analyze characteristics checkpoint cluster copy create deallocate discard drop execute fetch "
    "grant import listen load lock move notify prepare reassign refresh reindex revoke security "
    "transaction_isolation default_transaction_isolation truncate unlisten vacuum";

/* ---- names ---- */

pgr__name *pgr__name_find(const pgr_reaches *r, const char *text) {
  pgr__name *n = r->names[pgr__hash(text) % PGR__NAME_BUCKETS];
  while (n && strcmp(n->text, text) != 0)
    n = n->next;
  return n;
}

pgr__name *pgr__name_get(pgr_reaches *r, const char *text) {
  pgr__name *n = pgr__name_find(r, text), **bucket = &r->names[pgr__hash(text) % PGR__NAME_BUCKETS];
  if (n) return n;
  n = pgr_arena_alloc(&r->arena, sizeof *n);
  const char *kept = pgr_arena_strdup(&r->arena, text);
  if (!n || !kept) {
    r->no_memory = true;
    return NULL;
  }
  *n = (pgr__name){.next = *bucket, .relation = -1, .function = -1, .text = kept};
  return *bucket = n;
}

/* texts: separated by spaces. */
static void give(pgr_reaches *r, const char *texts, unsigned meanings) {
  pgr_words w = {.at = texts};
  while (pgr_words_next(&w)) {
    pgr__name *n = pgr__name_get(r, w.word);
    if (n) n->meanings |= meanings;
  }
}

pgr_code pgr__names_begin(pgr_reaches *r) {
  give(r, pgr_functions_harmless(), PGR__MEANS_HARMLESS);
  give(r, sequence_functions, PGR__MEANS_SEQUENCE);
  give(r, snapshot_functions, PGR__MEANS_SNAPSHOT);
  give(r, number_functions, PGR__MEANS_NUMBER);
  give(r, "information_schema", PGR__MEANS_SYSTEM);
  give(r, commands, PGR__MEANS_COMMAND);
  return r->no_memory ? PGR_ENOMEM : PGR_OK;
}

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

void pgr__name_builtin(pgr__name *n, bool immutable) {
  n->meanings |= PGR__MEANS_BUILTIN;
  if (begins(n->text, "pg_advisory_") || begins(n->text, "pg_try_advisory_")) n->meanings |= PGR__MEANS_ADVISORY;
  const unsigned understood =
      PGR__MEANS_HARMLESS | PGR__MEANS_SEQUENCE | PGR__MEANS_ADVISORY | PGR__MEANS_SNAPSHOT | PGR__MEANS_NUMBER;
  if (!immutable && !(n->meanings & understood)) n->meanings |= PGR__MEANS_DANGER;
}

/* ---- the graph ---- */

void pgr__add_edge(pgr_reaches *r, int from, int to) {
  if (r->edge_count == r->edge_cap) {
    size_t cap = r->edge_cap ? r->edge_cap * 2 : 1024;
    pgr__edge *edges = pgr_realloc(r->edges, cap, sizeof *edges);
    if (!edges) {
      r->no_memory = true;
      return;
    }
    r->edges = edges;
    r->edge_cap = cap;
  }
  r->edges[r->edge_count++] = (pgr__edge){from, to};
}

bool pgr__value_add(pgr__value *to, const pgr__value *more) {
  const pgr__value before = *to;
  to->reads |= more->reads;
  to->writes |= more->writes;
  to->keys |= more->keys;
  to->adds |= more->adds;
  to->shares |= more->shares;
  to->appends |= more->appends;
  to->joins |= more->joins;
  to->numbers |= more->numbers;
  to->nests |= more->nests;
  to->everything |= more->everything;
  return before.reads != to->reads || before.writes != to->writes || before.keys != to->keys ||
         before.adds != to->adds || before.shares != to->shares || before.appends != to->appends ||
         before.joins != to->joins || before.numbers != to->numbers || before.nests != to->nests ||
         before.everything != to->everything;
}

void pgr__any_sequence(const pgr_reaches *r, pgr__value *v) {
  v->writes |= r->sequences | PGR__REACH_ADVISORY;
}

/* ---- texts ---- */

bool pgr__has_word(const char *text, const char *word) {
  pgr_words w = {.at = text};
  while (text && pgr_words_next(&w))
    if (strcmp(w.word, word) == 0) return true;
  return false;
}

static const char *skip_spaces(const char *p) {
  return p + strspn(p, " \t\r\n");
}

/* Copies the only argument in "('…'::regclass)", which begins at p. false: that is not what stands there. */
static bool read_argument(const char *p, char *out, size_t bytes) {
  p = skip_spaces(p + (*p == '"'));
  if (*p != '(') return false;
  p = skip_spaces(p + 1);
  size_t len = *p == '\'' ? strcspn(p + 1, "'\\") : bytes;
  if (len >= bytes || p[1 + len] != '\'') return false;
  memcpy(out, p + 1, len);
  out[len] = '\0';
  p = skip_spaces(p + len + 2);
  if (begins(p, "::regclass")) p = skip_spaces(p + strlen("::regclass"));
  return *p == ')';
}

/* A constant that the server wrote names a sequence that is there. Otherwise it may be any. */
static void read_sequence(pgr_reaches *r, int node, const char *behind, pgr__text kind) {
  char argument[512];
  bool found = false;
  if (kind == PGR__TEXT_EXPRESSION && read_argument(behind, argument, sizeof argument)) {
    for (pgr_words w = {.at = argument}; pgr_words_next(&w);) {
      const pgr__name *n = pgr__name_find(r, w.word);
      for (int i = n ? n->relation : -1; i >= 0; i = r->relations[i].next)
        if (r->relations[i].kind == 'S') {
          pgr__add_edge(r, node, pgr__relation_node(i, PGR__READ));
          found = true;
        }
    }
  }
  if (!found) pgr__any_sequence(r, &r->values[node]);
}

/* One word, whatever it is the name of. */
static void read_word(pgr_reaches *r, int node, const pgr_words *w, pgr__text kind, pgr__role role) {
  const pgr__name *n = pgr__name_find(r, w->word);
  pgr__value *v = &r->values[node];
  if (!n) return;
  bool body = kind == PGR__TEXT_BODY || kind == PGR__TEXT_SQL_BODY;
  if (n->meanings & (PGR__MEANS_DANGER | PGR__MEANS_SYSTEM)) v->everything = true;
  if (n->meanings & PGR__MEANS_COMMAND && body) v->everything = true;
  if (n->meanings & PGR__MEANS_ADVISORY) v->writes |= PGR__REACH_ADVISORY;
  if (n->meanings & PGR__MEANS_SNAPSHOT) v->reads |= PGR_REACH_NUMBERS;
  if (n->meanings & PGR__MEANS_NUMBER) v->numbers = true;
  if (n->meanings & PGR__MEANS_SEQUENCE) read_sequence(r, node, w->at, kind);
  for (int i = n->function; i >= 0; i = r->functions[i].next)
    pgr__add_edge(r, node, pgr__function_node(r, i));
  for (int i = n->relation; i >= 0 && kind != PGR__TEXT_EXPRESSION; i = r->relations[i].next)
    pgr__add_edge(r, node, pgr__relation_node(i, role));
}

void pgr__read_text(pgr_reaches *r, int node, const char *text, pgr__text kind, pgr__role role) {
  pgr_words w = {.at = text};
  char before[PGR_WORD_BYTES] = "";
  while (text && pgr_words_next(&w)) {
    bool makes_table = strcmp(w.word, "into") == 0 && strcmp(before, "insert") != 0 && strcmp(before, "merge") != 0;
    bool comments = strcmp(w.word, "on") == 0 && strcmp(before, "comment") == 0;
    if ((makes_table && kind == PGR__TEXT_SQL_BODY) || (comments && kind >= PGR__TEXT_BODY))
      r->values[node].everything = true;
    r->values[node].joins |= strcmp(w.word, "share") == 0;
    r->values[node].nests |= strcmp(w.word, "exception") == 0;
    read_word(r, node, &w, kind, role);
    memcpy(before, w.word, sizeof before);
  }
  if (w.unclear) r->values[node].everything = true;
}
