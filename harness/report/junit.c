/* JUnit XML: a testsuite a document, a testcase a cell, in the form that Jenkins' xunit plugin checks (junit-10.xsd),
 * which is the narrowest of those in use: a testcase has no file or line there, so they begin its failure's text or its
 * output, and the testsuite has `file`. */
#include "ci_internal.h"

#include "pgr_clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* text: clean. Good for an attribute in double quotes as well as between tags. */
static void add_text(pgr_buf *out, const char *text) {
  for (size_t plain; *text; text += plain) {
    plain = strcspn(text, "&<>\"");
    pgr_buf_add(out, text, plain);
    text += plain;
    plain = *text != '\0';
    switch (*text) {
    case '&': pgr_buf_adds(out, "&amp;"); break;
    case '<': pgr_buf_adds(out, "&lt;"); break;
    case '>': pgr_buf_adds(out, "&gt;"); break;
    case '"': pgr_buf_adds(out, "&quot;"); break;
    }
  }
}

static void add_attribute(pgr_buf *out, const char *name, const char *value) {
  pgr_buf_addf(out, " %s=\"", name);
  add_text(out, value);
  pgr_buf_adds(out, "\"");
}

static void add_count(pgr_buf *out, const char *name, size_t n) {
  pgr_buf_addf(out, " %s=\"%zu\"", name, n);
}

static void add_time(pgr_buf *out, int64_t ns) {
  pgr_buf_addf(out, " time=\"%.3f\"", (double)ns / (double)PGR_NS_PER_S);
}

/* value: from elsewhere; "" is left out. */
static void add_property(pgr_buf *out, const char *name, const char *value) {
  pgr_buf clean;
  if (!*value) return;
  pgr_buf_init(&clean, 0);
  pgr__ci_add_clean(&clean, value, false);
  pgr_buf_adds(out, "      <property");
  add_attribute(out, "name", name);
  add_attribute(out, "value", pgr_buf_text(&clean));
  pgr_buf_adds(out, "/>\n");
  out->failed |= clean.failed;
  pgr_buf_deinit(&clean);
}

static void add_number_property(pgr_buf *out, const char *name, uint64_t n) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, n);
  add_property(out, name, text);
}

static void add_properties(const pgr_document *d, const pgr_suite *s, pgr_buf *out) {
  const pgr_environment *e = d->run ? &d->run->environment : &d->bench->environment;
  pgr_buf_adds(out, "    <properties>\n");
  add_property(out, "title", s->title);
  add_property(out, "command", s->command);
  add_number_property(out, "exit_status", (uint64_t)s->exit_status);
  add_property(out, "note", s->note);
  add_number_property(out, "seed", d->run ? d->run->seed : d->bench->seed);
  add_property(out, "repeat", s->repeat);
  add_property(out, "environment", s->environment);
  add_property(out, "pgrace", PGR_VERSION);
  add_property(out, "server_version", e->server_version);
  add_property(out, "server_settings", e->server_settings);
  add_property(out, "machine", e->machine);
  if (d->run) {
    add_number_property(out, "agents", d->run->settings.agents);
    add_number_property(out, "rounds", (uint64_t)d->run->settings.rounds);
  } else {
    add_number_property(out, "repetitions", (uint64_t)d->bench->settings.repetitions);
  }
  pgr_buf_adds(out, "    </properties>\n");
}

/* "races/seat.yaml:33", where it is known. */
static void add_place(const pgr_case *c, const char *after, pgr_buf *out) {
  if (!*c->file) return;
  add_text(out, c->file);
  if (c->line) pgr_buf_addf(out, ":%d", c->line);
  pgr_buf_adds(out, after);
}

static void add_output(const pgr_case *c, const char *words, pgr_buf *out) {
  if (!*c->file && !*words) return;
  pgr_buf_adds(out, "      <system-out>");
  add_place(c, *words ? ": " : "", out);
  add_text(out, words);
  pgr_buf_adds(out, "</system-out>\n");
}

/* tag: failure or error. */
static void add_problem(const pgr_case *c, const char *tag, pgr_buf *out) {
  pgr_buf_addf(out, "      <%s", tag);
  add_attribute(out, "type", *c->kind ? c->kind : tag);
  add_attribute(out, "message", c->message);
  pgr_buf_adds(out, ">");
  add_place(c, "\n", out);
  add_text(out, *c->details ? c->details : c->message);
  pgr_buf_addf(out, "</%s>\n", tag);
}

static void add_case(const char *classname, const pgr_case *c, pgr_buf *out) {
  pgr_buf_adds(out, "    <testcase");
  add_attribute(out, "name", c->name);
  add_attribute(out, "classname", classname);
  add_time(out, c->elapsed_ns);
  pgr_buf_adds(out, ">\n");
  switch (c->status) {
  case PGR_CASE_PASSED: add_output(c, c->message, out); break;
  case PGR_CASE_SKIPPED:
    pgr_buf_adds(out, "      <skipped");
    add_attribute(out, "message", c->message);
    pgr_buf_adds(out, "/>\n");
    add_output(c, "", out);
    break;
  case PGR_CASE_FAILED: add_problem(c, "failure", out); break;
  case PGR_CASE_ERROR: add_problem(c, "error", out); break;
  }
  pgr_buf_adds(out, "    </testcase>\n");
}

/* "pgrace.claim"; where another document is of the same scenario "pgrace.claim.explore", and of the same command
 * "pgrace.claim.explore.2": readers tell cases apart by class and name alone. */
static void add_classname(const pgr__suites *all, const pgr_suite *s, pgr_buf *out) {
  bool alone = true;
  size_t number = 1;
  for (size_t i = 0; i < all->count; i++) {
    const pgr_suite *other = &all->each[i];
    if (other == s || strcmp(other->name, s->name) != 0) continue;
    alone = false;
    number += other < s && strcmp(other->command, s->command) == 0;
  }
  pgr_buf_addf(out, "pgrace.%s", s->name);
  if (!alone) pgr_buf_addf(out, ".%s", s->command);
  if (number > 1) pgr_buf_addf(out, ".%zu", number);
}

static void add_suite(const pgr_document *d, const pgr__suites *all, const pgr_suite *s, pgr_buf *out) {
  pgr_buf classname;
  pgr_buf_init(&classname, 0);
  add_classname(all, s, &classname);
  pgr_buf_adds(out, "  <testsuite");
  add_attribute(out, "name", s->name);
  add_count(out, "tests", s->count);
  add_count(out, "failures", s->failed);
  add_count(out, "errors", s->errors);
  add_count(out, "skipped", s->skipped);
  add_time(out, s->elapsed_ns);
  if (*s->started_at) add_attribute(out, "timestamp", s->started_at);
  if (s->count > 0 && *s->cases[0].file) add_attribute(out, "file", s->cases[0].file);
  pgr_buf_adds(out, ">\n");
  add_properties(d, s, out);
  for (size_t i = 0; i < s->count; i++)
    add_case(pgr_buf_text(&classname), &s->cases[i], out);
  pgr_buf_adds(out, "  </testsuite>\n");
  out->failed |= classname.failed;
  pgr_buf_deinit(&classname);
}

pgr_code pgr_junit(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) {
  pgr__suites all;
  pgr_code code = pgr__suites_make(d, count, &all, err);
  if (!code) {
    pgr_buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"pgrace\"");
    add_count(out, "tests", all.cases);
    add_count(out, "failures", all.failed);
    add_count(out, "errors", all.errors);
    add_time(out, all.elapsed_ns);
    pgr_buf_adds(out, ">\n");
    for (size_t i = 0; i < all.count; i++)
      add_suite(&d[i], &all, &all.each[i], out);
    pgr_buf_adds(out, "</testsuites>\n");
    if (out->failed) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  pgr__suites_deinit(&all);
  return code;
}
