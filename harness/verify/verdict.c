/* The one place that decides what counts mean. */
#include "pgr_verdict.h"

#include <stdio.h>

const char *pgr_verdict_name(pgr_verdict v) {
  switch (v) {
  case PGR_VERDICT_RACE: return "race";
  case PGR_VERDICT_SAFE: return "safe";
  case PGR_VERDICT_NONE_SEEN: return "none-seen";
  case PGR_VERDICT_INCONCLUSIVE: return "inconclusive";
  case PGR_VERDICT_ERROR: return "error";
  }
  return "?";
}

const char *pgr_expect_name(pgr_expect e) {
  switch (e) {
  case PGR_EXPECT_NOTHING: return NULL;
  case PGR_EXPECT_RACE: return "race";
  case PGR_EXPECT_SAFE: return "safe";
  }
  return NULL;
}

typedef enum control { NO_CONTROL, CONTROL_SILENT, CONTROL_RACED } control;

static control find_control(const pgr_evidence *cells, size_t n) {
  control found = NO_CONTROL;
  for (size_t i = 0; i < n; i++) {
    if (!cells[i].ran || cells[i].explored || cells[i].expect != PGR_EXPECT_RACE) continue;
    if (cells[i].duplicates > 0) return CONTROL_RACED;
    found = CONTROL_SILENT;
  }
  return found;
}

static pgr_verdict decide(const pgr_evidence *e, control c, char why[200]) {
  why[0] = '\0';
  if (!e->ran) {
    snprintf(why, 200, "it was not run");
    return PGR_VERDICT_INCONCLUSIVE;
  }
  if (e->trouble && e->duplicates == 0) {
    snprintf(why, 200, "%s", e->trouble);
    return PGR_VERDICT_INCONCLUSIVE;
  }
  if (e->failed > 0) {
    snprintf(why, 200, "%llu operation%s failed", (unsigned long long)e->failed, e->failed == 1 ? "" : "s");
    return PGR_VERDICT_ERROR;
  }
  if (e->unexplained > 0) {
    snprintf(why, 200, "%llu agents were turned away although nobody can have owned the key",
             (unsigned long long)e->unexplained);
    return PGR_VERDICT_ERROR;
  }
  if (e->duplicates > 0) return PGR_VERDICT_RACE;
  if (!e->rules_known) {
    snprintf(why, 200, "not every rule could be checked");
    return PGR_VERDICT_INCONCLUSIVE;
  }
  if (e->never_ok) {
    snprintf(why, 200, "%.60s never ended ok, and what turns everybody away is safe for nothing", e->never_ok);
    return PGR_VERDICT_INCONCLUSIVE;
  }
  if (e->explored && e->proved) return PGR_VERDICT_SAFE;
  if (e->explored) {
    snprintf(why, 200, "%s", e->short_of ? e->short_of : "not every schedule was run");
    return PGR_VERDICT_INCONCLUSIVE;
  }
  if (e->contested == 0) {
    snprintf(why, 200, "no round was contested: no two agents' operations overlapped in time");
    return PGR_VERDICT_INCONCLUSIVE;
  }
  if (e->sampled_rarely) {
    snprintf(why, 200, "its race lies inside one statement, which racing shows rarely: none seen says little");
    return PGR_VERDICT_INCONCLUSIVE;
  }
  if (c == CONTROL_RACED) return PGR_VERDICT_NONE_SEEN;
  if (e->expect == PGR_EXPECT_RACE)
    snprintf(why, 200, "it is the control and did not race: more rounds or a --gap may help");
  else
    snprintf(why, 200, "nothing was seen, which proves nothing without a control that raced%s",
             c == NO_CONTROL ? "; none was run" : "");
  return PGR_VERDICT_INCONCLUSIVE;
}

void pgr_judge(const pgr_evidence *cells, size_t n, pgr_judgement *out) {
  control c = find_control(cells, n);
  for (size_t i = 0; i < n; i++) {
    pgr_verdict v = decide(&cells[i], c, out[i].why);
    out[i].verdict = v;
    switch (cells[i].expect) {
    case PGR_EXPECT_NOTHING: out[i].as_expected = cells[i].ran && v != PGR_VERDICT_ERROR; break;
    case PGR_EXPECT_RACE: out[i].as_expected = v == PGR_VERDICT_RACE; break;
    case PGR_EXPECT_SAFE: out[i].as_expected = v == PGR_VERDICT_NONE_SEEN || v == PGR_VERDICT_SAFE; break;
    }
  }
}

int pgr_judge_exit_status(const pgr_evidence *cells, const pgr_judgement *judged, size_t n, bool interrupted) {
  bool broken = false, open = n == 0;
  for (size_t i = 0; i < n; i++) {
    broken |= judged[i].verdict == PGR_VERDICT_ERROR;
    broken |= judged[i].verdict == PGR_VERDICT_RACE && cells[i].expect == PGR_EXPECT_SAFE;
    broken |= judged[i].verdict == PGR_VERDICT_SAFE && cells[i].expect == PGR_EXPECT_RACE;
    open |= judged[i].verdict == PGR_VERDICT_INCONCLUSIVE || !cells[i].complete || !judged[i].as_expected;
  }
  if (interrupted) return 2;
  return broken ? 1 : open ? 2 : 0;
}
