/* The page of triggers, for people who were not there when they were made: Markdown, as GitHub and GitLab show it. The
 * same folder gives the same page: no dates, no paths but those that the user gave. Whatever comes from files is
 * escaped: no name and no comment can be markup. */
#include "schema_doc_internal.h"

#include "pgr_mem.h"
#include "pgr_names.h"
#include "pgr_rule_text.h"
#include "pgr_utf8.h"
#include <ctype.h>
#include <string.h>

enum { FENCE_LEAST = 3, CELL_CHARACTERS_MAX = 80 };

/* ---- texts ---- */

/* Marks that turn the direction: U+202A … U+202E, U+2066 … U+2069. */
static bool turns_direction(const char *p) {
  const unsigned char *c = (const unsigned char *)p;
  return c[0] == 0xE2 &&
         ((c[1] == 0x80 && c[2] >= 0xAA && c[2] <= 0xAE) || (c[1] == 0x81 && c[2] >= 0xA6 && c[2] <= 0xA9));
}

void pgr__doc_clean(const char *text, bool lines, pgr_buf *out) {
  size_t bytes = strlen(text) + 1;
  char *clean = pgr_calloc(bytes, 1);
  if (!clean) {
    out->failed = true;
    return;
  }
  pgr_utf8_copy(clean, bytes, text); /* a byte becomes a byte */
  for (const char *p = clean; *p; p++) {
    if (turns_direction(p)) {
      pgr_buf_adds(out, "?");
      p += 2;
    } else if (lines && text[p - clean] == '\n') {
      pgr_buf_adds(out, "\n");
    } else {
      pgr_buf_add(out, p, 1);
    }
  }
  pgr_free(clean);
}

/* An underscore within a word is no markup; a digit and a period at the beginning make a list. */
static bool is_markup(const char *text, size_t i) {
  char c = text[i];
  if (strchr("\\`*[]|~!$", c)) return true;
  if (c == '_') return i == 0 || !isalnum((unsigned char)text[i - 1]) || !isalnum((unsigned char)text[i + 1]);
  if (c == '.' || c == ')') return i > 0 && strspn(text, "0123456789") == i;
  return i == 0 && strchr("#+-=:", c);
}

/* Text that is nothing but text, in one line. */
static void add_text(const char *text, pgr_buf *out) {
  pgr_buf clean;
  pgr_buf_init(&clean, 0);
  pgr__doc_clean(text, false, &clean);
  const char *t = pgr_buf_text(&clean);
  for (size_t i = 0; t[i]; i++) {
    if (t[i] == '<' || t[i] == '>' || t[i] == '&')
      pgr_buf_adds(out, t[i] == '<' ? "&lt;" : t[i] == '>' ? "&gt;" : "&amp;");
    else if (is_markup(t, i))
      pgr_buf_addf(out, "\\%c", t[i]);
    else
      pgr_buf_add(out, t + i, 1);
  }
  out->failed |= clean.failed;
  pgr_buf_deinit(&clean);
}

/* The longest run of backticks: what encloses the text has one more. */
static size_t ticks_in(const char *text) {
  size_t longest = 0;
  for (const char *p = strchr(text, '`'); p; p = strchr(p, '`')) {
    size_t run = strspn(p, "`");
    if (run > longest) longest = run;
    p += run;
  }
  return longest;
}

static void add_ticks(size_t n, pgr_buf *out) {
  while (n-- > 0)
    pgr_buf_adds(out, "`");
}

/* Text as code, in one line. In a table's cell a bar would end it. */
static void add_code(const char *text, bool in_table, pgr_buf *out) {
  pgr_buf clean;
  pgr_buf_init(&clean, 0);
  pgr__doc_clean(text, false, &clean);
  const char *t = pgr_buf_text(&clean);
  size_t ticks = ticks_in(t) + 1, len = strlen(t);
  bool pad = len > 0 && (*t == '`' || t[len - 1] == '`');
  add_ticks(ticks, out);
  if (pad || len == 0) pgr_buf_adds(out, " ");
  for (; *t; t++) {
    if (*t == '|' && in_table) pgr_buf_adds(out, "\\");
    pgr_buf_add(out, t, 1);
  }
  if (pad) pgr_buf_adds(out, " ");
  add_ticks(ticks, out);
  out->failed |= clean.failed;
  pgr_buf_deinit(&clean);
}

/* Lines of SQL. */
static void add_block(const char *text, pgr_buf *out) {
  pgr_buf clean;
  pgr_buf_init(&clean, 0);
  pgr__doc_clean(text, true, &clean);
  const char *t = pgr_buf_text(&clean);
  size_t ticks = ticks_in(t) + 1;
  if (ticks < FENCE_LEAST) ticks = FENCE_LEAST;
  add_ticks(ticks, out);
  pgr_buf_addf(out, "sql\n%s%s", t, *t && t[strlen(t) - 1] == '\n' ? "" : "\n");
  add_ticks(ticks, out);
  pgr_buf_adds(out, "\n");
  out->failed |= clean.failed;
  pgr_buf_deinit(&clean);
}

/* What write appends, as text or as code. */
typedef void (*adder)(const char *text, pgr_buf *out);

static void add_cell_code(const char *text, pgr_buf *out) {
  add_code(text, true, out);
}

static void add_line_code(const char *text, pgr_buf *out) {
  add_code(text, false, out);
}

static void add_made(pgr_buf *made, adder add, pgr_buf *out) {
  add(pgr_buf_text(made), out);
  out->failed |= made->failed;
  pgr_buf_deinit(made);
}

static void add_table_name(const pgr_rule *r, adder add, pgr_buf *out) {
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr_sql_qualified(r->schema, r->table, &name);
  add_made(&name, add, out);
}

static void add_rule_words(const pgr_rule *r, pgr_buf *out) {
  pgr_buf words;
  pgr_buf_init(&words, 0);
  pgr_rule_words(r, &words);
  add_made(&words, add_text, out);
}

/* ---- headings, and where links to them go ---- */

/* What sites make of a heading that is such a name is the name itself. */
static bool is_plain_heading(const char *name) {
  return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static void add_anchor(const pgr_trigger *t, size_t number, pgr_buf *out) {
  if (is_plain_heading(t->name))
    pgr_buf_adds(out, t->name);
  else
    pgr_buf_addf(out, "trigger-%zu", number);
}

static void add_heading(const pgr_trigger *t, size_t number, pgr_buf *out) {
  if (!is_plain_heading(t->name)) pgr_buf_addf(out, "<a id=\"trigger-%zu\"></a>\n\n", number);
  pgr_buf_adds(out, "## ");
  add_text(t->name, out);
  pgr_buf_adds(out, "\n\n");
}

/* ---- the table of all ---- */

static void add_overview_row(const pgr_trigger *t, size_t number, pgr_buf *out) {
  pgr_buf_adds(out, "| [");
  add_code(t->name, true, out);
  pgr_buf_adds(out, "](#");
  add_anchor(t, number, out);
  pgr_buf_adds(out, ") | ");
  add_table_name(&t->rule, add_cell_code, out);
  pgr_buf_adds(out, " | ");
  if (t->rule.column_count)
    add_rule_words(&t->rule, out);
  else if (t->rule.why)
    add_text(t->rule.why, out);
  else
    pgr_buf_adds(out, "written by hand");
  pgr_buf_addf(out, " | %d |\n", pgr_trigger_latest(t)->number);
}

static void add_overview(const pgr_triggers *triggers, pgr_buf *out) {
  pgr_buf_adds(out, "# Triggers\n\n");
  if (triggers->count == 0) {
    pgr_buf_adds(out, "There are none yet: `pgrace schema new transition --help` shows how one is made.\n");
    return;
  }
  pgr_buf_adds(out, "What the database refuses by itself, whichever program writes. Made from ");
  add_code(triggers->folder, false, out);
  pgr_buf_adds(out, " with `pgrace schema doc`; change what is there, not this page.\n\n"
                    "| trigger | table | rule | version |\n|---|---|---|---|\n");
  for (size_t i = 0; i < triggers->count; i++)
    add_overview_row(&triggers->items[i], i + 1, out);
}

/* ---- the rule ---- */

static void add_column_rule(const pgr_rule_column *c, pgr_buf *out) {
  pgr_buf allow, begin;
  pgr_buf_adds(out, "### What may become of ");
  add_code(c->name, false, out);
  pgr_buf_adds(out, "\n\n");
  pgr_rule_write_matrix(c, out);
  pgr_buf_adds(out, "\nDeclared as ");
  pgr_buf_init(&allow, 0);
  pgr_rule_write_allow(c, &allow);
  add_made(&allow, add_line_code, out);
  if (c->begins_ruled) {
    pgr_buf_adds(out, "; new rows begin with ");
    pgr_buf_init(&begin, 0);
    pgr_rule_write_begin(c, &begin);
    add_made(&begin, add_line_code, out);
  }
  pgr_buf_adds(out, ".\n\n");
}

static void add_rule(const pgr_trigger *t, pgr_buf *out) {
  const pgr_rule *r = &t->rule;
  if (r->why) {
    add_text(r->why, out);
    pgr_buf_adds(out, "\n\n");
  }
  if (r->column_count == 0) {
    pgr_buf_addf(out, "It was written by hand, and declares no rule: what it %s is in its SQL.\n\n",
                 pgr__doc_refuses(t) ? "forbids" : "does");
    return;
  }
  pgr_buf_adds(out, "**The rule:** ");
  add_rule_words(r, out);
  pgr_buf_adds(out, "\n\n");
  for (int i = 0; i < r->column_count; i++)
    add_column_rule(&r->columns[i], out);
}

/* ---- when it fires ---- */

static void add_event(const char *name, bool is, bool *first, pgr_buf *out) {
  if (!is) return;
  pgr_buf_addf(out, "%s%s", *first ? "" : " OR ", name);
  *first = false;
}

/* "BEFORE UPDATE OF a ON t FOR EACH ROW" */
static void write_events(const pgr_made_trigger *t, pgr_buf *out) {
  bool first = true;
  pgr_buf_adds(out, t->before ? "BEFORE " : t->after ? "AFTER " : "INSTEAD OF ");
  add_event("INSERT", t->inserts, &first, out);
  add_event("DELETE", t->deletes, &first, out);
  add_event("TRUNCATE", t->truncates, &first, out);
  add_event("UPDATE", t->updates, &first, out);
  for (size_t i = 0; i < t->column_count; i++) {
    pgr_buf_adds(out, i ? ", " : " OF ");
    pgr_sql_name(t->columns[i], out);
  }
  pgr_buf_adds(out, " ON ");
  pgr_sql_qualified(t->schema, t->table, out);
  pgr_buf_adds(out, t->row ? " FOR EACH ROW" : " FOR EACH STATEMENT");
}

static void add_fires(const pgr_trigger *t, pgr_buf *out) {
  const pgr_objects *o = &pgr_trigger_latest(t)->objects;
  pgr_buf_adds(out, "### When it fires\n\n");
  for (size_t i = 0; i < o->trigger_count; i++) {
    const pgr_made_trigger *made = &o->triggers[i];
    pgr_buf text;
    if (o->trigger_count > 1) {
      add_code(made->name, false, out);
      pgr_buf_adds(out, ": ");
    }
    pgr_buf_init(&text, 0);
    write_events(made, &text);
    add_made(&text, add_line_code, out);
    pgr_buf_adds(out, ", which calls ");
    pgr_buf_init(&text, 0);
    pgr_sql_qualified(made->function_schema, made->function, &text);
    pgr_buf_adds(&text, "()");
    add_made(&text, add_line_code, out);
    pgr_buf_adds(out, made->when ? " when this is true:\n\n" : " each time.\n\n");
    if (!made->when) continue;
    add_block(made->when, out);
    pgr_buf_adds(out, "\n");
  }
}

/* ---- what an application sees ---- */

bool pgr__doc_refuses(const pgr_trigger *t) {
  const pgr_objects *made = &pgr_trigger_latest(t)->objects;
  bool refuses = t->rule.column_count > 0;
  for (size_t i = 0; i < made->function_count; i++)
    refuses |= made->functions[i].raise_count > 0;
  return refuses;
}

static void add_seen(const char *what, const char *text, bool code, pgr_buf *out) {
  if (!text) return;
  pgr_buf_addf(out, "| %s | ", what);
  if (code)
    add_code(text, true, out);
  else
    add_text(text, out);
  pgr_buf_adds(out, " |\n");
}

static void add_error(const pgr_trigger *t, pgr_buf *out) {
  const pgr_rule *r = &t->rule;
  pgr_buf_adds(out, "### What the application sees\n\n");
  if (!pgr__doc_refuses(t)) {
    pgr_buf_adds(out, "Nothing: it raises no error of its own.\n\n");
    return;
  }
  pgr_buf_adds(out, "| of the error | |\n|---|---|\n");
  add_seen("SQLSTATE", r->sqlstate, true, out);
  add_seen("constraint", t->name, true, out);
  add_seen("message", r->message, false, out);
  add_seen("field that it is shown at", r->field, true, out);
  add_seen("what people read", r->shown, false, out);
  pgr_buf_adds(out, "\n");
  if (r->log == PGR_RULE_LOG_SERVER)
    pgr_buf_adds(out, "Each rejection leaves a line in the server's log: who, what and when.\n\n");
  if (r->log == PGR_RULE_LOG_TABLE)
    pgr_buf_adds(out, "Each rejection leaves a row in `pgrace.rejections`: who, what and when.\n\n");
}

/* ---- versions ---- */

bool pgr__doc_installs(const pgr_triggers *triggers, const pgr_migration *m, const pgr_version *version) {
  const pgr_trigger *t;
  const pgr_version *v;
  for (size_t i = 0; i < m->up.part_count; i++)
    if (pgr_triggers_of_part(triggers, &m->up.parts[i], &t, &v) && v == version) return true;
  return false;
}

static void add_installers(const pgr_triggers *triggers, const pgr_migrations *migrations, const pgr_version *v,
                           pgr_buf *out) {
  char title[160];
  size_t count = 0;
  for (size_t i = 0; i < migrations->count; i++) {
    if (!pgr__doc_installs(triggers, &migrations->items[i], v)) continue;
    if (count++) pgr_buf_adds(out, ", ");
    add_code(pgr_migration_title(&migrations->items[i], title), true, out);
  }
  if (count == 0) pgr_buf_adds(out, "none");
}

const char *pgr__doc_comment(const pgr_version *version, size_t i) {
  const pgr_made_trigger *all = version->objects.triggers;
  for (size_t k = 0; all[i].comment && k < i; k++)
    if (all[k].comment && strcmp(all[k].comment, all[i].comment) == 0) return NULL;
  return all[i].comment;
}

static size_t comments_of(const pgr_version *v) {
  size_t count = 0;
  for (size_t i = 0; i < v->objects.trigger_count; i++)
    count += pgr__doc_comment(v, i) != NULL;
  return count;
}

/* Its comments, one after the other. */
static void add_comments(const pgr_version *v, const char *before_each, pgr_buf *out) {
  for (size_t i = 0; i < v->objects.trigger_count; i++) {
    const char *comment = pgr__doc_comment(v, i);
    if (!comment) continue;
    pgr_buf_adds(out, before_each);
    add_text(comment, out);
  }
}

/* In a cell they would make the table too wide to be read. */
static bool is_long(const pgr_version *v) {
  size_t characters = 0;
  for (size_t i = 0; i < v->objects.trigger_count; i++)
    for (const char *p = pgr__doc_comment(v, i); p && *p; p++)
      characters += ((unsigned char)*p & 0xC0) != 0x80;
  return characters > CELL_CHARACTERS_MAX;
}

static void add_comments_below(const pgr_trigger *t, pgr_buf *out) {
  for (size_t i = t->version_count; i-- > 0;) {
    const pgr_version *v = &t->versions[i];
    size_t count = comments_of(v);
    if (count == 0) continue;
    pgr_buf_addf(out, "- Version %d:", v->number);
    add_comments(v, count > 1 ? "\n  - " : " ", out);
    pgr_buf_adds(out, "\n");
  }
  pgr_buf_adds(out, "\n");
}

static void add_versions(const pgr_triggers *triggers, const pgr_migrations *migrations, const pgr_trigger *t,
                         pgr_buf *out) {
  bool below = false;
  for (size_t i = 0; i < t->version_count; i++)
    below |= is_long(&t->versions[i]);
  pgr_buf_addf(out, "### Versions\n\n| version | file | migration |%s\n|---|---|---|%s\n", below ? "" : " comment |",
               below ? "" : "---|");
  for (size_t i = t->version_count; i-- > 0;) {
    const pgr_version *v = &t->versions[i];
    pgr_buf_addf(out, "| %d | ", v->number);
    add_code(v->source.name, true, out);
    pgr_buf_adds(out, " | ");
    add_installers(triggers, migrations, v, out);
    pgr_buf_adds(out, " |");
    if (!below) add_comments(v, " ", out);
    pgr_buf_adds(out, below ? "\n" : " |\n");
  }
  pgr_buf_adds(out, "\n");
  if (below) add_comments_below(t, out);
}

/* ---- how to change it, and why it is so ---- */

/* A name as a shell takes it. */
static void add_command(const char *command, const char *name, pgr_buf *out) {
  pgr_buf line;
  pgr_buf_init(&line, 0);
  pgr_buf_adds(&line, command);
  if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")] == '\0') {
    pgr_buf_adds(&line, name);
  } else {
    pgr_buf_adds(&line, "'");
    for (const char *p = name; *p; p++)
      pgr_buf_adds(&line, *p == '\'' ? "'\\''" : (char[]){*p, '\0'});
    pgr_buf_adds(&line, "'");
  }
  add_code(pgr_buf_text(&line), false, out);
  out->failed |= line.failed;
  pgr_buf_deinit(&line);
}

static void add_change(const pgr_trigger *t, pgr_buf *out) {
  const pgr_version *latest = pgr_trigger_latest(t);
  bool ruled = t->rule.column_count > 0;
  pgr_buf_adds(out,
               "### How to change it\n\nA version that a database has is never edited; the next one is added.\n\n1. ");
  if (ruled) {
    pgr_buf_adds(out, "Change the rule in ");
    add_code(t->declaration.name, false, out);
    pgr_buf_adds(out, ".\n2. ");
    add_command("pgrace schema new version ", t->name, out);
    pgr_buf_addf(out, " writes version %d from it, and the migration that installs it.\n", latest->number + 1);
  } else {
    add_command("pgrace schema new version ", t->name, out);
    pgr_buf_addf(out,
                 " copies version %d to version %d, and writes the migration that installs it.\n2. Change the copy.\n",
                 latest->number, latest->number + 1);
  }
  pgr_buf_adds(out, "3. `pgrace schema lint`");
  if (pgr__doc_refuses(t)) pgr_buf_adds(out, ", then `pgrace schema up --check --dsn …`: which rows break it already?");
  pgr_buf_adds(out, "\n4. `pgrace schema up --dsn …`\n\n");
}

static void add_decision(const pgr_trigger *t, pgr_buf *out) {
  pgr_buf_adds(out, "### Why it is so\n\n");
  if (t->rule.decision) {
    pgr_buf_adds(out, "The decision record: ");
    add_code(t->rule.decision, false, out);
    pgr_buf_adds(out, ".\n");
    return;
  }
  pgr_buf_adds(out, "No record tells of the decision. ");
  add_command("pgrace schema doc --adr ", t->name, out);
  pgr_buf_adds(out, " begins one.\n");
}

void pgr_schema_doc_markdown(const pgr_triggers *triggers, const pgr_migrations *migrations, pgr_buf *out) {
  add_overview(triggers, out);
  for (size_t i = 0; i < triggers->count; i++) {
    const pgr_trigger *t = &triggers->items[i];
    pgr_buf_adds(out, "\n");
    add_heading(t, i + 1, out);
    add_rule(t, out);
    add_fires(t, out);
    add_error(t, out);
    add_versions(triggers, migrations, t, out);
    add_change(t, out);
    add_decision(t, out);
  }
}

/* ---- a decision record ---- */

void pgr_schema_doc_adr(const pgr_trigger *t, int number, pgr_buf *out) {
  const pgr_rule *r = &t->rule;
  pgr_buf_addf(out, "# %d. The trigger ", number);
  add_code(t->name, false, out);
  pgr_buf_adds(out, "\n\n**Context.** ");
  if (r->why) {
    add_text(r->why, out);
    pgr_buf_adds(out, " ");
  }
  pgr_buf_adds(
      out, "_To be written: what happened, or would happen, without it; who writes, and where two of them meet._\n\n"
           "**Decision.** The database refuses it, whichever program writes: ");
  if (r->column_count)
    add_rule_words(r, out);
  else
    pgr_buf_adds(out, "_to be written: the rule in a sentence._");
  pgr_buf_addf(out, " It raises SQLSTATE %s with the constraint ", r->sqlstate);
  add_code(t->name, false, out);
  if (r->shown) {
    pgr_buf_adds(out, ", which people read as \"");
    add_text(r->shown, out);
    pgr_buf_adds(out, "\"");
  }
  pgr_buf_adds(out,
               ".\n\nLooked at and left: _to be written: CHECK, a unique index, an exclusion constraint, SELECT … FOR "
               "UPDATE in every program that writes, SERIALIZABLE; and why none of them._\n\n"
               "**Consequences.** Every program that writes ");
  add_table_name(r, add_line_code, out);
  pgr_buf_adds(out, " meets it. A change of the rule is a version of its own, below ");
  add_code(t->declaration.name, false, out);
  pgr_buf_adds(out, "; `pgrace schema status` says which one a database has. _To be written: what it costs, who has to "
                    "know of it, and when it may go._\n");
}
