/* The variables of a scenario: defaults that its author gives, and whether whatever a script reads can have a value.
 * Invariant most easily broken: no right script is refused. What rows a \gset meets is not known here, so any word of
 * its statement may be one of its columns, and of some statements any name. */
#include "scenario_internal.h"

#include "pgr_units.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- the section ---- */

static pgr_place_in place_of(pgr__load *l, const yaml_node_t *node) {
  return l->faults->count < PGR_FAULTS_KEPT ? pgr_yaml_place(&l->yaml, node) : (pgr_place_in){0};
}

static const char *text_of(const yaml_node_t *node) {
  return (const char *)node->data.scalar.value;
}

/* -1: a fault was added. */
static int read_name(pgr__load *l, const yaml_node_t *key) {
  const pgr_source *source = &l->s->source;
  const char *name = text_of(key);
  size_t len = key->data.scalar.length;
  if (!pgr_name_is_valid(name, len) || len > PGR_NAME_BYTES_MAX) {
    pgr_faults_add(l->faults, source, place_of(l, key), "a name has letters, digits and _, no digit first",
                   "'%.80s' cannot be a variable's name", name);
    return -1;
  }
  int slot = pgr_names_intern(&l->s->names, name, len);
  if (slot < 0) {
    pgr_faults_add(l->faults, source, (pgr_place_in){0}, NULL, "out of memory");
    return -1;
  }
  if (slot < PGR_SLOT_CLIENT_ID) { /* as for -D */
    pgr_faults_add(l->faults, source, place_of(l, key), "give the variable another name", ":%s is set by pgrace", name);
    return -1;
  }
  for (int i = 0; i < l->s->variable_count; i++) {
    if (l->s->variables[i].slot != slot) continue;
    pgr_faults_add(l->faults, source, place_of(l, key), NULL, "variable '%.80s' is there twice", name);
    return -1;
  }
  return slot;
}

static bool check_value(pgr__load *l, const yaml_node_t *key, const yaml_node_t *value) {
  const pgr_source *source = &l->s->source;
  const char *name = text_of(key);
  if (value->type != YAML_SCALAR_NODE || value->data.scalar.length == 0) {
    pgr_faults_add(l->faults, source, place_of(l, key), "write it like {price: 60}",
                   "variable '%.80s' must have a text as its default", name);
    return false;
  }
  size_t len = value->data.scalar.length;
  if (len > PGR_VARIABLE_BYTES_MAX) {
    pgr_faults_add(l->faults, source, place_of(l, value), NULL, "the default of '%.80s' is longer than %d bytes", name,
                   PGR_VARIABLE_BYTES_MAX);
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    unsigned char c = value->data.scalar.value[i];
    if ((c >= ' ' && c != 0x7F) || c == '\t' || c == '\n') continue;
    pgr_faults_add(l->faults, source, place_of(l, value), NULL,
                   "the default of '%.80s' holds a control character, 0x%02X", name, c);
    return false;
  }
  return true;
}

static bool fill_variable(pgr__load *l, const yaml_node_pair_t *pair) {
  const yaml_node_t *key = yaml_document_get_node(&l->yaml.document, pair->key);
  const yaml_node_t *value = yaml_document_get_node(&l->yaml.document, pair->value);
  pgr_scenario *s = l->s;
  if (key->type != YAML_SCALAR_NODE) {
    pgr_faults_add(l->faults, &s->source, place_of(l, key), "write it like {price: 60}",
                   "'variables' must map names to their defaults");
    return false;
  }
  int slot = read_name(l, key);
  if (slot < 0 || !check_value(l, key, value)) return false;
  char *text = pgr_arena_strdup(&s->arena, text_of(value));
  if (!text) {
    pgr_faults_add(l->faults, &s->source, (pgr_place_in){0}, NULL, "out of memory");
    return false;
  }
  s->variables[s->variable_count++] = (pgr_variable){.slot = slot, .text = text};
  return true;
}

void pgr__fill_variables(pgr__load *l) {
  const yaml_node_t *node = pgr_yaml_find(&l->yaml, "variables", NULL);
  if (!node) return;
  if (node->type != YAML_MAPPING_NODE) {
    pgr_faults_add(l->faults, &l->s->source, pgr__key_at(l, "variables"), "write it like {price: 60}",
                   "'variables' must map names to their defaults");
    l->variables_unsure = true;
    return;
  }
  for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
    if (l->s->variable_count == PGR_VARIABLES_MAX) {
      const yaml_node_t *key = yaml_document_get_node(&l->yaml.document, p->key);
      pgr_faults_add(l->faults, &l->s->source, place_of(l, key), NULL, "more than %d variables", PGR_VARIABLES_MAX);
      l->variables_unsure = true;
      return;
    }
    if (!fill_variable(l, p)) l->variables_unsure = true;
  }
}

/* ---- what can set a variable ---- */

/* Of a longer statement the words are not worth the time. */
enum { WORDS_BYTES_MAX = 64 << 10 };

typedef enum settable { NEVER, PERHAPS, SURELY /* something names it */ } settable;

typedef struct uses {
  pgr__load *l;
  pgr__scripts_of scripts;
  const pgr_script *script; /* the one that is visited */
  bool read[PGR_NAMES_MAX], told[PGR_NAMES_MAX];
  settable set[PGR_NAMES_MAX];
  pgr_use inside; /* the last one that stood inside something */
} uses;

static bool is_letter(char c) {
  return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* The next word of an SQL text from *at on; the $1 of a variable is none. false: there is none. */
static bool next_word(const char *sql, size_t *at, size_t *len) {
  size_t i = *at;
  while (sql[i] && !is_letter(sql[i]))
    i += isdigit((unsigned char)sql[i]) ? strspn(sql + i, "0123456789") : 1;
  size_t n = 0;
  while (is_letter(sql[i + n]) || isdigit((unsigned char)sql[i + n]))
    n++;
  *at = i;
  *len = n;
  return n > 0;
}

static bool is_word(const char *text, size_t len, const char *word) {
  return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

/* Whether a column of this name is what the word calls one: it is folded to lower case unless it is quoted. */
static bool names_column(const char *sql, size_t at, size_t len, const char *column) {
  bool quoted = at > 0 && sql[at - 1] == '"';
  if (strlen(column) != len) return false;
  for (size_t i = 0; i < len; i++) {
    char c = sql[at + i];
    if (!quoted && c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
    if (c != column[i]) return false;
  }
  return true;
}

/* What comes after the prefix of \gset; NULL: it does not begin so. */
static const char *past_prefix(const char *name, const char *prefix) {
  size_t len = strlen(prefix);
  return strncmp(name, prefix, len) == 0 ? name + len : NULL;
}

/* An asterisk other than that of count(*). */
static bool has_star(const char *sql) {
  for (const char *star = sql; (star = strchr(star, '*')); star++) {
    const char *p = star;
    while (p > sql && isspace((unsigned char)p[-1]))
      p--;
    if (p == sql || p[-1] != '(') return true;
    p--;
    while (p > sql && isspace((unsigned char)p[-1]))
      p--;
    if (p - sql < 5 || strncasecmp(p - 5, "count", 5) != 0) return true;
  }
  return false;
}

/* Whether its columns may be called what no word of it says. */
static bool returns_anything(const pgr__load *l, const pgr_sql *q) {
  static const char *const says[] = {"select", "insert", "update", "delete", "with", NULL};
  size_t at = strspn(q->numbered, "( \t\r\n"), begin = at, len;
  bool known = false;
  if (next_word(q->numbered, &at, &len) && at == begin)
    for (int i = 0; says[i]; i++)
      known = known || is_word(q->numbered + at, len, says[i]);
  /* In the simple protocol a variable may be a column's name, but for the numbers that pgrace sets. */
  for (int i = 0; l->s->protocol == PGR_PROTOCOL_SIMPLE && i < q->text.var_count; i++)
    known = known && q->text.slots[i] < PGR_PRESET_COUNT;
  return !known || has_star(q->numbered) || strlen(q->numbered) > WORDS_BYTES_MAX;
}

/* Names that PostgreSQL itself gives to columns, of casts and of functions with a syntax of their own. */
static bool is_made_up(const char *column) {
  static const char *const names[] = {"bool",      "int2",     "int4",    "int8",    "float4",        "float8",
                                      "numeric",   "bpchar",   "bit",     "varchar", "varbit",        "timetz",
                                      "timestamp", "time",     "btrim",   "ltrim",   "timestamptz",   "rtrim",
                                      "date_part", "timezone", "column1", "column2", "is_normalized", NULL};
  for (int i = 0; names[i]; i++)
    if (strcmp(names[i], column) == 0) return true;
  return false;
}

/* \gset and \aset. */
static void set_by_rows(uses *u, const pgr_sql *q) {
  const pgr_names *names = &u->l->s->names;
  bool anything = returns_anything(u->l, q);
  for (size_t slot = 0; slot < names->count; slot++) {
    const char *column = past_prefix(names->at[slot], q->prefix);
    if (!u->read[slot] || u->set[slot] == SURELY || !column) continue;
    if (anything || is_made_up(column)) u->set[slot] = PERHAPS;
    if (strlen(q->numbered) > WORDS_BYTES_MAX) continue;
    for (size_t at = 0, len; next_word(q->numbered, &at, &len); at += len) {
      if (!names_column(q->numbered, at, len, column)) continue;
      u->set[slot] = SURELY;
      break;
    }
  }
}

static void find_what_is_set(uses *u) {
  const pgr_scenario *s = u->l->s;
  for (int slot = 0; slot < PGR_PRESET_COUNT; slot++)
    u->set[slot] = SURELY;
  for (int i = 0; i < s->variable_count; i++)
    u->set[s->variables[i].slot] = SURELY;
  for (int i = 0; u->scripts.at[i]; i++) {
    for (int k = 0; k < u->scripts.at[i]->count; k++) {
      const pgr_command *c = &u->scripts.at[i]->commands[k];
      if (c->kind == PGR_COMMAND_SET || c->kind == PGR_COMMAND_SETSHELL) u->set[c->slot] = SURELY;
      if (c->kind == PGR_COMMAND_SQL && c->sql.keep != PGR_KEEP_NOTHING) set_by_rows(u, &c->sql);
    }
  }
}

/* ---- faults, and what may have been meant ---- */

static const char *name_of(const uses *u, int slot) {
  return u->l->s->names.at[slot];
}

static pgr_place_in place_of_use(const uses *u, const pgr_use *use) {
  if (u->l->faults->count >= PGR_FAULTS_KEPT) return (pgr_place_in){0};
  pgr_place_in at = pgr_place_at(&u->script->source, use->offset);
  at.width = (int)strlen(name_of(u, use->slot)) + 1;
  return at;
}

/* The query before a use whose rows are not kept: the last one that mentions the name; or else, without a name, the
 * last one. NULL: there is none. */
static const pgr_command *unkept_query(const uses *u, const pgr_use *use, const char *column) {
  const pgr_command *found = NULL;
  for (const pgr_command *c = u->script->commands; c < use->command; c++) {
    if (c->kind != PGR_COMMAND_SQL || c->sql.keep != PGR_KEEP_NOTHING) continue;
    bool returns = false, mentions = !column;
    for (size_t at = 0, len, n = 0; next_word(c->sql.numbered, &at, &len); at += len, n++) {
      const char *word = c->sql.numbered + at;
      returns = returns || is_word(word, len, "returning") || (n == 0 && is_word(word, len, "select"));
      mentions = mentions || names_column(c->sql.numbered, at, len, column);
    }
    if (returns && mentions) found = c;
  }
  return found;
}

enum { KNOWN_MAX = 200, COLUMN_BYTES = 64 };

/* What a variable may have been meant to be: those that are set, and the columns after an AS. */
typedef struct known {
  const char *at[KNOWN_MAX + 1];
  char columns[KNOWN_MAX][2 * COLUMN_BYTES];
  int count;
} known;

static void add_columns(known *n, const pgr_sql *q) {
  bool after_as = false;
  for (size_t at = 0, len; next_word(q->numbered, &at, &len); at += len) {
    if (after_as && n->count < KNOWN_MAX && len < COLUMN_BYTES && strlen(q->prefix) < COLUMN_BYTES) {
      char *out = n->columns[n->count];
      int prefix = snprintf(out, 2 * COLUMN_BYTES, "%s%.*s", q->prefix, (int)len, q->numbered + at) - (int)len;
      bool quoted = at > 0 && q->numbered[at - 1] == '"';
      for (char *p = out + prefix; *p && !quoted; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
      n->at[n->count++] = out;
    }
    after_as = is_word(q->numbered + at, len, "as");
  }
}

static void find_known(const uses *u, known *n) {
  n->count = 0;
  for (size_t slot = 0; slot < u->l->s->names.count && n->count < KNOWN_MAX; slot++) {
    bool of_seed = slot == PGR_SLOT_FIRST_KEY || slot == PGR_SLOT_LAST_KEY;
    if (u->set[slot] == SURELY && !of_seed) n->at[n->count++] = u->l->s->names.at[slot];
  }
  for (int i = 0; u->scripts.at[i]; i++) {
    for (int k = 0; k < u->scripts.at[i]->count; k++) {
      const pgr_command *c = &u->scripts.at[i]->commands[k];
      if (c->kind == PGR_COMMAND_SQL && c->sql.keep != PGR_KEEP_NOTHING) add_columns(n, &c->sql);
    }
  }
  n->at[n->count] = NULL;
}

static void tell_unset(uses *u, const pgr_use *use) {
  const char *name = name_of(u, use->slot), *near = NULL;
  char hint[PGR_NAME_BYTES_MAX + 80] = "a default goes under variables";
  known names;
  if (u->told[use->slot] || u->l->faults->count >= PGR_FAULTS_KEPT) return;
  u->told[use->slot] = true;
  const pgr_command *query = unkept_query(u, use, name);
  if (!query) {
    find_known(u, &names);
    near = pgr_nearest(name, names.at);
  }
  if (!query && !near) query = unkept_query(u, use, NULL);
  if (near)
    snprintf(hint, sizeof hint, "did you mean :%s?", near);
  else if (query)
    snprintf(hint, sizeof hint, "did line %d want \\gset in place of its ;?", query->at.line);
  pgr_faults_add(u->l->faults, &u->script->source, place_of_use(u, use), hint, "nothing sets :%.80s", name);
}

static void tell_inside(uses *u, const pgr_use *use) {
  const char *name = name_of(u, use->slot), *what = "quotes";
  char hint[PGR_NAME_BYTES_MAX + 80] = "set protocol: simple";
  if (use->inside == '"') what = "a quoted name";
  if (use->inside == '$') what = "a dollar quote";
  if (use->inside == '-') {
    what = "a comment";
    snprintf(hint, sizeof hint, "leave the colon out, or set protocol: simple");
  } else if (u->set[use->slot] != SURELY && use->inside != '"') {
    snprintf(hint, sizeof hint, "write the colon apart, as 'HH24' || ':' || 'MI', or set protocol: simple");
  } else if (use->inside == '\'') {
    snprintf(hint, sizeof hint, "write 'text ' || :%s, or set protocol: simple", name);
  }
  pgr_faults_add(u->l->faults, &u->script->source, place_of_use(u, use), hint,
                 "':%.80s' inside %s is not replaced in the extended and prepared protocols", name, what);
}

static void mark_read(void *user, const pgr_use *use) {
  uses *u = user;
  u->read[use->slot] = true;
}

/* Of 'HH24:MI:SS' the first one is enough. */
static bool is_in_the_same(const uses *u, const pgr_use *use) {
  const pgr_use *last = &u->inside;
  if (last->command != use->command || last->inside != use->inside) return false;
  const char *between = u->script->source.text + last->offset;
  const char ends[] = {use->inside == '-' ? '\n' : use->inside, '\0'};
  return strcspn(between, ends) >= use->offset - last->offset;
}

static void check_use(void *user, const pgr_use *use) {
  uses *u = user;
  bool simple = u->l->s->protocol == PGR_PROTOCOL_SIMPLE, sql = use->command->kind == PGR_COMMAND_SQL;
  if (sql && simple) return; /* a name that nothing sets is text there */
  if (use->inside) {
    if (!is_in_the_same(u, use)) tell_inside(u, use);
    u->inside = *use;
  } else if (u->set[use->slot] == NEVER) {
    tell_unset(u, use);
  }
}

/* ---- defaults that nobody reads ---- */

static void check_read(uses *u) {
  const pgr_scenario *s = u->l->s;
  const char *names[PGR_NAMES_MAX + 1];
  char hint[PGR_YAML_HINT_BYTES];
  int count = 0;
  for (size_t slot = PGR_PRESET_COUNT; slot < s->names.count; slot++)
    if (u->read[slot]) names[count++] = s->names.at[slot];
  names[count] = NULL;
  for (int i = 0; i < s->variable_count; i++) {
    const char *name = s->names.at[s->variables[i].slot];
    if (u->read[s->variables[i].slot]) continue;
    const char *near = pgr_nearest(name, names);
    snprintf(hint, sizeof hint, "did you mean '%s'?", near ? near : "");
    pgr_faults_add(u->l->faults, &s->source, pgr__key_at(u->l, "variables.%s", name), near ? hint : NULL,
                   "no script refers to :%.80s", name);
  }
}

static bool visit_all(uses *u, void (*visit)(void *user, const pgr_use *use)) {
  bool ok = true;
  for (int i = 0; ok && u->scripts.at[i]; i++) {
    u->script = u->scripts.at[i];
    ok = pgr_script_each_use(u->script, &u->l->s->names, visit, u);
  }
  if (!ok) pgr_faults_add(u->l->faults, &u->l->s->source, (pgr_place_in){0}, NULL, "out of memory");
  return ok;
}

void pgr__check_variables(pgr__load *l) {
  uses u = {.l = l, .scripts = pgr__scripts(l->s)};
  /* A script that could not be read may set or read anything. */
  if (!u.scripts.all || l->variables_unsure || !visit_all(&u, mark_read)) return;
  find_what_is_set(&u);
  if (visit_all(&u, check_use)) check_read(&u);
}
