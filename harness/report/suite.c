/* From a result to the cases of a test suite. A case follows what makes the exit status (verify/verdict.c for races,
 * cmd_bench.c for loads), so that a suite whose exit status is not 0 has a case that did not pass. */
#include "ci_internal.h"
#include "report_internal.h"

#include "pgr_threshold.h"
#include "pgr_units.h"
#include "pgr_utf8.h"
#include <stdio.h>
#include <string.h>

/* What is longer is cut: a name is a cell of a table, a message a line. */
enum { NAME_BYTES = 160, MESSAGE_BYTES = 600, DETAILS_BYTES = 64 << 10, PATH_BYTES = 4096 };

/* ---- texts ---- */

/* Bytes of a character, well formed, that is not shown as it is; 0: it is. */
static size_t unfit_len(const char *text, const char **instead) {
  const unsigned char *s = (const unsigned char *)text;
  *instead = "\xEF\xBF\xBD";
  if (s[0] == 0xC2 && s[1] < 0xA0) { /* C1 control characters */
    *instead = " ";
    return 2;
  }
  if (s[0] == 0xE2 && s[1] == 0x80 && (s[2] == 0xA8 || s[2] == 0xA9)) { /* line and paragraph separator */
    *instead = " ";
    return 3;
  }
  bool turns = s[0] == 0xE2 && ((s[1] == 0x80 && s[2] >= 0xAA && s[2] <= 0xAE) || /* U+202A … U+202E */
                                (s[1] == 0x81 && s[2] >= 0xA6 && s[2] <= 0xA9));  /* U+2066 … U+2069 */
  bool mark = s[0] == 0xEF && s[1] == 0xBB && s[2] == 0xBF;                       /* byte order */
  bool none = s[0] == 0xEF && s[1] == 0xBF && s[2] >= 0xBE;                       /* U+FFFE, U+FFFF */
  return turns || mark || none ? 3 : 0;
}

void pgr__ci_add_clean(pgr_buf *out, const char *text, bool lines) {
  size_t len = strlen(text);
  const char *instead;
  char *fit = pgr_calloc(len + 1, 1);
  out->failed |= !fit;
  if (!fit) return;
  pgr_utf8_copy(fit, len + 1, text); /* byte for byte: places stay what they are */
  for (size_t i = 0; lines && i < len; i++)
    if (text[i] == '\n') fit[i] = '\n';
  size_t done = 0;
  for (size_t i = 0; i < len; i++) {
    size_t skip = unfit_len(fit + i, &instead);
    if (skip == 0) continue;
    pgr_buf_add(out, fit + done, i - done);
    pgr_buf_adds(out, instead);
    done = i + skip;
    i = done - 1;
  }
  pgr_buf_add(out, fit + done, len - done);
  pgr_free(fit);
}

static void cut(pgr_buf *text, size_t max_bytes) {
  static const char ellipsis[] = "…";
  if (text->failed || text->len <= max_bytes) return;
  size_t len = max_bytes - strlen(ellipsis);
  while (len > 0 && ((unsigned char)text->data[len] & 0xC0) == 0x80)
    len--;
  text->len = len;
  text->data[len] = '\0';
  pgr_buf_adds(text, ellipsis);
}

/* The suite's; NULL: no memory. text may be NULL. */
static const char *keep(pgr_suite *s, const char *text, bool lines, size_t max_bytes) {
  pgr_buf clean;
  pgr_buf_init(&clean, 0);
  pgr__ci_add_clean(&clean, text ? text : "", lines);
  cut(&clean, max_bytes);
  const char *kept = clean.failed ? NULL : pgr_arena_strdup(&s->arena, pgr_buf_text(&clean));
  pgr_buf_deinit(&clean);
  return kept;
}

/* ---- a case in the making ---- */

typedef struct draft {
  pgr_case_status status;
  const char *kind;
  pgr_buf name, message, details;
  int line;
  int64_t elapsed_ns;
} draft;

static void draft_init(draft *d) {
  *d = (draft){.kind = ""};
  pgr_buf_init(&d->name, 0);
  pgr_buf_init(&d->message, 0);
  pgr_buf_init(&d->details, 0);
}

static void draft_deinit(draft *d) {
  pgr_buf_deinit(&d->name);
  pgr_buf_deinit(&d->message);
  pgr_buf_deinit(&d->details);
}

static bool is_taken(const pgr_suite *s, const char *name) {
  for (size_t i = 0; i < s->count; i++)
    if (strcmp(s->cases[i].name, name) == 0) return true;
  return false;
}

/* What was cut, or a document that repeats itself, may have made two the same. */
static const char *unique_name(pgr_suite *s, const char *name) {
  const char *unique = name;
  for (size_t n = s->count + 1; unique && is_taken(s, unique); n++)
    unique = pgr_arena_printf(&s->arena, "%s (%zu)", name, n);
  return unique;
}

/* CI systems want a path as the repository has it: "races/seat.yaml", not "./races/seat.yaml". */
static const char *plain_path(const char *path) {
  while (path && path[0] == '.' && path[1] == '/')
    for (path += 2; *path == '/'; path++)
      ;
  return path;
}

/* Takes the draft. There is room for it. */
static pgr_code finish(pgr_suite *s, const pgr_scenario *scenario, draft *d) {
  const char *name = keep(s, pgr_buf_text(&d->name), false, NAME_BYTES);
  pgr_case c = {.name = name ? unique_name(s, name) : NULL,
                .kind = d->status == PGR_CASE_FAILED ? d->kind : "",
                .message = keep(s, pgr_buf_text(&d->message), false, MESSAGE_BYTES),
                .details = keep(s, pgr_buf_text(&d->details), true, DETAILS_BYTES),
                .file = keep(s, plain_path(scenario->source.name), false, PATH_BYTES),
                .line = d->line > 0 ? d->line : 0,
                .status = d->status,
                .elapsed_ns = d->elapsed_ns > 0 ? d->elapsed_ns : 0};
  bool failed = d->name.failed || d->message.failed || d->details.failed;
  draft_deinit(d);
  if (failed || !c.name || !c.message || !c.details || !c.file) return PGR_ENOMEM;
  s->cases[s->count++] = c;
  s->failed += c.status == PGR_CASE_FAILED;
  s->skipped += c.status == PGR_CASE_SKIPPED;
  s->errors += c.status == PGR_CASE_ERROR;
  s->elapsed_ns += c.elapsed_ns;
  return PGR_OK;
}

/* ---- of races and explorations ---- */

static pgr_case_status raced_status(const pgr_result *r, const pgr_cell *c, const char **kind) {
  pgr_verdict v = c->judgement.verdict;
  if (!c->evidence.ran) return *r->error ? PGR_CASE_ERROR : PGR_CASE_SKIPPED;
  *kind = v == PGR_VERDICT_ERROR                                           ? "error"
          : v == PGR_VERDICT_RACE && c->evidence.expect == PGR_EXPECT_SAFE ? "race"
          : v == PGR_VERDICT_SAFE && c->evidence.expect == PGR_EXPECT_RACE ? "no-race"
                                                                           : "";
  if (**kind) return PGR_CASE_FAILED;
  bool open = v == PGR_VERDICT_INCONCLUSIVE || !c->evidence.complete || !c->judgement.as_expected;
  return open ? PGR_CASE_SKIPPED : PGR_CASE_PASSED;
}

/* "trigger / read committed, gap 1 ms" */
static void add_raced_name(const pgr_result *r, const pgr_cell *c, pgr_buf *out) {
  pgr_buf row;
  pgr_buf_init(&row, 0);
  pgr__add_row_name(r, c, &row);
  out->failed |= row.failed;
  if (!row.failed)
    pgr_buf_addf(out, "%s / %s%s", c->strategy->name, pgr_isolation_name(c->isolation),
                 pgr_buf_text(&row) + strlen(c->strategy->name));
  pgr_buf_deinit(&row);
}

/* " broke “one owner a conversation”, “one answer a conversation”" */
static void add_broken_rules(const pgr_cell *c, pgr_buf *out) {
  const char *separator = " broke ";
  for (int i = 0; i < c->rule_count; i++) {
    if (!c->rules[i].known || c->rules[i].broken == 0) continue;
    pgr_buf_addf(out, "%s“%s”", separator, c->rules[i].name);
    separator = ", ";
  }
}

static bool is_first_of_unknown(const pgr_cell *c) {
  const pgr_proof *p = &c->proof;
  return c->evidence.explored && !p->proved && !p->totals.exhausted && p->totals.broken <= 1;
}

void pgr__ci_add_how_often(const pgr_cell *c, pgr_buf *out) {
  char n[PGR_TEXT_BYTES], of[PGR_TEXT_BYTES];
  if (is_first_of_unknown(c))
    pgr_buf_addf(out, "schedule %s", pgr_format_count(n, c->proof.found_after));
  else
    pgr_buf_addf(out, "%s of %s %s", pgr_format_count(n, (int64_t)c->evidence.duplicates),
                 pgr_format_count(of, (int64_t)c->evidence.contested),
                 c->evidence.explored ? "schedules" : "contested rounds");
}

static void add_race(const pgr_cell *c, pgr_buf *out) {
  pgr_buf_adds(out, "race");
  if (c->evidence.expect == PGR_EXPECT_RACE) pgr_buf_adds(out, ", as expected");
  if (c->evidence.expect == PGR_EXPECT_SAFE) pgr_buf_adds(out, ", although it is declared safe");
  pgr_buf_adds(out, ": ");
  pgr__ci_add_how_often(c, out);
  if (c->judgement.as_expected) {
    if (is_first_of_unknown(c)) pgr_buf_adds(out, ", the first to break a rule");
    return;
  }
  if (!c->evidence.explored)
    add_broken_rules(c, out);
  else if (c->proof.witness && *c->proof.witness->rule)
    pgr_buf_addf(out, " broke “%s”", c->proof.witness->rule);
}

static void add_bound(const pgr_cell *c, pgr_buf *out) {
  char n[PGR_TEXT_BYTES];
  pgr_buf_addf(out, "none seen in %s contested round%s, at most ", pgr_format_count(n, (int64_t)c->evidence.contested),
               c->evidence.contested == 1 ? "" : "s");
  pgr__add_percent(out, c->upper_bound, PGR__UP);
  pgr_buf_adds(out, " % with 95 % confidence");
}

static void add_inconclusive(const pgr_cell *c, pgr_buf *out) {
  bool bounded = !c->evidence.explored && c->evidence.contested > 0 && c->evidence.duplicates == 0;
  if (bounded) {
    add_bound(c, out);
    pgr_buf_adds(out, "; ");
  }
  pgr_buf_addf(out, "inconclusive: %s", c->judgement.why);
}

static void add_first_complaint(const pgr_complaint *complaints, size_t count, pgr_buf *out) {
  if (count == 0) return;
  pgr_buf_addf(out, ", first: %s%s%s", complaints[0].sqlstate, *complaints[0].sqlstate ? " " : "",
               complaints[0].message);
}

static void add_raced_message(const pgr_result *r, const pgr_cell *c, pgr_buf *out) {
  if (!c->evidence.ran) {
    const char *why = *r->error ? r->error : r->note;
    pgr_buf_addf(out, "not run%s%s", *why ? ": " : "", why);
    return;
  }
  if (!c->evidence.complete && c->judgement.verdict != PGR_VERDICT_INCONCLUSIVE) pgr_buf_adds(out, "incomplete: ");
  switch (c->judgement.verdict) {
  case PGR_VERDICT_RACE: add_race(c, out); break;
  case PGR_VERDICT_SAFE:
    pgr_buf_adds(out, c->evidence.expect == PGR_EXPECT_RACE ? "safe, although a race is declared: " : "safe: ");
    pgr_buf_adds(out, c->proof.coverage);
    break;
  case PGR_VERDICT_NONE_SEEN:
    add_bound(c, out);
    pgr_buf_adds(out, c->evidence.expect == PGR_EXPECT_RACE ? ", although a race is declared" : "; a control raced");
    break;
  case PGR_VERDICT_INCONCLUSIVE: add_inconclusive(c, out); break;
  case PGR_VERDICT_ERROR:
    pgr_buf_addf(out, "error: %s", c->judgement.why);
    add_first_complaint(c->complaints, c->complaint_count, out);
    break;
  }
}

static void add_raced_details(const pgr_result *r, const pgr_cell *c, pgr_buf *out) {
  pgr__add_complaints(r->scenario, c->complaints, c->complaint_count, out);
  if (out->len > 0 && (c->story_count > 0 || c->proof.witness)) pgr_buf_adds(out, "\n");
  if (c->story_count > 0) {
    pgr_report_story(r, c, 0, out);
  } else if (c->proof.witness) {
    pgr_report_proof(r, c, false, out);
    pgr_report_witness(c, PGR__COLUMNS, false, out);
  }
}

static pgr_code add_raced(pgr_suite *s, const pgr_result *r) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    draft d;
    draft_init(&d);
    d.status = raced_status(r, c, &d.kind);
    d.line = c->strategy->line;
    d.elapsed_ns = c->elapsed_ns;
    add_raced_name(r, c, &d.name);
    add_raced_message(r, c, &d.message);
    if (c->evidence.ran) add_raced_details(r, c, &d.details);
    code = finish(s, r->scenario, &d);
  }
  return code;
}

/* ---- of loads ---- */

/* 0: it has no such figure. What was counted is asked of figures: a bench that was read back has no other. */
static uint64_t counted(const pgr_bench_cell *c, const char *figure) {
  const pgr_figure *f = pgr_bench_figure(c, figure);
  return f && f->value > 0 ? (uint64_t)f->value : 0;
}

/* The story may be of a phase that was cut short, which is no repetition. */
static uint64_t duplicates_of(const pgr_bench_cell *c) {
  return c->all.duplicates > c->story.duplicates ? c->all.duplicates : c->story.duplicates;
}

static uint64_t unexplained_of(const pgr_bench_cell *c) {
  return c->all.unexplained > c->story.unexplained ? c->all.unexplained : c->story.unexplained;
}

/* The next reason why a cell failed; the first one's kind is the case's. */
static void begin_reason(draft *d, const char *kind) {
  if (*d->kind)
    pgr_buf_adds(&d->message, "; ");
  else
    d->kind = kind;
  d->status = PGR_CASE_FAILED;
}

static void add_count(pgr_buf *out, uint64_t n, const char *what) {
  char text[PGR_TEXT_BYTES];
  pgr_buf_addf(out, "%s %s%s", pgr_format_count(text, (int64_t)n), what, n == 1 ? "" : "s");
}

static void reason_race(const pgr_bench *b, const pgr_bench_cell *c, draft *d) {
  const pgr_followed *v = &c->story.violation;
  char key[PGR_TEXT_BYTES], later[PGR_TEXT_BYTES];
  uint64_t duplicates = duplicates_of(c);
  if (c->expect == PGR_EXPECT_SAFE && (duplicates > 0 || c->rows_broken > 0)) {
    begin_reason(d, "race");
    pgr_buf_adds(&d->message, "race, although it is declared safe: ");
    if (duplicates > 0) add_count(&d->message, duplicates, "duplicate");
    if (c->rows_broken > 0)
      pgr_buf_addf(&d->message, "%s%s", duplicates ? ", rows broke " : "rows broke ", *c->rules ? c->rules : "a rule");
  }
  if (c->story.duplicates > 0)
    pgr_buf_addf(&d->details, "%s %s: agent %u was told ok, and %s later agent %u %s\n", b->scenario->key.name,
                 pgr_format_count(key, v->second.key), v->first.agent,
                 pgr_format_duration(later, v->second.return_ns - v->first.return_ns), v->second.agent,
                 b->scenario->ownership.capacity > 1 ? "as one too many" : "as well");
  if ((duplicates > 0 || c->rows_broken > 0) && b->scenario->broken)
    pgr_buf_addf(&d->details, "%s\n", b->scenario->broken);
}

static void reason_error(const pgr_bench *b, const pgr_bench_cell *c, draft *d) {
  const pgr_tally *t = &c->all.tally;
  if (counted(c, "errors") > 0) {
    begin_reason(d, "error");
    add_count(&d->message, counted(c, "errors"), "error");
    add_first_complaint(t->complaints, t->complaint_count, &d->message);
  }
  if (unexplained_of(c) > 0) {
    begin_reason(d, "error");
    add_count(&d->message, unexplained_of(c), "refusal");
    pgr_buf_adds(&d->message, " that nothing explains");
  }
  pgr__add_complaints(b->scenario, t->complaints, t->complaint_count, &d->details);
}

static void reason_thresholds(const pgr_bench *b, size_t cell, draft *d) {
  for (size_t i = 0; i < b->crossing_count; i++) {
    const pgr_crossing *crossing = &b->crossings[i];
    const pgr_threshold *t = &b->thresholds[crossing->threshold];
    const pgr_figure *f = pgr_bench_figure(&b->cells[cell], t->figure);
    pgr_buf found;
    if (crossing->cell != cell) continue;
    pgr_buf_init(&found, 0);
    pgr_bench_value(f ? f->unit : PGR_UNIT_COUNT, crossing->value, &found);
    begin_reason(d, "threshold");
    pgr_buf_addf(&d->message, "%s is not kept: %s", t->text, pgr_buf_text(&found));
    pgr_buf_addf(&d->details, "%s: %s is not kept: %s\n", t->where, t->text, pgr_buf_text(&found));
    d->message.failed |= found.failed;
    pgr_buf_deinit(&found);
  }
}

/* "response.claim.ok.p99 2.51 ms → 3.12 ms (+24.1 %)" */
static void add_change(const pgr_figure *f, const pgr_change *change, pgr_buf *out) {
  pgr_buf_addf(out, "%s ", f->name);
  pgr_bench_value(f->unit, change->before, out);
  pgr_buf_adds(out, " → ");
  pgr_bench_value(f->unit, change->after, out);
  if (change->before != 0) pgr_buf_addf(out, " (%+.1f %%)", (change->after / change->before - 1) * 100);
}

static void reason_baseline(const pgr_bench *b, size_t cell, draft *d) {
  const char *before = "worse than ";
  for (size_t i = 0; i < b->change_count; i++) {
    const pgr_change *change = &b->changes[i];
    if (change->cell != cell || !change->worse) continue;
    const pgr_figure *f = &b->cells[cell].figures[change->figure];
    if (*before) pgr_buf_addf(&d->details, "worse than %s:\n", b->baseline);
    begin_reason(d, "baseline");
    if (*before) pgr_buf_addf(&d->message, "%s%s: ", before, b->baseline);
    before = "";
    add_change(f, change, &d->message);
    pgr_buf_adds(&d->details, "  ");
    add_change(f, change, &d->details);
    pgr_buf_addf(&d->details, change->p < 0.001 ? ", p < 0.001\n" : ", p = %.3f\n", change->p);
  }
}

static bool is_incomplete(const pgr_bench *b, const pgr_bench_cell *c) {
  bool unsent = counted(c, "arrivals.unsent") > 0 && (b->threshold_count > 0 || b->compared);
  return unsent || counted(c, "transactions") == 0 || c->repetition_count < (size_t)b->settings.repetitions;
}

static void say_incomplete(const pgr_bench *b, const pgr_bench_cell *c, draft *d) {
  const char *why = *c->trouble ? c->trouble : b->note;
  d->status = PGR_CASE_SKIPPED;
  if (c->repetition_count < (size_t)b->settings.repetitions)
    pgr_buf_addf(&d->message, "incomplete: %zu of %d repetitions%s%s", c->repetition_count, b->settings.repetitions,
                 *why ? "; " : "", why);
  else if (counted(c, "transactions") == 0)
    pgr_buf_addf(&d->message, "incomplete: no transaction ended%s%s", *why ? "; " : "", why);
  else
    pgr_buf_adds(&d->message, "incomplete: arrivals were left out, so nothing can have been kept");
}

/* "415 /s, claim ok p99 1.20 ms; 42 duplicates, as expected" */
static void say_passed(const pgr_bench *b, const pgr_bench_cell *c, draft *d) {
  const char *operation = b->scenario->operations[pgr_scenario_main_operation(b->scenario)].name;
  char name[PGR_FIGURE_NAME_BYTES];
  const pgr_figure *f = pgr_bench_figure(c, "tps");
  snprintf(name, sizeof name, "response.%s.ok.p99", operation);
  if (f) pgr_bench_value(f->unit, f->value, &d->message);
  f = pgr_bench_figure(c, name);
  if (f) {
    pgr_buf_addf(&d->message, ", %s ok p99 ", operation);
    pgr_bench_value(f->unit, f->value, &d->message);
  }
  if (duplicates_of(c) > 0) {
    pgr_buf_adds(&d->message, "; ");
    add_count(&d->message, duplicates_of(c), "duplicate");
    if (c->expect == PGR_EXPECT_RACE) pgr_buf_adds(&d->message, ", as expected");
  }
  if (*c->trouble) pgr_buf_addf(&d->message, "; %s", c->trouble);
}

static void judge_load(const pgr_bench *b, size_t i, draft *d) {
  const pgr_bench_cell *c = &b->cells[i];
  reason_race(b, c, d);
  reason_error(b, c, d);
  reason_thresholds(b, i, d);
  reason_baseline(b, i, d);
  if (d->status == PGR_CASE_FAILED) return;
  if (c->repetition_count == 0 && *b->error) {
    d->status = PGR_CASE_ERROR;
    pgr_buf_addf(&d->message, "not run: %s", b->error);
  } else if (is_incomplete(b, c)) {
    say_incomplete(b, c, d);
  } else {
    say_passed(b, c, d);
  }
}

static pgr_code add_loads(pgr_suite *s, const pgr_bench *b) {
  pgr_code code = PGR_OK;
  bool clients = false;
  for (size_t i = 1; i < b->cell_count; i++)
    clients |= b->cells[i].clients != b->cells[0].clients;
  for (size_t i = 0; !code && i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    draft d;
    draft_init(&d);
    d.line = c->strategy->line;
    d.elapsed_ns = c->all.window_ns;
    pgr_buf_addf(&d.name, "%s / %s", c->strategy->name, pgr_isolation_name(c->isolation));
    if (clients) pgr_buf_addf(&d.name, "@%u", c->clients);
    judge_load(b, i, &d);
    code = finish(s, b->scenario, &d);
  }
  return code;
}

/* ---- the suite ---- */

/* What no cell says: a suite is not to look green when its exit status is not 0. */
static pgr_code add_whole(pgr_suite *s, const pgr_scenario *scenario, const char *error) {
  bool said = s->failed + s->errors + s->skipped > 0;
  if (*error ? s->errors > 0 : said || s->exit_status == 0) return PGR_OK;
  draft d;
  draft_init(&d);
  d.status = *error ? PGR_CASE_ERROR : s->exit_status == 2 ? PGR_CASE_SKIPPED : PGR_CASE_FAILED;
  d.kind = "error";
  pgr_buf_adds(&d.name, s->command);
  if (*s->note)
    pgr_buf_adds(&d.message, s->note);
  else
    pgr_buf_addf(&d.message, "exit status %d, and no cell says why", s->exit_status);
  return finish(s, scenario, &d);
}

/* The two lines of a report's header as one. */
static const char *environment_of(const pgr_document *d, pgr_suite *s) {
  pgr_buf lines;
  pgr_buf_init(&lines, 0);
  if (d->run)
    pgr_report_header(d->run, &lines);
  else
    pgr_bench_header(d->bench, &lines);
  while (lines.len > 0 && lines.data[lines.len - 1] == '\n')
    lines.data[--lines.len] = '\0';
  const char *end = strchr(pgr_buf_text(&lines), '\n');
  const char *text =
      !end ? pgr_arena_strdup(&s->arena, pgr_buf_text(&lines))
           : pgr_arena_printf(&s->arena, "%.*s, %s", (int)(end - pgr_buf_text(&lines)), pgr_buf_text(&lines), end + 1);
  bool failed = lines.failed || !text;
  pgr_buf_deinit(&lines);
  return failed ? NULL : keep(s, text, false, MESSAGE_BYTES);
}

/* An error is often the note as well. */
static const char *note_of(pgr_suite *s, const char *error, const char *note) {
  if (strcmp(error, note) == 0) note = "";
  const char *both = pgr_arena_printf(&s->arena, "%s%s%s", error, *error && *note ? "; " : "", note);
  return both ? keep(s, both, false, MESSAGE_BYTES) : NULL;
}

static pgr_code make(const pgr_document *d, pgr_suite *out) {
  const pgr_scenario *scenario = d->run ? d->run->scenario : d->bench->scenario;
  const pgr_environment *e = d->run ? &d->run->environment : &d->bench->environment;
  const char *error = d->run ? d->run->error : d->bench->error;
  out->name = keep(out, scenario->name, false, NAME_BYTES);
  out->title = keep(out, scenario->title, false, MESSAGE_BYTES);
  out->command = keep(out, d->run ? d->run->command : "bench", false, NAME_BYTES);
  out->started_at = keep(out, e->started_at, false, NAME_BYTES);
  out->repeat = keep(out, d->run ? d->run->repeat : d->bench->repeat, false, PGR_REPEAT_BYTES);
  out->note = note_of(out, error, d->run ? d->run->note : d->bench->note);
  out->environment = environment_of(d, out);
  out->exit_status = d->run ? d->run->exit_status : d->bench->exit_status;
  size_t cells = d->run ? d->run->cell_count : d->bench->cell_count;
  out->cases = pgr_arena_alloc(&out->arena, (cells + 1) * sizeof *out->cases);
  if (!out->name || !out->title || !out->command || !out->started_at || !out->repeat || !out->note ||
      !out->environment || !out->cases)
    return PGR_ENOMEM;
  pgr_code code = d->run ? add_raced(out, d->run) : add_loads(out, d->bench);
  return code ? code : add_whole(out, scenario, error);
}

pgr_code pgr_suite_make(const pgr_document *d, pgr_suite *out, pgr_err *err) {
  return make(d, out) ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}

void pgr_suite_deinit(pgr_suite *s) {
  pgr_arena_deinit(&s->arena);
  *s = (pgr_suite){0};
}

/* ---- several ---- */

pgr_code pgr__suites_make(const pgr_document *d, size_t count, pgr__suites *out, pgr_err *err) {
  *out = (pgr__suites){.each = pgr_calloc(count, sizeof *out->each)};
  if (!out->each) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; i < count; i++) {
    const pgr_suite *s = &out->each[out->count++];
    pgr_code code = pgr_suite_make(&d[i], &out->each[i], err);
    if (code) return code;
    out->cases += s->count;
    out->failed += s->failed;
    out->skipped += s->skipped;
    out->errors += s->errors;
    out->elapsed_ns += s->elapsed_ns;
  }
  return PGR_OK;
}

void pgr__suites_deinit(pgr__suites *s) {
  for (size_t i = 0; i < s->count; i++)
    pgr_suite_deinit(&s->each[i]);
  pgr_free(s->each);
  *s = (pgr__suites){0};
}

void pgr__ci_add_case_name(const pgr__suites *all, const pgr_suite *s, const pgr_case *c, pgr_buf *out) {
  if (all->count > 1) pgr_buf_addf(out, "%s: ", s->name);
  pgr_buf_adds(out, c->name);
}
