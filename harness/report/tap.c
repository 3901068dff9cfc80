/* TAP version 14. Diagnostics are YAML of the plainest kind (quoted strings, lists, maps): the reader of perl's own
 * harness knows no block scalars. */
#include "ci_internal.h"

#include <string.h>

/* len_bytes of text, a backslash before each of the characters `special`. */
static void add_escaped(pgr_buf *out, const char *text, size_t len_bytes, const char *special) {
  for (size_t i = 0; i < len_bytes;) {
    size_t plain = strcspn(text + i, special), left = len_bytes - i;
    pgr_buf_add(out, text + i, plain < left ? plain : left);
    i += plain;
    if (i < len_bytes) pgr_buf_addf(out, "\\%c", text[i++]);
  }
}

/* A description or a reason: a # begins a directive. */
static void add_plain(pgr_buf *out, const char *text) {
  add_escaped(out, text, strlen(text), "\\#");
}

/* len_bytes of text, clean, without line feeds. */
static void add_quoted(pgr_buf *out, const char *text, size_t len_bytes) {
  pgr_buf_adds(out, "\"");
  add_escaped(out, text, len_bytes, "\\\"");
  pgr_buf_adds(out, "\"");
}

static void add_field(pgr_buf *out, const char *name, const char *text) {
  pgr_buf_addf(out, "  %s: ", name);
  add_quoted(out, text, strlen(text));
  pgr_buf_adds(out, "\n");
}

/* As an item of a list. Perl's reader takes `"word: …"` there for a map, quotes or not: that colon is written as \x3a.
 */
static void add_item(pgr_buf *out, const char *line, size_t len_bytes) {
  size_t word = strcspn(line, " \n"), colon = word + strspn(line + word, " ");
  if (line[colon] != ':' && word > 0) colon = word - 1;
  bool taken = line[colon] == ':';
  pgr_buf_adds(out, "    - \"");
  if (taken) {
    add_escaped(out, line, colon, "\\\"");
    pgr_buf_adds(out, "\\x3a");
  }
  size_t rest = taken ? colon + 1 : 0;
  add_escaped(out, line + rest, len_bytes - rest, "\\\"");
  pgr_buf_adds(out, "\"\n");
}

static void add_lines(pgr_buf *out, const char *name, const char *text) {
  pgr_buf_addf(out, "  %s:\n", name);
  while (*text) {
    size_t len = strcspn(text, "\n");
    add_item(out, text, len);
    text += len + (text[len] == '\n');
  }
}

static void add_diagnostics(const pgr_suite *s, const pgr_case *c, pgr_buf *out) {
  pgr_buf_adds(out, "  ---\n");
  add_field(out, "message", c->message);
  add_field(out, "severity", c->status == PGR_CASE_ERROR ? "error" : "fail");
  if (*c->kind) add_field(out, "kind", c->kind);
  if (*c->file) {
    pgr_buf_adds(out, "  at:\n  ");
    add_field(out, "file", c->file);
    if (c->line) pgr_buf_addf(out, "    line: %d\n", c->line);
  }
  if (*c->details) add_lines(out, "details", c->details);
  if (*s->repeat) add_field(out, "repeat", s->repeat);
  pgr_buf_adds(out, "  ...\n");
}

static void add_case(const pgr__suites *all, const pgr_suite *s, const pgr_case *c, size_t number, pgr_buf *out) {
  bool ok = c->status == PGR_CASE_PASSED || c->status == PGR_CASE_SKIPPED;
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr__ci_add_case_name(all, s, c, &name);
  pgr_buf_addf(out, "%sok %zu - ", ok ? "" : "not ", number);
  add_plain(out, pgr_buf_text(&name));
  if (c->status == PGR_CASE_SKIPPED) {
    pgr_buf_adds(out, " # SKIP ");
    add_plain(out, c->message);
  }
  pgr_buf_adds(out, "\n");
  if (!ok) add_diagnostics(s, c, out);
  out->failed |= name.failed;
  pgr_buf_deinit(&name);
}

pgr_code pgr_tap(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) {
  pgr__suites all;
  size_t number = 0;
  pgr_code code = pgr__suites_make(d, count, &all, err);
  if (!code) {
    pgr_buf_addf(out, "TAP version 14\n1..%zu%s\n", all.cases, all.cases ? "" : " # SKIP there is no result");
    for (size_t i = 0; i < all.count; i++) {
      const pgr_suite *s = &all.each[i];
      pgr_buf_addf(out, "# pgrace %s, %s: %s\n# %s\n", s->command, s->name, s->title, s->environment);
      for (size_t k = 0; k < s->count; k++)
        add_case(&all, s, &s->cases[k], ++number, out);
      if (*s->note) pgr_buf_addf(out, "# note: %s\n", s->note);
    }
    if (out->failed) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  pgr__suites_deinit(&all);
  return code;
}
