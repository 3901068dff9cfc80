/* Migrations of Ecto. Ecto sends what `execute` is given as a prepared statement, which PostgreSQL takes one of: each
 * statement has an `execute` of its own. */
#include "export_internal.h"

#include <ctype.h>
#include <string.h>

/* Aliases with dots between them: "MyApp", "MyApp.Repo". */
static bool is_module(const char *text) {
  for (;;) {
    if (!isupper((unsigned char)*text)) return false;
    while (isalnum((unsigned char)*text) || *text == '_')
      text++;
    if (*text == '\0') return true;
    if (*text++ != '.') return false;
  }
}

static pgr_code check(const pgr_export_options *o, pgr_err *err) {
  if (o->after) return pgr_fail(err, PGR_EUSAGE, "--after: migrations of Ecto do not name each other, leave it out");
  if (!o->app) return pgr_fail(err, PGR_EUSAGE, "ecto: name the application's module, as in --app MyApp");
  if (strlen(o->app) <= 200 && is_module(o->app)) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "--app: '%.80s' is no module of Elixir, write it like MyApp or MyApp.Repo", o->app);
}

/* A sigil that knows no escapes, unless the text needs some. */
static void write_execute(const pgr__extract *e, pgr_buf *out) {
  pgr_buf escaped, whole;
  pgr_buf_init(&escaped, 0);
  pgr_buf_init(&whole, 0);
  pgr_buf_add(&whole, e->text, e->len);
  bool raw = pgr__export_is_plain(e->text, e->len) && !strstr(pgr_buf_text(&whole), "\"\"\"");
  if (!raw) pgr__export_escape(e->text, e->len, PGR__ESCAPES_INTERPOLATED, true, &escaped);
  const pgr_buf *text = raw ? &whole : &escaped;
  pgr_buf_addf(out, "    execute %s\"\"\"\n", raw ? "~S" : "");
  pgr__export_indent(pgr_buf_text(text), text->len, 4, out);
  pgr_buf_adds(out, "    \"\"\"\n");
  out->failed |= escaped.failed || whole.failed;
  pgr_buf_deinit(&escaped);
  pgr_buf_deinit(&whole);
}

static pgr_code write_function(pgr__exporter *x, const char *name, const pgr_migration_text *t, pgr_buf *out) {
  const pgr__extract *items;
  size_t count;
  pgr_code code = pgr__export_cut(x, t, &items, &count);
  if (code) return code;
  pgr_buf_addf(out, "  def %s do\n", name);
  for (size_t i = 0; i < count; i++) {
    if (i > 0) pgr_buf_adds(out, "\n");
    write_execute(&items[i], out);
  }
  pgr_buf_adds(out, count > 0 ? "  end\n" : "    :ok\n  end\n");
  return PGR_OK;
}

static pgr_code write_module(pgr__exporter *x, const pgr__leaving *l, pgr_buf *out) {
  const char *app = x->options->app;
  size_t len = strlen(app);
  bool names_repo = len >= 4 && strcmp(app + len - 4, "Repo") == 0;
  pgr_buf_addf(out, "defmodule %s.%sMigrations.%s do\n  ", app, names_repo ? "" : "Repo.", l->camel);
  pgr__export_origin(l->migration, out);
  pgr_buf_adds(out, "  use Ecto.Migration\n\n");
  pgr_code code = write_function(x, "up", &l->migration->up, out);
  if (code) return code;
  pgr_buf_adds(out, "\n");
  if (l->migration->down.file)
    code = write_function(x, "down", &l->migration->down, out);
  else
    pgr_buf_adds(out, "  def down do\n    raise Ecto.MigrationError, \"this migration cannot be taken back\"\n  end\n");
  pgr_buf_adds(out, "end\n");
  return code;
}

static pgr_code write(pgr__exporter *x, size_t index) {
  const pgr__leaving *l = &x->leaving[index];
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_code code = write_module(x, l, &text);
  if (!code) code = pgr__export_add(x, pgr_arena_printf(x->arena, "%lld_%s.exs", (long long)l->stamp, l->snake), &text);
  pgr_buf_deinit(&text);
  return code;
}

/* What Ecto.Changeset turns an error of this SQLSTATE into an error of a field by; NULL: it has none. */
static const char *constraint_of(const char *sqlstate) {
  static const char *const known[][2] = {{"23514", "check_constraint"},
                                         {"23505", "unique_constraint"},
                                         {"23503", "foreign_key_constraint"},
                                         {"23P01", "exclusion_constraint"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i][0], sqlstate) == 0) return known[i][1];
  return NULL;
}

static void write_constraint(const pgr_rule *rule, pgr_buf *out) {
  const char *field, *message, *function = constraint_of(rule->sqlstate);
  bool shown = pgr__export_shown(rule, &field, &message);
  if (!shown || !function) {
    pgr_buf_adds(out, "# ");
    pgr__export_remark(rule->name, out);
    if (shown)
      pgr_buf_addf(out, ": no changeset takes SQLSTATE %s, its Postgrex.Error is to be rescued.\n", rule->sqlstate);
    else
      pgr_buf_adds(out, ": its trigger.yaml does not say where it is shown (shown: field, message).\n");
    return;
  }
  pgr_buf_adds(out, "# In the changeset of ");
  pgr__export_remark(rule->table, out);
  pgr_buf_addf(out, ":\n|> %s(", function);
  pgr__export_atom(field, out);
  pgr_buf_adds(out, ", name: ");
  pgr__export_atom(rule->name, out);
  pgr_buf_adds(out, ", message: ");
  pgr__export_literal(message, PGR__ESCAPES_INTERPOLATED, out);
  pgr_buf_adds(out, ")\n");
}

static void write_application(const pgr_triggers *triggers, pgr_buf *out) {
  for (size_t i = 0; i < triggers->count; i++) {
    if (i > 0) pgr_buf_adds(out, "\n");
    write_constraint(&triggers->items[i].rule, out);
  }
}

const pgr__form pgr__form_ecto = {
    .stamped = true, .check = check, .write = write, .write_application = write_application};
