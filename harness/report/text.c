/* The report a person reads in a terminal. Order: verdicts, what happened to the claims, what they cost, how it came
 * about, what to do next. */
#include "report_internal.h"

#include "pgr_clock.h"
#include "pgr_units.h"
#include <stdio.h>
#include <string.h>

void pgr__add_server(const pgr_environment *e, bool durable, pgr_buf *out) {
  pgr_buf_addf(out, "pgrace " PGR_VERSION " · %s PostgreSQL %s, ", e->private_server ? "private" : "your",
               e->server_version);
  if (!e->private_server)
    pgr_buf_adds(out, "a database of its own");
  else
    pgr_buf_adds(out, durable ? "durable" : "not durable");
  pgr_buf_adds(out, "\n");
}

/* Nobody drew by a seed there. */
static bool is_demo(const pgr_result *r) {
  return strcmp(r->command, "demo") == 0;
}

void pgr_report_header(const pgr_result *r, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  pgr__add_server(&r->environment, r->settings.durable, out);
  if (is_demo(r)) {
    pgr_buf_addf(out, "played by hand: %u seats and a crowd of %u\n", r->settings.contenders,
                 r->settings.agents - r->settings.contenders);
    return;
  }
  pgr_buf_addf(out, "%s agents", pgr_format_count(text, r->settings.agents));
  if (r->settings.connections < r->settings.agents)
    pgr_buf_addf(out, " over %s connections", pgr_format_count(text, r->settings.connections));
  pgr_buf_addf(out, ", %u thread%s · seed %llu\n", r->settings.threads, r->settings.threads == 1 ? "" : "s",
               (unsigned long long)r->seed);
}

/* Which rules a cell broke, where there is more than one. */
static void add_rules(const pgr_result *r, pgr_buf *out) {
  bool any = false;
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    if (!c->evidence.ran || c->evidence.duplicates == 0 || c->rule_count < 2) continue;
    bool many = pgr__is_matrix(r) || pgr__sweeps_gaps(r); /* a line a cell would be a long list */
    if (many && c->judgement.as_expected) continue;
    pgr_buf_adds(out, any ? "  " : "\n  ");
    any = true;
    pgr__add_cell_name(r, c, out);
    const char *separator = " broke: ";
    for (int k = 0; k < c->rule_count; k++) {
      char text[PGR_TEXT_BYTES];
      if (c->rules[k].broken == 0) continue;
      pgr_buf_addf(out, "%s%s (%s)", separator, c->rules[k].name, pgr_format_count(text, (int64_t)c->rules[k].broken));
      separator = ", ";
    }
    pgr_buf_adds(out, "\n");
  }
}

/* The cell's name, filled up. */
static void add_row_begin(const pgr_result *r, const pgr_cell *c, int names, pgr_buf *out) {
  pgr_buf_adds(out, "  ");
  size_t from = out->len;
  pgr__add_row_name(r, c, out);
  pgr_buf_addf(out, "%*s", pgr__padding(pgr_buf_text(out) + from, names), "");
}

/* One operation's; speed: also the statements a second, if there is room. */
static void add_outcomes_of(const pgr_result *r, int k, bool speed, pgr_buf *out) {
  int names = pgr__row_name_width(r), operation = pgr__width(r->scenario->operations[k].name);
  if (operation > names) names = operation;
  uint64_t unknown = 0, retried = 0;
  for (size_t i = 0; i < r->cell_count; i++) {
    unknown += r->cells[i].outcomes[k][PGR_OUTCOME_UNKNOWN];
    retried += r->cells[i].outcomes[k][PGR_OUTCOME_RETRIED];
  }
  enum { FIXED = 2 + 9 + 10 + 10 + 8, SPEED = 14, OPTIONAL = 9 };
  speed &= names + FIXED + (unknown ? OPTIONAL : 0) + (retried ? OPTIONAL : 0) + SPEED <= PGR__COLUMNS;
  pgr_buf_addf(out, "\n  %-*s       ok   refused  rejected  failed%s%s%s\n", names, r->scenario->operations[k].name,
               unknown ? "  unknown" : "", retried ? "  retries" : "", speed ? "  statements/s" : "");
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    if (!pgr__was_raced(c)) continue;
    add_row_begin(r, c, names, out);
    pgr__add_count(out, c->outcomes[k][PGR_OUTCOME_OK], 9);
    pgr__add_count(out, c->outcomes[k][PGR_OUTCOME_REFUSED], 10);
    pgr__add_count(out, c->outcomes[k][PGR_OUTCOME_REJECTED], 10);
    pgr__add_count(out, c->outcomes[k][PGR_OUTCOME_FAILED], 8);
    if (unknown) pgr__add_count(out, c->outcomes[k][PGR_OUTCOME_UNKNOWN], OPTIONAL);
    if (retried) pgr__add_count(out, c->outcomes[k][PGR_OUTCOME_RETRIED], OPTIONAL);
    if (speed) pgr__add_count(out, (uint64_t)(c->statements_per_s + 0.5), SPEED);
    pgr_buf_adds(out, "\n");
  }
}

/* Whether something other than ok came of an operation anywhere. */
static bool is_remarkable(const pgr_result *r, int k) {
  for (size_t i = 0; i < r->cell_count; i++)
    for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
      if (o != PGR_OUTCOME_OK && r->cells[i].outcomes[k][o] > 0) return true;
  return false;
}

/* Every operation that agents are released for; of those that follow, the ones that did not always end ok. */
static void add_outcomes(const pgr_result *r, pgr_buf *out) {
  const pgr_scenario *s = r->scenario;
  int main = pgr_scenario_main_operation(s);
  add_outcomes_of(r, main, true, out);
  for (int k = 0; k < s->operation_count; k++)
    if (k != main && (s->operations[k].when == PGR_WHEN_START || is_remarkable(r, k)))
      add_outcomes_of(r, k, false, out);
}

/* What follows the name. */
static void add_latency(pgr_buf *out, int what_width, const char *what, const pgr_latency *l) {
  pgr_buf_addf(out, "  %-*s", what_width, what);
  if (l->count == 0) {
    pgr_buf_adds(out, "        –         –         –         –\n");
    return;
  }
  pgr__add_time(out, l->p50, 9);
  pgr__add_time(out, l->p95, 10);
  pgr__add_time(out, l->p99, 10);
  pgr__add_time(out, l->max, 10);
  pgr_buf_adds(out, "\n");
}

static void add_latency_line(pgr_buf *out, int names, int what_width, const char *what, const pgr_latency *l) {
  pgr_buf_addf(out, "  %*s", names, "");
  add_latency(out, what_width, what, l);
}

static void add_latencies(const pgr_result *r, pgr_buf *out) {
  int names = pgr__row_name_width(r);
  char text[PGR_TEXT_BYTES];
  const char *main = r->scenario->operations[pgr_scenario_main_operation(r->scenario)].name;
  int what = (int)strlen(main) + 5 > 10 ? (int)strlen(main) + 5 : 10;
  pgr_buf_addf(out, "  %-*s  %-*s      p50       p95       p99       max\n", names, "latency", what, "");
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    char ok[80], lost[80];
    if (!pgr__was_raced(c)) continue;
    snprintf(ok, sizeof ok, "%s ok", main);
    snprintf(lost, sizeof lost, "%s lost", main);
    add_row_begin(r, c, names, out);
    add_latency(out, what, ok, &c->winner);
    if (c->loser.count) add_latency_line(out, names, what, lost, &c->loser);
    if (r->settings.connections < r->settings.agents) add_latency_line(out, names, what, "pool wait", &c->pool_wait);
    add_latency_line(out, names, what, "start skew", &c->start_skew);
  }
  if (r->settings.gap_count == 1 && r->settings.gaps_ns[0])
    pgr_buf_addf(out, "  Scripts were given a gap of %s (:gap).\n", pgr_format_duration(text, r->settings.gaps_ns[0]));
}

void pgr__add_complaints(const pgr_scenario *s, const pgr_complaint *complaints, size_t count, pgr_buf *out) {
  for (size_t j = 0; j < count; j++) {
    const pgr_complaint *e = &complaints[j];
    char text[PGR_TEXT_BYTES];
    size_t from = out->len;
    pgr_buf_addf(out, "  failed %s time%s: %s%s%s\n", pgr_format_count(text, (int64_t)e->count),
                 e->count == 1 ? "" : "s", e->sqlstate, *e->sqlstate ? " " : "", e->message);
    pgr__wrap(out, from);
    pgr_buf_addf(out, "    in %s, %s", s->operations[e->kind].name, e->file ? e->file : "");
    if (e->line) pgr_buf_addf(out, ":%d", e->line);
    pgr_buf_adds(out, "\n");
    if (*e->sqlstate && j + 1 == count)
      pgr_buf_adds(out, "  What the application expects is declared under rejections or retries.\n");
  }
}

static void add_remark(const pgr_result *r, const pgr_cell *c, pgr_buf *out) {
  bool unexpected = pgr__contradicts(c);
  if (!*c->judgement.why && !unexpected) return;
  pgr__add_cell_name(r, c, out);
  if (unexpected)
    pgr_buf_addf(out, ": %s, the scenario says %s", pgr__verdict_words(c), pgr_expect_name(c->evidence.expect));
  if (*c->judgement.why) pgr_buf_addf(out, ": %s", c->judgement.why);
  pgr_buf_adds(out, ".\n");
}

static void add_remarks(const pgr_result *r, pgr_buf *out) {
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    char text[PGR_TEXT_BYTES];
    size_t from = out->len;
    if (!c->evidence.ran) continue;
    add_remark(r, c, out);
    if (c->evidence.unknown > 0) {
      pgr__add_cell_name(r, c, out);
      pgr_buf_addf(out, ": %s operation%s in flight when the connection ended may or may not have happened.\n",
                   pgr_format_count(text, (int64_t)c->evidence.unknown), c->evidence.unknown == 1 ? "" : "s");
    }
    for (int k = 0; k < c->rule_count; k++) {
      if (c->rules[k].known) continue;
      pgr__add_cell_name(r, c, out);
      pgr_buf_addf(out, ": whether “%s” was kept is not known.\n", c->rules[k].name);
    }
    pgr__wrap(out, from);
    pgr__add_complaints(r->scenario, c->complaints, c->complaint_count, out);
  }
  if (*r->note) pgr_buf_addf(out, "%s\n", r->note);
}

/* What the database's no means to the user: each declaration once, with the first strategy that met it. */
static void add_rejections(const pgr_result *r, pgr_buf *out) {
  const pgr_scenario *s = r->scenario;
  bool told[PGR_REJECTIONS_MAX] = {false};
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    for (int k = 0; k < s->rejection_count; k++) {
      const pgr_rejection *rejection = &s->rejections[k];
      size_t from = out->len;
      if (c->rejections[k] == 0 || told[k] || !rejection->message) continue;
      told[k] = true;
      pgr_buf_addf(out, "With %s the loser is told: %s\n  (%s%sSQLSTATE %s%s%s)\n", c->strategy->name,
                   rejection->message, rejection->field ? rejection->field : "", rejection->field ? "; " : "",
                   rejection->sqlstate, rejection->constraint ? ", " : "",
                   rejection->constraint ? rejection->constraint : "");
      pgr__wrap(out, from);
    }
  }
}

static void add_bounds(const pgr_result *r, pgr_buf *out) {
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    char text[PGR_TEXT_BYTES];
    size_t from = out->len;
    if (c->judgement.verdict != PGR_VERDICT_NONE_SEEN) continue;
    pgr__add_cell_name(r, c, out);
    pgr_buf_addf(out, ": %s contested rounds without a race bound its rate below ",
                 pgr_format_count(text, (int64_t)c->evidence.contested));
    pgr__add_percent(out, c->upper_bound, PGR__UP);
    pgr_buf_adds(out, " % with 95 % confidence. That is a sample, not a proof.\n");
    pgr__wrap(out, from);
    if (r->cell_count > 2) return;
  }
}

/* What was planned; of a demo nothing was. */
static void add_plan(const pgr_result *r, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  uint32_t at_once = r->settings.agents / r->settings.contenders;
  if (r->settings.rounds && at_once > r->settings.rounds) at_once = (uint32_t)r->settings.rounds;
  if (r->settings.contenders < r->settings.agents)
    pgr_buf_addf(out, ", %s contest%s at a time", pgr_format_count(text, at_once), at_once == 1 ? "" : "s");
  if (r->settings.rounds)
    pgr_buf_addf(out, ", %s rounds", pgr_format_count(text, r->settings.rounds));
  else if (r->settings.budget_ns)
    pgr_buf_addf(out, ", within %s", pgr_format_duration(text, r->settings.budget_ns));
  else
    pgr_buf_addf(out, ", for %s each", pgr_format_duration(text, r->settings.duration_ns));
}

/* "claim: 8 agents claim one conversation, 2,000 rounds" */
static void add_title(const pgr_result *r, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  size_t from = out->len;
  pgr_buf_addf(out, "\n%s: %s %s", r->scenario->name, pgr_format_count(text, r->settings.contenders),
               r->scenario->title);
  if (is_demo(r))
    pgr_buf_adds(out, ", or the crowd does");
  else
    add_plan(r, out);
  pgr_buf_addf(out, "%s%s\n\n", pgr__mixes_levels(r) ? "" : ", ",
               pgr__mixes_levels(r) ? "" : pgr_isolation_name(r->cells[0].isolation));
  pgr__wrap(out, from);
}

/* The cell of which a story is told: the first that is not what the scenario says, else the first that was raced, else
 * the first that has one; NULL: none has. */
static const pgr_cell *choose_told(const pgr_result *r) {
  const pgr_cell *chosen = NULL;
  int worth = -1;
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    if (c->story_count == 0 && !c->proof.witness) continue;
    int of_this = 2 * !c->judgement.as_expected + (c->story_count > 0);
    if (of_this <= worth) continue;
    chosen = c;
    worth = of_this;
  }
  return chosen;
}

static void add_witness(const pgr_result *r, const pgr_cell *c, pgr_buf *out) {
  pgr_buf_adds(out, "\n");
  pgr_report_proof(r, c, false, out);
  pgr_report_witness(c, PGR__COLUMNS, false, out);
}

/* One story, or the witness of an exploration. */
static void add_story(const pgr_result *r, pgr_buf *out) {
  const pgr_cell *chosen = choose_told(r);
  if (!chosen) return;
  if (chosen->story_count == 0) {
    add_witness(r, chosen, out);
    return;
  }
  pgr_buf_adds(out, "\n");
  pgr_report_story(r, chosen, 0, out);
}

/* ---- all there is ---- */

static void add_figures_line(pgr__table *t, const char *operation, const char *what, uint64_t count,
                             const pgr_latency *l) {
  char text[PGR_TEXT_BYTES];
  const int64_t times[] = {l->p50, l->p95, l->p99, l->max};
  pgr__table_add(t, operation, NULL);
  pgr__table_add(t, what, NULL);
  pgr__table_add(t, pgr_format_count(text, (int64_t)count), NULL);
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    pgr__table_add(t, l->count ? pgr_format_duration(text, times[i]) : "–", NULL);
  pgr__table_end_line(t);
}

static void add_operation_lines(pgr__table *t, const pgr_scenario *s, const pgr_cell *c, int k) {
  const char *name = s->operations[k].name;
  for (int o = 0; o < PGR_OUTCOME_COUNT; o++) {
    if (c->outcomes[k][o] == 0) continue;
    add_figures_line(t, name, pgr_outcome_name((pgr_outcome)o), c->outcomes[k][o], &c->service[k][o]);
    name = "";
    if (c->response[k][o].count) add_figures_line(t, "", "– response", c->response[k][o].count, &c->response[k][o]);
  }
}

static void add_details(const pgr_result *r, const pgr_cell *c, pgr_buf *out) {
  static const char *const columns[] = {"operation", "outcome", "count", "p50", "p95", "p99", "max"};
  char text[PGR_TEXT_BYTES];
  size_t from;
  pgr__table t;
  pgr_buf_adds(out, "\n");
  from = out->len;
  pgr_buf_adds(out, "  ");
  pgr__add_cell_name(r, c, out);
  pgr_buf_addf(out, ": %s rounds", pgr_format_count(text, c->rounds));
  pgr_buf_addf(out, ", %s contested", pgr_format_count(text, (int64_t)c->evidence.contested));
  pgr_buf_addf(out, ", in %s", pgr_format_duration(text, c->elapsed_ns));
  pgr_buf_addf(out, "; %s statements/s\n", pgr_format_count(text, (int64_t)(c->statements_per_s + 0.5)));
  pgr__wrap(out, from);
  pgr__table_init(&t, "llrrrrr");
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
    pgr__table_add(&t, columns[i], NULL);
  pgr__table_end_line(&t);
  for (int k = 0; k < r->scenario->operation_count; k++)
    add_operation_lines(&t, r->scenario, c, k);
  if (c->pool_wait.count) add_figures_line(&t, "pool wait", "", c->pool_wait.count, &c->pool_wait);
  if (c->start_skew.count) add_figures_line(&t, "start skew", "", c->start_skew.count, &c->start_skew);
  pgr__table_take(&t, out);
}

static void add_all_details(const pgr_result *r, pgr_buf *out) {
  pgr_buf_adds(out, "\n  every operation by outcome; – response: from its intended start\n");
  for (size_t i = 0; i < r->cell_count; i++)
    if (pgr__was_raced(&r->cells[i])) add_details(r, &r->cells[i], out);
}

/* Those that add_story has not told. */
static void add_other_stories(const pgr_result *r, pgr_buf *out) {
  const pgr_cell *told = choose_told(r);
  bool witness_told = told != NULL;
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    for (size_t k = c == told; k < c->story_count; k++) {
      pgr_buf_adds(out, "\n");
      pgr_report_story(r, c, k, out);
    }
    if (!c->proof.witness) continue;
    if (witness_told) add_witness(r, c, out);
    witness_told = true;
  }
}

static bool any_raced(const pgr_result *r) {
  for (size_t i = 0; i < r->cell_count; i++)
    if (pgr__was_raced(&r->cells[i])) return true;
  return false;
}

void pgr_report_text(const pgr_result *r, unsigned style, pgr_buf *out) {
  bool colour = style & PGR_STYLE_COLOUR;
  add_title(r, out);
  pgr__add_verdicts(r, colour, out);
  add_rules(r, out);
  if (!pgr__is_matrix(r) && any_raced(r)) {
    add_outcomes(r, out);
    pgr_buf_adds(out, "\n");
    add_latencies(r, out);
  }
  if (style & PGR_STYLE_VERBOSE && any_raced(r)) add_all_details(r, out);
  add_story(r, out);
  if (style & PGR_STYLE_VERBOSE) add_other_stories(r, out);
  pgr_buf_adds(out, "\n");
  add_remarks(r, out);
  add_rejections(r, out);
  add_bounds(r, out);
}
