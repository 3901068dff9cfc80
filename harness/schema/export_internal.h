/* What the forms of exported migrations share. */
#ifndef PGR_EXPORT_INTERNAL_H
#define PGR_EXPORT_INTERNAL_H

#include "pgr_export.h"

/* A migration on its way out. Texts in the arena. */
typedef struct pgr__leaving {
  const pgr_migration *migration;
  const char *snake, *camel; /* two names that no other migration has, of ASCII letters, digits and, the first, _ */
  int64_t stamp;             /* 0: the form has none */
} pgr__leaving;

typedef struct pgr__exporter {
  const pgr_export_options *options;
  const pgr__leaving *leaving;
  size_t leaving_count;
  pgr_arena *arena;
  pgr_export_file *files;
  size_t file_count, file_room;
  pgr_err *err;
} pgr__exporter;

/* One form. */
typedef struct pgr__form {
  bool stamped;    /* its versions are times */
  bool names_code; /* its classes stand beside the application's own: a name that is no verb's would be a model's */
  /* app and after. */
  pgr_code (*check)(const pgr_export_options *options, pgr_err *err);
  /* Adds the files of leaving[index]. */
  pgr_code (*write)(pgr__exporter *x, size_t index);
  void (*write_application)(const pgr_triggers *triggers, pgr_buf *out); /* NULL: nothing is needed */
} pgr__form;

extern const pgr__form pgr__form_ecto, pgr__form_rails, pgr__form_django;

/* Copies text; name: in the arena. */
pgr_code pgr__export_add(pgr__exporter *x, const char *name, const pgr_buf *text) PGR_MUST_CHECK;

/* ---- SQL ---- */

typedef struct pgr__extract {
  const char *text; /* borrowed of a source, without white space around it */
  size_t len;
} pgr__extract;

/* The statements of one direction, each with its semicolon and the comments that belong to it: nothing is left out.
 * *out: in the arena. Errors: PGR_EUSAGE, PGR_ENOMEM. */
pgr_code pgr__export_cut(pgr__exporter *x, const pgr_migration_text *t, const pgr__extract **out,
                         size_t *count) PGR_MUST_CHECK;

/* ---- texts in a language's source ---- */

/* Whether it has no characters that a language refuses in its source, or that show a reader something else: control
 * characters but line feeds and tabs, those that end lines elsewhere, those that turn the direction of text. */
bool pgr__export_is_plain(const char *text, size_t len);

/* What a form's strings in double quotes mean by themselves. */
typedef enum pgr__escapes {
  PGR__ESCAPES_PLAIN,       /* Python: \ and " */
  PGR__ESCAPES_INTERPOLATED /* Ruby, Elixir: #{ too */
} pgr__escapes;

/* Appends text as it stands between double quotes, one or three of them. lines: line feeds and tabs stay what they
 * are. */
void pgr__export_escape(const char *text, size_t len, pgr__escapes escapes, bool lines, pgr_buf *out);
/* Appends "text". */
void pgr__export_literal(const char *text, pgr__escapes escapes, pgr_buf *out);
/* Appends :text or :"text", an atom of Elixir, a symbol of Ruby. */
void pgr__export_atom(const char *text, pgr_buf *out);
/* Appends text that cannot end a comment of one line. */
void pgr__export_remark(const char *text, pgr_buf *out);

/* Appends lines with an indent, in characters, but for those that are empty; the last one ends, too. */
void pgr__export_indent(const char *text, size_t len, int indent, pgr_buf *out);

/* Appends "# Made by … of 0002_inbox." and its line's end. */
void pgr__export_origin(const pgr_migration *m, pgr_buf *out);

/* ---- what is shown ---- */

/* The field and the message of a rule; false: nobody declared a field, and no column is known either. */
bool pgr__export_shown(const pgr_rule *rule, const char **field, const char **message);

#endif
