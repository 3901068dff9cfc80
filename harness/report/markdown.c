/* A summary for a reviewer, in the Markdown of GitHub (which GitLab and others read as well): what the verdict is,
 * where, why, how to repeat it. Marks accompany words and never stand alone.
 *
 * It is made twice. Without stories first: that says how many of them there is room for. So what limits the length of
 * all else is here too: of texts in suite.c, of lists below, and of documents. */
#include "ci_internal.h"
#include "report_internal.h"

#include "pgr_units.h"
#include "pgr_utf8.h"
#include <stdio.h>
#include <string.h>

enum {
  NAMED_MAX = 3,    /* cases in a sentence */
  LISTED_MAX = 60,  /* cases of a document that did not pass */
  ROWS_MAX = 200,   /* of a table */
  PLACE_BYTES = 256 /* of a file's path; longer ones are left out */
};

/* What is made, and how much of it there is room for. */
typedef struct page {
  const pgr_document *documents;
  const pgr__suites *all;
  size_t shown;   /* documents */
  size_t stories; /* cases whose details are shown, the first ones */
  size_t told;    /* of them, so far */
  pgr_buf *out;
} page;

/* ---- pieces ---- */

/* text: clean, one line. It comes out as text wherever it stands: in a sentence, a heading, a cell of a table. */
static void add_text(pgr_buf *out, const char *text) {
  static const char special[] = "\\`*_~[]()!|<>&@#:$";
  while (*text) {
    size_t plain = strcspn(text, special);
    pgr_buf_add(out, text, plain);
    text += plain;
    if (!*text) return;
    bool link = *text == ':' && text[1] == '/';
    if (*text == '@' || *text == '#') /* mentions and numbers of issues: a space without width ends them */
      pgr_buf_addf(out, "%c&#8203;", *text);
    else if (strchr("()!:$", *text) && !link)
      pgr_buf_add(out, text, 1);
    else
      pgr_buf_addf(out, "&#%d;", *text);
    text++;
  }
}

/* text: from elsewhere, a name that nobody has cut. */
static void add_foreign(pgr_buf *out, const char *text) {
  enum { SHOWN_BYTES = 160 };
  char fit[SHOWN_BYTES];
  pgr_buf clean;
  pgr_utf8_copy(fit, sizeof fit, text);
  pgr_buf_init(&clean, 0);
  pgr__ci_add_clean(&clean, fit, false);
  add_text(out, pgr_buf_text(&clean));
  if (strlen(text) >= sizeof fit) pgr_buf_adds(out, "…");
  out->failed |= clean.failed;
  pgr_buf_deinit(&clean);
}

/* text: lines. */
static void add_block(pgr_buf *out, const char *language, const char *text) {
  size_t longest = 2, run = 0, len = strlen(text);
  for (const char *p = text; *p; p++) {
    run = *p == '`' ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  for (size_t i = 0; i <= longest; i++)
    pgr_buf_adds(out, "`");
  pgr_buf_addf(out, "%s\n%s%s", language, text, len && text[len - 1] == '\n' ? "" : "\n");
  for (size_t i = 0; i <= longest; i++)
    pgr_buf_adds(out, "`");
  pgr_buf_adds(out, "\n\n");
}

static const char *mark_of(pgr_case_status status) {
  switch (status) {
  case PGR_CASE_PASSED: return "✅";
  case PGR_CASE_FAILED: return "❌";
  case PGR_CASE_SKIPPED: return "⚠️";
  case PGR_CASE_ERROR: return "❌";
  }
  return "";
}

static bool is_problem(const pgr_case *c) {
  return c->status == PGR_CASE_FAILED || c->status == PGR_CASE_ERROR;
}

/* ---- the verdict in a sentence ---- */

/* "a, b, c and 4 more cells". kind: of those that failed; "" otherwise. */
static void add_names(const pgr_suite *s, pgr_case_status status, const char *kind, pgr_buf *out) {
  size_t named = 0, more = 0;
  char text[PGR_TEXT_BYTES];
  for (size_t i = 0; i < s->count; i++) {
    if (s->cases[i].status != status || strcmp(s->cases[i].kind, kind) != 0) continue;
    if (named == NAMED_MAX) {
      more++;
      continue;
    }
    pgr_buf_adds(out, named ? ", " : "");
    add_text(out, s->cases[i].name);
    named++;
  }
  if (more) pgr_buf_addf(out, " and %s more cell%s", pgr_format_count(text, (int64_t)more), more == 1 ? "" : "s");
}

/* "broke in trigger / read committed and met errors in unique-key / read committed" */
static void add_failures(const pgr_suite *s, pgr_buf *out) {
  static const struct {
    const char *kind, *verb;
  } verbs[] = {{"race", "broke in "},
               {"no-race", "is proved safe where it should race, in "},
               {"error", "met errors in "},
               {"threshold", "crossed thresholds in "},
               {"baseline", "got worse in "}};
  const char *separator = " ";
  for (size_t k = 0; k < sizeof verbs / sizeof *verbs; k++) {
    bool any = false;
    for (size_t i = 0; i < s->count; i++)
      any |= strcmp(s->cases[i].kind, verbs[k].kind) == 0;
    if (!any) continue;
    pgr_buf_addf(out, "%s%s", separator, verbs[k].verb);
    add_names(s, PGR_CASE_FAILED, verbs[k].kind, out);
    separator = ", and ";
  }
}

/* What a strategy's cells come to, which all passed. */
typedef enum standing {
  RACES,     /* some cell raced */
  NONE_SEEN, /* no cell did, which is a sample in some */
  HOLDS      /* all are proofs */
} standing;

static standing standing_of(const pgr_result *r, const pgr_strategy *strategy) {
  standing worst = HOLDS;
  for (size_t i = 0; i < r->cell_count; i++) {
    if (r->cells[i].strategy != strategy) continue;
    if (r->cells[i].judgement.verdict == PGR_VERDICT_RACE) return RACES;
    if (r->cells[i].judgement.verdict != PGR_VERDICT_SAFE) worst = NONE_SEEN;
  }
  return worst;
}

/* The strategies of one standing, by the scenario's order; appended when out is not NULL. Returns how many. */
static size_t add_strategies(const pgr_result *r, standing of, pgr_buf *out) {
  size_t n = 0;
  char text[PGR_TEXT_BYTES];
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_strategy *strategy = r->cells[i].strategy;
    if ((i > 0 && strategy == r->cells[i - 1].strategy) || standing_of(r, strategy) != of) continue;
    n++;
    if (!out || n > NAMED_MAX) continue;
    pgr_buf_adds(out, n > 1 ? ", " : "");
    add_foreign(out, strategy->name);
  }
  if (out && n > NAMED_MAX) pgr_buf_addf(out, " and %s more", pgr_format_count(text, (int64_t)(n - NAMED_MAX)));
  return n;
}

static size_t count_verdicts(const pgr_result *r, pgr_verdict verdict) {
  size_t n = 0;
  for (size_t i = 0; i < r->cell_count; i++)
    n += r->cells[i].judgement.verdict == verdict;
  return n;
}

static bool any_does_both(const pgr_result *r) {
  for (size_t i = 0; i < r->cell_count; i++)
    if (r->cells[i].judgement.verdict != PGR_VERDICT_RACE && standing_of(r, r->cells[i].strategy) == RACES) return true;
  return false;
}

/* Of every cell that raced. */
static bool is_race_declared(const pgr_result *r) {
  for (size_t i = 0; i < r->cell_count; i++)
    if (r->cells[i].judgement.verdict == PGR_VERDICT_RACE && r->cells[i].evidence.expect != PGR_EXPECT_RACE)
      return false;
  return true;
}

/* " (≤ 0.15 %)", of several cells " (at most 0.15 %)": the largest bound of those where nothing was seen. */
static void add_worst_bound(const pgr_result *r, bool several, pgr_buf *out) {
  double worst = 0;
  for (size_t i = 0; i < r->cell_count; i++)
    if (r->cells[i].judgement.verdict == PGR_VERDICT_NONE_SEEN && r->cells[i].upper_bound > worst)
      worst = r->cells[i].upper_bound;
  pgr_buf_adds(out, several ? " (at most " : " (≤ ");
  pgr__add_percent(out, worst, PGR__UP);
  pgr_buf_adds(out, " %)");
}

/* " is as expected: it holds for 2 agents in 3 cells, showed no race in 4 cells (at most 0.15 %) and races in 2" */
static void add_good_counts(const pgr_result *r, pgr_buf *out) {
  size_t held = count_verdicts(r, PGR_VERDICT_SAFE), unseen = count_verdicts(r, PGR_VERDICT_NONE_SEEN);
  char text[PGR_TEXT_BYTES];
  pgr_buf_adds(out, " is as expected: it");
  if (held) {
    pgr_buf_adds(out, " holds for ");
    pgr__add_proof_agents(r, out);
    pgr_buf_addf(out, " in %s cell%s", pgr_format_count(text, (int64_t)held), held == 1 ? "" : "s");
  }
  if (unseen) {
    pgr_buf_addf(out, "%s showed no race in %s cell%s", held ? "," : "", pgr_format_count(text, (int64_t)unseen),
                 unseen == 1 ? "" : "s");
    add_worst_bound(r, unseen > 1, out);
  }
  pgr_buf_addf(out, " and races in %s", pgr_format_count(text, (int64_t)count_verdicts(r, PGR_VERDICT_RACE)));
}

/* "claim holds for 2 agents with trigger, showed no race with lock (≤ 0.15 %), and naive races as expected"; all
 * passed. */
static void add_good_news(const pgr_result *r, const pgr_suite *s, pgr_buf *out) {
  size_t racing = add_strategies(r, RACES, NULL), unseen = add_strategies(r, NONE_SEEN, NULL),
         holding = add_strategies(r, HOLDS, NULL);
  add_text(out, s->name);
  if (any_does_both(r)) {
    add_good_counts(r, out);
    return;
  }
  if (holding) {
    pgr_buf_adds(out, " holds for ");
    pgr__add_proof_agents(r, out);
    pgr_buf_adds(out, " with ");
    (void)add_strategies(r, HOLDS, out);
  }
  if (unseen) {
    pgr_buf_addf(out, "%s showed no race with ", holding ? "," : "");
    (void)add_strategies(r, NONE_SEEN, out);
    add_worst_bound(r, unseen > 1, out);
  }
  if (racing) {
    pgr_buf_adds(out, holding || unseen ? ", and " : ": ");
    (void)add_strategies(r, RACES, out);
    pgr_buf_addf(out, " %s%s", racing > 1 ? "race" : "races", is_race_declared(r) ? " as expected" : "");
  }
}

static void add_good_figures(const pgr_bench *b, const pgr_suite *s, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  add_text(out, s->name);
  pgr_buf_addf(out, " measured in %s cell%s", pgr_format_count(text, (int64_t)b->cell_count),
               b->cell_count == 1 ? "" : "s");
  if (b->threshold_count) pgr_buf_adds(out, ", all thresholds kept");
  if (b->compared) pgr_buf_adds(out, ", nothing worse than the baseline");
}

static void add_sentence(const pgr_document *d, const pgr_suite *s, pgr_buf *out) {
  pgr_buf_adds(out, "**pgrace: ");
  if (s->failed) {
    add_text(out, s->name);
    add_failures(s, out);
  } else if (s->errors) {
    add_text(out, s->name);
    pgr_buf_adds(out, " could not be run to its end: ");
    add_text(out, *s->note ? s->note : "it ended early");
  } else if (s->skipped) {
    add_text(out, s->name);
    pgr_buf_adds(out, " is inconclusive: nothing is shown by ");
    add_names(s, PGR_CASE_SKIPPED, "", out);
  } else if (d->run) {
    add_good_news(d->run, s, out);
  } else {
    add_good_figures(d->bench, s, out);
  }
  pgr_buf_adds(out, "**\n\n");
}

/* Of several documents, or none. */
static void add_total(const pgr__suites *all, pgr_buf *out) {
  const char *separator = ": ";
  const struct {
    size_t count;
    const char *what;
  } parts[] = {{all->failed, "failed"},
               {all->errors, "could not be run"},
               {all->skipped, "inconclusive"},
               {all->cases - all->failed - all->errors - all->skipped, "as expected"}};
  char text[PGR_TEXT_BYTES];
  if (all->count == 0) {
    pgr_buf_adds(out, "**pgrace: there is no result**\n");
    return;
  }
  pgr_buf_addf(out, "**pgrace: %s results, ", pgr_format_count(text, (int64_t)all->count));
  pgr_buf_addf(out, "%s cells", pgr_format_count(text, (int64_t)all->cases));
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (!parts[i].count) continue;
    pgr_buf_addf(out, "%s%s %s", separator, pgr_format_count(text, (int64_t)parts[i].count), parts[i].what);
    separator = ", ";
  }
  pgr_buf_adds(out, "**\n\n");
}

/* ---- the matrix ---- */

/* "all 6 interleavings of 2 agents", "6 schedules for all orders of 2 agents": the coverage in few words. */
static void add_proof(const pgr_proof *p, pgr_buf *out) {
  char n[PGR_TEXT_BYTES];
  pgr_format_count(n, p->totals.schedules);
  if (p->totals.exhausted && p->bound < 0 && !p->reduced)
    pgr_buf_addf(out, ", all %s interleavings", n);
  else
    pgr_buf_addf(out, ", %s schedule%s for all orders", n, p->totals.schedules == 1 ? "" : "s");
  pgr_buf_addf(out, " of %d agent%s", p->agents, p->agents == 1 ? "" : "s");
}

static void add_words(const pgr_cell *c, pgr_buf *out) {
  char n[PGR_TEXT_BYTES];
  if (!c->evidence.ran) {
    pgr_buf_adds(out, "not run");
    return;
  }
  pgr_buf_adds(out, pgr__verdict_words(c));
  if (c->judgement.verdict == PGR_VERDICT_RACE) {
    pgr_buf_adds(out, ", ");
    pgr__ci_add_how_often(c, out);
  }
  if (c->judgement.verdict == PGR_VERDICT_SAFE) add_proof(&c->proof, out);
  if (c->judgement.verdict == PGR_VERDICT_NONE_SEEN) {
    pgr_buf_addf(out, " in %s contested round%s, ≤ ", pgr_format_count(n, (int64_t)c->evidence.contested),
                 c->evidence.contested == 1 ? "" : "s");
    pgr__add_percent(out, c->upper_bound, PGR__UP);
    pgr_buf_adds(out, " %");
  }
}

static const pgr_cell *find_cell(const pgr_result *r, const pgr_cell *row, pgr_isolation level) {
  for (size_t i = 0; i < r->cell_count; i++)
    if (r->cells[i].strategy == row->strategy && r->cells[i].gap_ns == row->gap_ns && r->cells[i].isolation == level)
      return &r->cells[i];
  return NULL;
}

static void add_row(const pgr_result *r, const pgr_suite *s, const pgr_cell *row, const bool *used, pgr_buf *out) {
  pgr_buf text, name;
  pgr_buf_init(&text, 0);
  pgr_buf_init(&name, 0);
  pgr__add_row_name(r, row, &name);
  pgr_buf_adds(out, "| ");
  add_foreign(out, pgr_buf_text(&name));
  for (int level = 0; level < PGR_ISOLATION_COUNT; level++) {
    const pgr_cell *c = used[level] ? find_cell(r, row, (pgr_isolation)level) : NULL;
    if (!used[level]) continue;
    if (!c) {
      pgr_buf_adds(out, " | –");
      continue;
    }
    pgr_buf_clear(&text);
    add_words(c, &text);
    pgr_buf_addf(out, " | %s ", mark_of(s->cases[c - r->cells].status));
    add_text(out, pgr_buf_text(&text));
  }
  pgr_buf_adds(out, " |\n");
  out->failed |= text.failed || name.failed;
  pgr_buf_deinit(&text);
  pgr_buf_deinit(&name);
}

static void add_levels(const bool *used, pgr_buf *out) {
  pgr_buf_adds(out, "| strategy");
  for (int level = 0; level < PGR_ISOLATION_COUNT; level++)
    if (used[level]) pgr_buf_addf(out, " | %s", pgr_isolation_name((pgr_isolation)level));
  pgr_buf_adds(out, " |\n| --- ");
  for (int level = 0; level < PGR_ISOLATION_COUNT; level++)
    if (used[level]) pgr_buf_adds(out, "| --- ");
  pgr_buf_adds(out, "|\n");
}

static void say_more(size_t rows, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  if (rows > ROWS_MAX)
    pgr_buf_addf(out, "\n%s more rows are not shown.\n", pgr_format_count(text, (int64_t)(rows - ROWS_MAX)));
  pgr_buf_adds(out, "\n");
}

static void add_matrix(const pgr_result *r, const pgr_suite *s, pgr_buf *out) {
  bool used[PGR_ISOLATION_COUNT] = {false}, bound = false;
  size_t rows = 0;
  if (r->cell_count < 2) return;
  for (size_t i = 0; i < r->cell_count; i++) {
    used[r->cells[i].isolation] = true;
    bound |= r->cells[i].judgement.verdict == PGR_VERDICT_NONE_SEEN;
  }
  add_levels(used, out);
  for (size_t i = 0; i < r->cell_count; i++) {
    bool first = true; /* of its row */
    for (size_t k = 0; first && k < i; k++)
      first = r->cells[k].strategy != r->cells[i].strategy || r->cells[k].gap_ns != r->cells[i].gap_ns;
    if (first && ++rows <= ROWS_MAX) add_row(r, s, &r->cells[i], used, out);
  }
  say_more(rows, out);
  if (bound) pgr_buf_adds(out, "≤: the share of contested rounds that race is at most that, with 95 % confidence.\n\n");
}

/* ---- a bench's table ---- */

/* NULL f: it has none. */
static void add_figure(const pgr_figure *f, pgr_buf *out) {
  pgr_buf_adds(out, " | ");
  if (f)
    pgr_bench_value(f->unit, f->value, out);
  else
    pgr_buf_adds(out, "–");
}

static const char *status_words(const pgr_case *c) {
  switch (c->status) {
  case PGR_CASE_PASSED: return "passed";
  case PGR_CASE_FAILED: return "failed";
  case PGR_CASE_SKIPPED: return "incomplete";
  case PGR_CASE_ERROR: return "not run";
  }
  return "";
}

static void add_figures(const pgr_bench *b, const pgr_suite *s, pgr_buf *out) {
  char p99[PGR_FIGURE_NAME_BYTES];
  const char *operation = b->scenario->operations[pgr_scenario_main_operation(b->scenario)].name;
  if (b->cell_count == 0) return;
  snprintf(p99, sizeof p99, "response.%s.ok.p99", operation);
  pgr_buf_adds(out, "| cell | result | tps | p99 of ");
  add_foreign(out, operation);
  pgr_buf_adds(out, " ok | duplicates |\n| --- | --- | ---: | ---: | ---: |\n");
  for (size_t i = 0; i < b->cell_count && i < ROWS_MAX; i++) {
    pgr_buf_adds(out, "| ");
    add_text(out, s->cases[i].name);
    pgr_buf_addf(out, " | %s %s", mark_of(s->cases[i].status), status_words(&s->cases[i]));
    add_figure(pgr_bench_figure(&b->cells[i], "tps"), out);
    add_figure(pgr_bench_figure(&b->cells[i], p99), out);
    add_figure(pgr_bench_figure(&b->cells[i], "duplicates"), out);
    pgr_buf_adds(out, " |\n");
  }
  say_more(b->cell_count, out);
}

/* ---- what did not pass ---- */

/* "scenarios/claim/claim.yaml:33" */
static void add_place(const pgr_case *c, pgr_buf *out) {
  if (!*c->file || strlen(c->file) > PLACE_BYTES) return;
  pgr_buf_adds(out, " (");
  add_text(out, c->file);
  if (c->line) pgr_buf_addf(out, ":%d", c->line);
  pgr_buf_adds(out, ")");
}

static void add_problem(page *p, const pgr_case *c) {
  pgr_buf_addf(p->out, "### %s %s: ", mark_of(c->status), c->status == PGR_CASE_ERROR ? "Not run" : "Failed");
  add_text(p->out, c->name);
  pgr_buf_adds(p->out, "\n\n");
  add_text(p->out, c->message);
  add_place(c, p->out);
  pgr_buf_adds(p->out, "\n\n");
  if (!*c->details) return;
  if (p->told < p->stories) add_block(p->out, "text", c->details);
  p->told++;
}

static void add_list(page *p, const pgr_suite *s) {
  size_t listed = 0, open = s->failed + s->errors + s->skipped;
  char text[PGR_TEXT_BYTES];
  for (size_t i = 0; i < s->count && listed < LISTED_MAX; i++) {
    if (!is_problem(&s->cases[i])) continue;
    add_problem(p, &s->cases[i]);
    listed++;
  }
  for (size_t i = 0; i < s->count && listed < LISTED_MAX; i++) {
    const pgr_case *c = &s->cases[i];
    if (c->status != PGR_CASE_SKIPPED) continue;
    pgr_buf_addf(p->out, "- %s Inconclusive: **", mark_of(c->status));
    add_text(p->out, c->name);
    pgr_buf_adds(p->out, "**: ");
    add_text(p->out, c->message);
    pgr_buf_adds(p->out, "\n");
    listed++;
  }
  if (open > listed)
    pgr_buf_addf(p->out, "\n%s more are not listed here.\n", pgr_format_count(text, (int64_t)(open - listed)));
  if (s->skipped || open > listed) pgr_buf_adds(p->out, "\n");
}

/* ---- how to repeat it ---- */

static void add_particulars(const pgr_document *d, const pgr_suite *s, pgr_buf *out) {
  uint64_t seed = d->run ? d->run->seed : d->bench->seed;
  pgr_buf_addf(out, "<details>\n<summary>How to repeat it: seed %llu</summary>\n\n", (unsigned long long)seed);
  if (*s->repeat) add_block(out, "sh", s->repeat);
  add_text(out, s->environment);
  if (*s->started_at) {
    pgr_buf_adds(out, ", ");
    add_text(out, s->started_at);
  }
  pgr_buf_adds(out, "\n\n</details>\n\n");
}

/* ---- all of it ---- */

static void add_document(page *p, size_t i) {
  const pgr_document *d = &p->documents[i];
  const pgr_suite *s = &p->all->each[i];
  if (p->all->count > 1) {
    pgr_buf_addf(p->out, "## %s ", s->command);
    add_text(p->out, s->name);
    pgr_buf_adds(p->out, "\n\n");
  }
  add_sentence(d, s, p->out);
  if (*s->title) {
    add_text(p->out, s->title);
    pgr_buf_adds(p->out, ".\n\n");
  }
  if (d->run)
    add_matrix(d->run, s, p->out);
  else
    add_figures(d->bench, s, p->out);
  add_list(p, s);
  bool said = s->failed == 0 && s->errors > 0; /* in the sentence */
  if (*s->note && !said) {
    pgr_buf_adds(p->out, "Note: ");
    add_text(p->out, s->note);
    pgr_buf_adds(p->out, "\n\n");
  }
  add_particulars(d, s, p->out);
}

enum { REMARKS_BYTES = 400 /* room kept for what is said below */ };

static void add_remarks(const page *p) {
  char text[PGR_TEXT_BYTES];
  size_t documents = p->all->count - p->shown, stories = p->told > p->stories ? p->told - p->stories : 0;
  if (stories)
    pgr_buf_addf(p->out, "The stories of the last %s cells are left out: a summary has room for %d bytes.\n",
                 pgr_format_count(text, (int64_t)stories), PGR_MARKDOWN_BYTES_MAX);
  if (documents)
    pgr_buf_addf(p->out, "%s more results are left out: a summary has room for %d bytes.\n",
                 pgr_format_count(text, (int64_t)documents), PGR_MARKDOWN_BYTES_MAX);
}

/* As many documents as there is room for, with as many stories as p says. */
static void render(page *p) {
  size_t shown = p->shown;
  p->told = 0;
  if (p->all->count != 1) add_total(p->all, p->out);
  for (p->shown = 0; p->shown < shown && !p->out->failed; p->shown++) {
    size_t before = p->out->len;
    add_document(p, p->shown);
    if (p->out->len + REMARKS_BYTES <= PGR_MARKDOWN_BYTES_MAX || p->out->failed) continue;
    p->out->len = before;
    p->out->data[before] = '\0';
    break;
  }
  add_remarks(p);
}

/* The bytes that a story adds. */
static size_t story_bytes(const pgr_case *c) {
  pgr_buf block;
  pgr_buf_init(&block, 0);
  add_block(&block, "text", c->details);
  size_t bytes = block.failed ? PGR_MARKDOWN_BYTES_MAX : block.len;
  pgr_buf_deinit(&block);
  return bytes;
}

/* How many stories of the documents shown fit beside so many bytes. */
static size_t stories_beside(const page *p, size_t bytes) {
  size_t stories = 0;
  for (size_t i = 0; i < p->shown; i++) {
    const pgr_suite *s = &p->all->each[i];
    size_t listed = 0;
    for (size_t k = 0; k < s->count && listed < LISTED_MAX; k++) {
      if (!is_problem(&s->cases[k])) continue;
      listed++;
      if (!*s->cases[k].details) continue;
      bytes += story_bytes(&s->cases[k]);
      if (bytes + REMARKS_BYTES > PGR_MARKDOWN_BYTES_MAX) return stories;
      stories++;
    }
  }
  return stories;
}

pgr_code pgr_markdown(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) {
  pgr__suites all;
  pgr_buf bare, whole;
  pgr_buf_init(&bare, 0);
  pgr_buf_init(&whole, 0);
  pgr_code code = pgr__suites_make(d, count, &all, err);
  if (!code) {
    page p = {.documents = d, .all = &all, .shown = count, .out = &bare};
    render(&p);
    p.stories = stories_beside(&p, bare.len);
    p.out = &whole;
    render(&p);
    pgr_buf_adds(out, pgr_buf_text(&whole));
    if (bare.failed || whole.failed || out->failed) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  pgr_buf_deinit(&bare);
  pgr_buf_deinit(&whole);
  pgr__suites_deinit(&all);
  return code;
}
