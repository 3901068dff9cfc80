/* Migrations of Django. RunSQL sends each item of a list as it is: without parameters no percent sign means anything,
 * and nothing is cut by sqlparse, which does not know all of PostgreSQL's quotes. */
#include "export_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES_MAX = 200, NUMBER_DIGITS = 4, NUMBER_MAX = 1000000 };

static bool is_word(const char *text) {
  for (const char *p = text; *p; p++)
    if (!isalnum((unsigned char)*p) && *p != '_') return false;
  return *text && strlen(text) <= WORD_BYTES_MAX;
}

static pgr_code check(const pgr_export_options *o, pgr_err *err) {
  if (!o->app) return pgr_fail(err, PGR_EUSAGE, "django: name the application's label, as in --app inbox");
  if (!is_word(o->app) || isdigit((unsigned char)*o->app))
    return pgr_fail(err, PGR_EUSAGE, "--app: '%.80s' is no application's label, write it like inbox", o->app);
  if (!o->after || is_word(o->after)) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "--after: '%.80s' is no migration's name, write it like 0007_texters", o->after);
}

/* "0008_inbox": numbers go on after the migration that the first one depends on, else they are the folder's. */
static const char *name_of(const pgr__exporter *x, size_t index) {
  const pgr__leaving *l = &x->leaving[index];
  const char *after = x->options->after;
  long last = after && isdigit((unsigned char)*after) ? strtol(after, NULL, 10) : -1;
  int64_t number = last >= 0 && last < NUMBER_MAX ? last + 1 + (int64_t)index : l->migration->number;
  return pgr_arena_printf(x->arena, "%0*lld_%s", NUMBER_DIGITS, (long long)number, l->snake);
}

/* A string that knows no escapes where a backslash means one, unless the text needs some. Its lines are not indented:
 * Python would keep that. */
static void write_string(const pgr__extract *e, pgr_buf *out) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_buf_add(&text, e->text, e->len);
  bool raw = pgr__export_is_plain(e->text, e->len) && !strstr(pgr_buf_text(&text), "\"\"\"");
  if (!raw) {
    pgr_buf_clear(&text);
    pgr__export_escape(e->text, e->len, PGR__ESCAPES_PLAIN, true, &text);
  }
  bool has_backslash = strchr(pgr_buf_text(&text), '\\');
  pgr_buf_addf(out, "                %s\"\"\"\n", raw && has_backslash ? "r" : "");
  pgr_buf_add(out, pgr_buf_text(&text), text.len);
  pgr_buf_adds(out, "\n\"\"\",\n");
  out->failed |= text.failed;
  pgr_buf_deinit(&text);
}

static pgr_code write_list(pgr__exporter *x, const char *name, const pgr_migration_text *t, pgr_buf *out) {
  const pgr__extract *items;
  size_t count;
  pgr_code code = pgr__export_cut(x, t, &items, &count);
  if (code) return code;
  pgr_buf_addf(out, "            %s=[\n", name);
  for (size_t i = 0; i < count; i++)
    write_string(&items[i], out);
  pgr_buf_adds(out, "            ],\n");
  return PGR_OK;
}

static pgr_code write_class(pgr__exporter *x, size_t index, pgr_buf *out) {
  const pgr_migration *m = x->leaving[index].migration;
  const char *previous = index > 0 ? name_of(x, index - 1) : x->options->after;
  pgr_buf_adds(out, "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    ");
  pgr__export_origin(m, out);
  pgr_buf_adds(out, "\n    dependencies = [");
  if (previous) pgr_buf_addf(out, "(\"%s\", \"%s\")", x->options->app, previous);
  pgr_buf_adds(out, "]\n\n    operations = [\n        migrations.RunSQL(\n");
  pgr_code code = write_list(x, "sql", &m->up, out);
  if (!code && m->down.file) code = write_list(x, "reverse_sql", &m->down, out);
  pgr_buf_adds(out, "        ),\n    ]\n");
  return code;
}

static pgr_code write(pgr__exporter *x, size_t index) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  const char *name = name_of(x, index);
  pgr_code code = write_class(x, index, &text);
  if (!code) code = pgr__export_add(x, name ? pgr_arena_printf(x->arena, "%s.py", name) : NULL, &text);
  pgr_buf_deinit(&text);
  return code;
}

static void write_shown(const pgr_triggers *triggers, pgr_buf *out) {
  const char *field, *message;
  for (size_t i = 0; i < triggers->count; i++) {
    const pgr_rule *rule = &triggers->items[i].rule;
    pgr_buf_adds(out, "    # ");
    if (!pgr__export_shown(rule, &field, &message)) {
      pgr__export_remark(rule->name, out);
      pgr_buf_adds(out, ": its trigger.yaml does not say where it is shown (shown: field, message).\n");
      continue;
    }
    pgr__export_remark(rule->table, out);
    pgr_buf_adds(out, "\n    ");
    pgr__export_literal(rule->name, PGR__ESCAPES_PLAIN, out);
    pgr_buf_adds(out, ": (");
    pgr__export_literal(field, PGR__ESCAPES_PLAIN, out);
    pgr_buf_adds(out, ", ");
    pgr__export_literal(message, PGR__ESCAPES_PLAIN, out);
    pgr_buf_adds(out, "),\n");
  }
}

static void write_application(const pgr_triggers *triggers, pgr_buf *out) {
  pgr_buf_adds(out, "# trigger_errors.py, beside models.py. Around what writes to these tables, as in\n"
                    "#   with trigger_errors():\n"
                    "#       conversation.save()\n"
                    "# what a trigger refuses becomes a ValidationError of the field, and a transaction goes on.\n"
                    "from contextlib import contextmanager\n\n"
                    "from django.core.exceptions import ValidationError\n"
                    "from django.db import IntegrityError, transaction\n\n"
                    "SHOWN = {\n");
  write_shown(triggers, out);
  pgr_buf_adds(out, "}\n\n\n"
                    "@contextmanager\n"
                    "def trigger_errors(using=None):\n"
                    "    try:\n"
                    "        with transaction.atomic(using=using):\n"
                    "            yield\n"
                    "    except IntegrityError as error:\n"
                    "        diag = getattr(error.__cause__, \"diag\", None)\n"
                    "        shown = SHOWN.get(getattr(diag, \"constraint_name\", None))\n"
                    "        if shown is None:\n"
                    "            raise\n"
                    "        field, message = shown\n"
                    "        raise ValidationError({field: message}) from error\n");
}

const pgr__form pgr__form_django = {.check = check, .write = write, .write_application = write_application};
