/* What is left behind when there is a result. A file, or a stream, that cannot be written keeps nothing else from being
 * written: the first such error is told at the end. */
#include "outputs.h"

#include "pgr_mem.h"
#include "pgr_page.h"
#include "pgr_report.h"
#include "pgr_suite.h"
#include "pgr_trace_events.h"
#include "pgr_units.h"
#include "pgr_utf8.h"
#include "scenario_triggers.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPEAT_BYTES = 1024, RENDERED_BYTES_MAX = 1 << 30 };

/* The documents of one report, and the text of each: borrowed. */
typedef struct sheaf {
  const pgr_document *at;
  const pgr_buf *json;
  size_t count;
  const pgr_buf *beside; /* as of pgr_outputs */
  size_t beside_count;
  unsigned style;
} sheaf;

/* ---- formats; each appends ---- */

static pgr_code render_text(const sheaf *s, pgr_buf *out, pgr_err *err) {
  (void)err;
  for (size_t i = 0; i < s->count; i++)
    pgr_document_text(&s->at[i], s->style, out);
  return PGR_OK;
}

static pgr_code render_json(const sheaf *s, pgr_buf *out, pgr_err *err) {
  if (s->count != 1) return pgr_fail(err, PGR_EUSAGE, "--format json: one document at a time, not %zu", s->count);
  pgr_buf_add(out, pgr_buf_text(&s->json[0]), s->json[0].len);
  return PGR_OK;
}

static pgr_code render_junit(const sheaf *s, pgr_buf *out, pgr_err *err) {
  return pgr_junit(s->at, s->count, out, err);
}

static pgr_code render_tap(const sheaf *s, pgr_buf *out, pgr_err *err) {
  return pgr_tap(s->at, s->count, out, err);
}

static pgr_code render_markdown(const sheaf *s, pgr_buf *out, pgr_err *err) {
  return pgr_markdown(s->at, s->count, out, err);
}

static pgr_code render_annotations(const sheaf *s, pgr_buf *out, pgr_err *err) {
  return pgr_annotations(s->at, s->count, out, err);
}

static pgr_code render_page(const sheaf *s, pgr_buf *out, pgr_err *err) {
  pgr_buf *all = pgr_calloc(s->count + s->beside_count + 1, sizeof *all); /* borrowed copies */
  if (!all) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; i < s->count; i++)
    all[i] = s->json[i];
  for (size_t i = 0; i < s->beside_count; i++)
    all[s->count + i] = s->beside[i];
  pgr_code code = pgr_page(all, s->count + s->beside_count, out, err);
  pgr_free(all);
  return code;
}

static pgr_code render_trace(const sheaf *s, pgr_buf *out, pgr_err *err) {
  return pgr_trace_events(s->at, s->count, out, err);
}

static pgr_code render_openmetrics(const sheaf *s, pgr_buf *out, pgr_err *err) {
  if (s->count != 1 || !s->at[0].bench)
    return pgr_fail(err, PGR_EUSAGE, "--format openmetrics: for one result of pgrace bench");
  pgr_bench_openmetrics(s->at[0].bench, out);
  return PGR_OK;
}

typedef struct form {
  const char *name;
  pgr_code (*render)(const sheaf *s, pgr_buf *out, pgr_err *err);
  const char *file; /* of --out; NULL: none, or written otherwise */
} form;

static const form forms[] = {{"text", render_text, NULL},
                             {"json", render_json, NULL},
                             {"junit", render_junit, "junit.xml"},
                             {"tap", render_tap, NULL},
                             {"markdown", render_markdown, "summary.md"},
                             {"github", render_annotations, NULL},
                             {"html", render_page, "report.html"},
                             {"trace", render_trace, "trace.json"},
                             {"openmetrics", render_openmetrics, NULL}};

enum { FORMS = sizeof forms / sizeof *forms };

/* NULL when there is none of that name. */
static const form *find_form(const char *name) {
  for (size_t i = 0; i < FORMS; i++)
    if (strcmp(forms[i].name, name) == 0) return &forms[i];
  return NULL;
}

pgr_code pgr_outputs_check_format(const char *format, bool bench, pgr_err *err) {
  const char *names[FORMS + 1] = {NULL};
  char all[160] = "";
  size_t count = bench ? FORMS : FORMS - 1;
  for (size_t i = 0; i < count; i++) {
    size_t at = strlen(all);
    names[i] = forms[i].name;
    snprintf(all + at, sizeof all - at, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", names[i]);
  }
  const form *f = find_form(format);
  if (f && f->render == render_openmetrics && !bench)
    return pgr_fail(err, PGR_EUSAGE, "--format openmetrics: for pgrace bench only");
  if (f && f->render == render_page && !pgr_page_is_built())
    return pgr_fail(err, PGR_EUSAGE, "--format html: this pgrace was built without it, build it with -DPGR_HTML=ON");
  if (f) return PGR_OK;
  const char *near = pgr_nearest(format, names);
  return near ? pgr_fail(err, PGR_EUSAGE, "--format: '%.40s' is unknown, did you mean '%s'?", format, near)
              : pgr_fail(err, PGR_EUSAGE, "--format: '%.40s' is unknown, give %s", format, all);
}

bool pgr_outputs_are_text(const pgr_outputs *o) {
  return o->format && strcmp(o->format, "text") == 0;
}

/* ---- writing ---- */

/* The first error is kept. */
static void note(pgr_code code, const pgr_err *why, pgr_err *first) {
  if (!code || first->code) return;
  *first = *why;
  first->code = code;
}

/* out: initialised; deinit after use, also after an error. */
static pgr_code render(const form *f, const sheaf *s, pgr_buf *out, pgr_err *err) {
  pgr_buf_init(out, RENDERED_BYTES_MAX);
  pgr_code code = f->render(s, out, err);
  return !code && out->failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : code;
}

static pgr_code print(const pgr_buf *text, FILE *to, const char *what, pgr_err *err) {
  if (fwrite(pgr_buf_text(text), 1, text->len, to) == text->len && fflush(to) == 0) return PGR_OK;
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot write %s", what);
}

static pgr_code write_stdout(const pgr_outputs *o, const sheaf *s, pgr_err *err) {
  pgr_buf text;
  pgr_code code = render(find_form(o->format), s, &text, err);
  if (!code) code = print(&text, stdout, "the report to standard output", err);
  pgr_buf_deinit(&text);
  return code;
}

static void write_files(const pgr_outputs *o, const sheaf *s, pgr_err *first) {
  pgr_err why;
  for (size_t i = 0; i < FORMS; i++) {
    pgr_buf text;
    if (!forms[i].file || (forms[i].render == render_page && !pgr_page_is_built())) continue;
    pgr_code code = render(&forms[i], s, &text, &why);
    if (!code) code = pgr_outdir_write(o->out, forms[i].file, &text, &why);
    note(code, &why, first);
    pgr_buf_deinit(&text);
  }
  if (s->count == 1) note(pgr_outdir_finish(o->out, &s->json[0], o->keeps_history, &why), &why, first);
}

/* ---- GitHub ---- */

static bool is_on_github(void) {
  const char *actions = getenv("GITHUB_ACTIONS");
  return actions && strcmp(actions, "true") == 0;
}

static pgr_code append_summary(const sheaf *s, pgr_err *err) {
  const char *path = getenv("GITHUB_STEP_SUMMARY");
  pgr_buf text;
  if (!path || !*path) return PGR_OK;
  pgr_code code = render(find_form("markdown"), s, &text, err);
  FILE *f = code ? NULL : fopen(path, "ae");
  bool ok = f && fwrite(pgr_buf_text(&text), 1, text.len, f) == text.len;
  if (f && fclose(f)) ok = false;
  pgr_buf_deinit(&text);
  if (code || ok) return code;
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot append to GITHUB_STEP_SUMMARY %.200s: %s", path, strerror(errno));
}

/* Annotations go to standard error: the runner reads both, and standard output is somebody's format. */
static void tell_github(const pgr_outputs *o, const sheaf *s, pgr_err *first) {
  pgr_err why;
  if (!o->format || strcmp(o->format, "github") != 0) {
    pgr_buf text;
    pgr_code code = render(find_form("github"), s, &text, &why);
    if (!code) code = print(&text, stderr, "annotations to standard error", &why);
    note(code, &why, first);
    pgr_buf_deinit(&text);
  }
  note(append_summary(s, &why), &why, first);
}

bool pgr_outputs_want_errors(const pgr_outputs *o) {
  bool is_told = !o->format || pgr_outputs_are_text(o);
  return !is_told || o->out || is_on_github();
}

/* ---- all of it ---- */

static unsigned style_of(const pgr_outputs *o) {
  bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
  return (colour ? PGR_STYLE_COLOUR : 0) | (o->verbose ? PGR_STYLE_VERBOSE : 0);
}

pgr_code pgr_outputs_write_all(const pgr_outputs *o, const pgr_document *d, const pgr_buf *json, size_t count,
                               pgr_err *err) {
  pgr_err first = {0}, why;
  const sheaf s = {.at = d,
                   .json = json,
                   .count = count,
                   .beside = o->beside,
                   .beside_count = o->beside_count,
                   .style = style_of(o)};
  if (o->format) note(write_stdout(o, &s, &why), &why, &first);
  if (o->out) write_files(o, &s, &first);
  if (count && is_on_github()) tell_github(o, &s, &first);
  if (first.code) *err = first;
  return first.code;
}

static bool needs_json(const pgr_outputs *o) {
  return o->out || (o->format && (strcmp(o->format, "json") == 0 || strcmp(o->format, "html") == 0));
}

/* The page shows the triggers that guarded what was raced. */
pgr_code pgr_outputs_write(const pgr_outputs *o, const pgr_document *d, const pgr_buf *json, pgr_err *err) {
  pgr_buf made, triggers;
  if (json) return pgr_outputs_write_all(o, d, json, 1, err);
  pgr_buf_init(&made, 0);
  pgr_buf_init(&triggers, 0);
  pgr_code code = needs_json(o) ? pgr_document_json(d, &made, err) : PGR_OK;
  if (needs_json(o)) pgr_scenario_triggers(d->bench ? d->bench->scenario : d->run->scenario, &triggers);
  pgr_outputs with = *o;
  with.beside = &triggers;
  with.beside_count = triggers.len > 0 && !triggers.failed;
  if (!code) code = pgr_outputs_write_all(&with, d, &made, 1, err);
  pgr_buf_deinit(&triggers);
  pgr_buf_deinit(&made);
  return code;
}

/* ---- the command again ---- */

static bool is_plain(const char *word) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+";
  return *word && strspn(word, plain) == strlen(word);
}

/* As a shell takes it. */
static void add_word(pgr_buf *line, const char *word) {
  pgr_buf_adds(line, " ");
  if (is_plain(word)) {
    pgr_buf_adds(line, word);
    return;
  }
  pgr_buf_adds(line, "'");
  for (; *word; word++)
    pgr_buf_adds(line, *word == '\'' ? "'\\''" : (char[]){*word, '\0'});
  pgr_buf_adds(line, "'");
}

/* A connection string, wherever it is given; pgrace takes one after --dsn only. */
static bool holds_secret(const char *word) {
  return strstr(word, "://") || strstr(word, "password=");
}

static void add_argument(pgr_buf *line, const char *before, const char *word) {
  static const char dsn[] = "--dsn=";
  if (strncmp(word, dsn, sizeof dsn - 1) == 0 && word[sizeof dsn - 1])
    pgr_buf_addf(line, " %s…", dsn);
  else if (holds_secret(word) || (strcmp(before, "--dsn") == 0 && *word))
    pgr_buf_adds(line, " …");
  else
    add_word(line, word);
}

void pgr_outputs_repeat(int argc, char **argv, uint64_t seed, bool seed_given, char *out, size_t out_bytes) {
  pgr_buf line;
  char shown[REPEAT_BYTES];
  pgr_buf_init(&line, REPEAT_BYTES);
  pgr_buf_adds(&line, "pgrace");
  for (int i = 0; i < argc; i++) {
    if (!seed_given && strcmp(argv[i], "--") == 0) {
      pgr_buf_addf(&line, " --seed %llu", (unsigned long long)seed);
      seed_given = true;
    }
    add_argument(&line, i ? argv[i - 1] : "", argv[i]);
  }
  if (!seed_given) pgr_buf_addf(&line, " --seed %llu", (unsigned long long)seed);
  /* A part of a command, or one that a document cannot hold, is none. */
  pgr_utf8_copy(shown, sizeof shown, pgr_buf_text(&line));
  bool whole = !line.failed && line.len < out_bytes && strcmp(shown, pgr_buf_text(&line)) == 0;
  snprintf(out, out_bytes, "%s", whole ? pgr_buf_text(&line) : "");
  pgr_buf_deinit(&line);
}
