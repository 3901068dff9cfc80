/* The report a person reads in a terminal. Order: verdicts, what happened to the claims, what they cost, how it came
 * about, what to do next. */
#include "pgr_report.h"

#include "pgr_clock.h"
#include "pgr_units.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

/* Space to fill a column of `width` after `text`: printf counts bytes, terminals count characters. */
static int padding(const char *text, int width) {
  int shown = 0;
  for (; *text; text++)
    shown += ((unsigned char)*text & 0xC0) != 0x80;
  return shown < width ? width - shown : 0;
}

static void add_right(pgr_buf *out, const char *text, int width) {
  pgr_buf_addf(out, "%*s%s", padding(text, width), "", text);
}

static void add_count(pgr_buf *out, uint64_t n, int width) {
  char text[PGR_TEXT_BYTES];
  add_right(out, pgr_format_count(text, (int64_t)n), width);
}

static void add_time(pgr_buf *out, int64_t ns, int width) {
  char text[PGR_TEXT_BYTES];
  add_right(out, pgr_format_duration(text, ns), width);
}

typedef enum rounding { NEAREST, UP, DOWN } rounding;

/* "99.4", "0.031": two or three digits that matter, never rounded to a flat 0 or 100 when it is neither. The ends of an
 * interval are rounded outward: what is printed was shown, and no more. */
static void add_percent(pgr_buf *out, double p, rounding how) {
  double v = p * 100;
  int digits = v == 0 || v == 100 ? 0 : v > 99.9 ? 2 : v >= 1 ? 1 : 1 - (int)floor(log10(v));
  double scale = pow(10, digits), scaled = v * scale;
  scaled = how == UP ? ceil(scaled - 1e-9) : how == DOWN ? floor(scaled + 1e-9) : round(scaled);
  if (v < 100 && scaled >= 100 * scale && how != UP) scaled = 100 * scale - 1;
  pgr_buf_addf(out, "%.*f", scaled == 100 * scale ? 0 : digits, scaled / scale);
}

static int name_width(const pgr_result *r) {
  size_t widest = strlen("strategy");
  for (size_t i = 0; i < r->cell_count; i++)
    if (strlen(r->cells[i].strategy->name) > widest) widest = strlen(r->cells[i].strategy->name);
  return (int)widest;
}

void pgr_report_header(const pgr_result *r, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  pgr_buf_addf(out, "pgrace " PGR_VERSION " · %s PostgreSQL %s, ", r->environment.private_server ? "private" : "your",
               r->environment.server_version);
  if (!r->environment.private_server)
    pgr_buf_adds(out, "a database of its own");
  else
    pgr_buf_addf(out, "%s", r->settings.durable ? "durable" : "not durable");
  pgr_buf_addf(out, " · %s agents", pgr_format_count(text, r->settings.agents));
  if (r->settings.connections < r->settings.agents)
    pgr_buf_addf(out, " over %s connections", pgr_format_count(text, r->settings.connections));
  pgr_buf_addf(out, ", %u thread%s · seed %llu\n", r->settings.threads, r->settings.threads == 1 ? "" : "s",
               (unsigned long long)r->seed);
}

static const char *verdict_words(const pgr_cell *c) {
  switch (c->judgement.verdict) {
  case PGR_VERDICT_RACE: return "race";
  case PGR_VERDICT_SAFE: return "safe";
  case PGR_VERDICT_NONE_SEEN: return "none seen";
  case PGR_VERDICT_INCONCLUSIVE: return "inconclusive";
  case PGR_VERDICT_ERROR: return "error";
  }
  return "";
}

static const char *verdict_colour(const pgr_cell *c) {
  if (c->judgement.verdict == PGR_VERDICT_INCONCLUSIVE) return YELLOW;
  return c->judgement.as_expected ? GREEN : RED;
}

/* "99.4 % (98.9–99.7)", or a bound when nothing was seen. */
static void add_share(const pgr_cell *c, pgr_buf *out) {
  if (c->evidence.duplicates == 0) {
    pgr_buf_adds(out, "≤ ");
    add_percent(out, c->upper_bound, UP);
    pgr_buf_adds(out, " %");
    return;
  }
  uint64_t contested = c->evidence.contested ? c->evidence.contested : 1;
  add_percent(out, (double)c->evidence.duplicates / (double)contested, NEAREST);
  pgr_buf_adds(out, " % (");
  add_percent(out, c->share.low, DOWN);
  pgr_buf_adds(out, "–");
  add_percent(out, c->share.high, UP);
  pgr_buf_adds(out, ")");
}

static void add_verdicts(const pgr_result *r, bool colour, pgr_buf *out) {
  int names = name_width(r);
  pgr_buf_addf(out, "  %*s                                 replies\n", names, "");
  pgr_buf_addf(out, "  %-*s  rounds  two owners             doubled  verdict\n", names, "strategy");
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    pgr_buf_addf(out, "  %-*s", names, c->strategy->name);
    if (!c->evidence.ran) {
      pgr_buf_adds(out, "  not run\n");
      continue;
    }
    add_count(out, (uint64_t)c->rounds, 8);
    add_count(out, c->evidence.duplicates, 7);
    pgr_buf_adds(out, "  ");
    size_t before = out->len;
    add_share(c, out);
    pgr_buf_addf(out, "%*s", padding(pgr_buf_text(out) + before, 21), "");
    if (c->evidence.rows_known)
      add_count(out, c->evidence.doubled, 6);
    else
      add_right(out, "?", 6);
    pgr_buf_addf(out, "  %s%s%s", colour ? verdict_colour(c) : "", verdict_words(c), colour ? PLAIN : "");
    if (c->strategy->expect != PGR_EXPECT_NOTHING && c->judgement.verdict != PGR_VERDICT_INCONCLUSIVE)
      pgr_buf_adds(out, c->judgement.as_expected ? ", as expected" : ", NOT expected");
    pgr_buf_adds(out, "\n");
  }
}

static void add_outcomes(const pgr_result *r, pgr_buf *out) {
  int names = name_width(r);
  uint8_t k = r->scenario->model.acquire;
  uint64_t unknown = 0, retried = 0;
  for (size_t i = 0; i < r->cell_count; i++) {
    unknown += r->cells[i].outcomes[k][PGR_OUTCOME_UNKNOWN];
    retried += r->cells[i].outcomes[k][PGR_OUTCOME_RETRIED];
  }
  pgr_buf_addf(out, "  %-*s      won   refused  rejected  failed%s%s  statements/s\n", names,
               r->scenario->operations[k].name, unknown ? "  unknown" : "", retried ? "  retries" : "");
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    if (!c->evidence.ran) continue;
    pgr_buf_addf(out, "  %-*s", names, c->strategy->name);
    add_count(out, c->outcomes[k][PGR_OUTCOME_OK], 9);
    add_count(out, c->outcomes[k][PGR_OUTCOME_REFUSED], 10);
    add_count(out, c->outcomes[k][PGR_OUTCOME_REJECTED], 10);
    add_count(out, c->outcomes[k][PGR_OUTCOME_FAILED], 8);
    if (unknown) add_count(out, c->outcomes[k][PGR_OUTCOME_UNKNOWN], 9);
    if (retried) add_count(out, c->outcomes[k][PGR_OUTCOME_RETRIED], 9);
    add_count(out, (uint64_t)(c->statements_per_s + 0.5), 14);
    pgr_buf_adds(out, "\n");
  }
}

static void add_latency_line(pgr_buf *out, int names, const char *name, const char *what, const pgr_latency *l) {
  pgr_buf_addf(out, "  %-*s  %-10s", names, name, what);
  if (l->count == 0) {
    pgr_buf_adds(out, "        –         –         –         –\n");
    return;
  }
  add_time(out, l->p50, 9);
  add_time(out, l->p95, 10);
  add_time(out, l->p99, 10);
  add_time(out, l->max, 10);
  pgr_buf_adds(out, "\n");
}

static void add_latencies(const pgr_result *r, pgr_buf *out) {
  int names = name_width(r);
  char text[PGR_TEXT_BYTES];
  const char *claim = r->scenario->operations[r->scenario->model.acquire].name;
  pgr_buf_addf(out, "  %-*s                   p50       p95       p99       max\n", names, "latency");
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    char won[32], lost[32];
    if (!c->evidence.ran) continue;
    snprintf(won, sizeof won, "%s won", claim);
    snprintf(lost, sizeof lost, "%s lost", claim);
    add_latency_line(out, names, c->strategy->name, won, &c->winner);
    add_latency_line(out, names, "", lost, &c->loser);
    if (r->settings.connections < r->settings.agents) add_latency_line(out, names, "", "pool wait", &c->pool_wait);
    add_latency_line(out, names, "", "start skew", &c->start_skew);
  }
  if (r->settings.gap_ns)
    pgr_buf_addf(out, "  Claims include the gap of %s between check and use.\n",
                 pgr_format_duration(text, r->settings.gap_ns));
}

static void add_remarks(const pgr_result *r, pgr_buf *out) {
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    if (!c->evidence.ran) continue;
    if (*c->judgement.why) pgr_buf_addf(out, "%s: %s.\n", c->strategy->name, c->judgement.why);
    if (c->evidence.unknown > 0) {
      char text[PGR_TEXT_BYTES];
      pgr_buf_addf(out, "%s: %s operation%s in flight when the connection ended may or may not have happened.\n",
                   c->strategy->name, pgr_format_count(text, (int64_t)c->evidence.unknown),
                   c->evidence.unknown == 1 ? "" : "s");
    }
    if (!c->evidence.rows_known) pgr_buf_addf(out, "%s: the rows were not counted.\n", c->strategy->name);
    for (size_t j = 0; j < c->complaint_count; j++) {
      const pgr_complaint *e = &c->complaints[j];
      char text[PGR_TEXT_BYTES];
      pgr_buf_addf(out, "  failed %s time%s: %s%s%s (%s: %s)\n", pgr_format_count(text, (int64_t)e->count),
                   e->count == 1 ? "" : "s", e->sqlstate, *e->sqlstate ? " " : "", e->message,
                   r->scenario->operations[e->kind].name, r->scenario->operations[e->kind].steps[e->step].sql);
    }
  }
  if (*r->note) pgr_buf_addf(out, "%s\n", r->note);
}

static void add_next_steps(const pgr_result *r, pgr_buf *out) {
  const pgr_rejection *rejection = &r->scenario->rejection;
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    char text[PGR_TEXT_BYTES];
    if (c->outcomes[r->scenario->model.acquire][PGR_OUTCOME_REJECTED] > 0)
      pgr_buf_addf(out, "With %s the loser is told: %s\n  (%s; SQLSTATE %s, %s)\n", c->strategy->name,
                   rejection->message, rejection->field, rejection->sqlstate, rejection->constraint);
    if (c->judgement.verdict != PGR_VERDICT_NONE_SEEN) continue;
    pgr_buf_addf(out, "%s: %s contested rounds without a race bound its rate below ", c->strategy->name,
                 pgr_format_count(text, (int64_t)c->evidence.contested));
    add_percent(out, c->upper_bound, UP);
    pgr_buf_adds(out, " %\n  with 95 % confidence. That is a sample, not a proof.\n");
  }
}

/* "claim: 8 agents claim one conversation, 2,000 rounds" */
static void add_title(const pgr_result *r, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  uint32_t at_once = r->settings.agents / r->settings.contenders;
  if (r->settings.rounds && at_once > r->settings.rounds) at_once = (uint32_t)r->settings.rounds;
  pgr_buf_addf(out, "\n%s: %s %s", r->scenario->name, pgr_format_count(text, r->settings.contenders),
               r->scenario->title);
  if (r->settings.contenders < r->settings.agents)
    pgr_buf_addf(out, ", %s contest%s at a time", pgr_format_count(text, at_once), at_once == 1 ? "" : "s");
  if (r->settings.rounds)
    pgr_buf_addf(out, ", %s rounds\n\n", pgr_format_count(text, r->settings.rounds));
  else
    pgr_buf_addf(out, ", for %s each\n\n", pgr_format_duration(text, r->settings.duration_ns));
}

void pgr_report_text(const pgr_result *r, bool colour, pgr_buf *out) {
  add_title(r, out);
  add_verdicts(r, colour, out);
  pgr_buf_adds(out, "\n");
  add_outcomes(r, out);
  pgr_buf_adds(out, "\n");
  add_latencies(r, out);
  for (size_t i = 0; i < r->cell_count; i++) {
    if (!r->cells[i].story.count) continue;
    pgr_buf_adds(out, "\n");
    pgr_report_story(r->scenario, &r->cells[i], out);
    break;
  }
  pgr_buf_adds(out, "\n");
  add_remarks(r, out);
  add_next_steps(r, out);
}
