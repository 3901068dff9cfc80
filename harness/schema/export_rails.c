/* Migrations of Rails 6.1 and later. ActiveRecord sends what `execute` is given as it is: one `execute` a file. */
#include "export_internal.h"

#include <string.h>

static pgr_code check(const pgr_export_options *o, pgr_err *err) {
  if (!o->app && !o->after) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "--%s: migrations of Rails have no place for it, leave it out",
                  o->app ? "app" : "after");
}

/* SQL, SQL1, SQL2 …: the first that no line consists of. */
static void write_terminator(const char *text, pgr_buf *out) {
  pgr_buf_adds(out, "SQL");
  for (int i = 1; strstr(text, pgr_buf_text(out)) && !out->failed; i++) {
    bool ends = false;
    for (const char *at = text; (at = strstr(at, pgr_buf_text(out))); at += out->len)
      ends |= at[out->len] == '\n' || at[out->len] == '\0';
    if (!ends) return;
    pgr_buf_clear(out);
    pgr_buf_addf(out, "SQL%d", i);
  }
}

/* The text begins with what is no white space, so that Ruby takes away the indent and nothing else. */
static void write_execute(const pgr_source *part, pgr_buf *out) {
  pgr_buf escaped, terminator;
  const char *text = part->text + strspn(part->text, " \t\r\n\f\v");
  size_t len = strlen(text);
  while (len > 0 && strchr(" \t\r\n\f\v", text[len - 1]))
    len--;
  pgr_buf_init(&escaped, 0);
  pgr_buf_init(&terminator, 0);
  bool raw = pgr__export_is_plain(text, len);
  if (raw)
    pgr_buf_add(&escaped, text, len);
  else
    pgr__export_escape(text, len, PGR__ESCAPES_INTERPOLATED, true, &escaped);
  write_terminator(pgr_buf_text(&escaped), &terminator);
  const char *quote = raw ? "'" : "", *end = pgr_buf_text(&terminator);
  pgr_buf_addf(out, "    execute <<~%s%s%s\n", quote, end, quote);
  pgr__export_indent(pgr_buf_text(&escaped), escaped.len, 6, out);
  pgr_buf_addf(out, "    %s\n", end);
  out->failed |= escaped.failed || terminator.failed;
  pgr_buf_deinit(&escaped);
  pgr_buf_deinit(&terminator);
}

static void write_method(const char *name, const pgr_migration_text *t, pgr_buf *out) {
  pgr_buf_addf(out, "  def %s\n", name);
  for (size_t i = 0; i < t->part_count; i++) {
    if (i > 0) pgr_buf_adds(out, "\n");
    write_execute(&t->parts[i], out);
  }
  if (!t->file)
    pgr_buf_adds(out, "    raise ActiveRecord::IrreversibleMigration, \"this migration cannot be taken back\"\n");
  pgr_buf_adds(out, "  end\n");
}

static pgr_code write(pgr__exporter *x, size_t index) {
  const pgr__leaving *l = &x->leaving[index];
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_buf_addf(&text, "class %s < ActiveRecord::Migration[6.1]\n  ", l->camel);
  pgr__export_origin(l->migration, &text);
  pgr_buf_adds(&text, "\n");
  write_method("up", &l->migration->up, &text);
  pgr_buf_adds(&text, "\n");
  write_method("down", &l->migration->down, &text);
  pgr_buf_adds(&text, "end\n");
  pgr_code code = pgr__export_add(x, pgr_arena_printf(x->arena, "%lld_%s.rb", (long long)l->stamp, l->snake), &text);
  pgr_buf_deinit(&text);
  return code;
}

static void write_shown(const pgr_triggers *triggers, pgr_buf *out) {
  const char *field, *message;
  for (size_t i = 0; i < triggers->count; i++) {
    const pgr_rule *rule = &triggers->items[i].rule;
    if (!pgr__export_shown(rule, &field, &message)) {
      pgr_buf_adds(out, "    # ");
      pgr__export_remark(rule->name, out);
      pgr_buf_adds(out, ": its trigger.yaml does not say where it is shown (shown: field, message).\n");
      continue;
    }
    pgr_buf_adds(out, "    # ");
    pgr__export_remark(rule->table, out);
    pgr_buf_adds(out, "\n    ");
    pgr__export_literal(rule->name, PGR__ESCAPES_INTERPOLATED, out);
    pgr_buf_adds(out, " => [");
    pgr__export_atom(field, out);
    pgr_buf_adds(out, ", ");
    pgr__export_literal(message, PGR__ESCAPES_INTERPOLATED, out);
    pgr_buf_adds(out, "],\n");
  }
}

/* save rescues RecordInvalid, rolls back and is false; save! lets it through. */
static void write_application(const pgr_triggers *triggers, pgr_buf *out) {
  pgr_buf_adds(out,
               "# config/application.rb: db/schema.rb leaves triggers out, db/structure.sql has them\n"
               "#   config.active_record.schema_format = :sql\n"
               "#\n"
               "# app/models/concerns/trigger_errors.rb, to be included in the models of these tables: what a\n"
               "# trigger refuses becomes an error of the field, for save and save! as for a validation. Within a\n"
               "# transaction of your own, save in transaction(requires_new: true) to go on after it.\n"
               "module TriggerErrors\n"
               "  extend ActiveSupport::Concern\n\n"
               "  SHOWN = {\n");
  write_shown(triggers, out);
  pgr_buf_adds(out, "  }.freeze\n\n"
                    "  included { around_save :show_trigger_errors }\n\n"
                    "  private\n\n"
                    "  def show_trigger_errors\n"
                    "    yield\n"
                    "  rescue ActiveRecord::StatementInvalid => error\n"
                    "    result = error.cause.result if error.cause.is_a?(PG::Error)\n"
                    "    field, message = SHOWN[result&.error_field(PG::Result::PG_DIAG_CONSTRAINT_NAME)]\n"
                    "    raise unless field\n\n"
                    "    errors.add(field, message)\n"
                    "    raise ActiveRecord::RecordInvalid, self\n"
                    "  end\n"
                    "end\n");
}

const pgr__form pgr__form_rails = {
    .stamped = true, .names_code = true, .check = check, .write = write, .write_application = write_application};
