#include "pgr_progress.h"

#include "pgr_clock.h"
#include "pgr_units.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void pgr_progress_init(pgr_progress *p, FILE *out) {
  const char *term = getenv("TERM");
  *p = (pgr_progress){.out = out};
  p->rewrites = isatty(fileno(out)) && !getenv("CI") && term && strcmp(term, "dumb") != 0;
}

void pgr_progress_show(pgr_progress *p, const char *what, int64_t done, int64_t planned, int64_t elapsed_ns,
                       int64_t planned_ns, int64_t suspects) {
  if (!p->rewrites && elapsed_ns - p->printed_ns < PGR_NS_PER_S) return;
  p->printed_ns = elapsed_ns;
  char a[PGR_TEXT_BYTES], b[PGR_TEXT_BYTES], c[PGR_TEXT_BYTES], d[PGR_TEXT_BYTES];
  double seconds = (double)elapsed_ns / (double)PGR_NS_PER_S, rate = seconds > 0 ? (double)done / seconds : 0;
  int64_t left_s = 0;
  if (planned && rate > 0)
    left_s = (int64_t)((double)(planned - done) / rate + 0.5);
  else if (!planned && planned_ns > elapsed_ns)
    left_s = (planned_ns - elapsed_ns + PGR_NS_PER_S / 2) / PGR_NS_PER_S;
  fprintf(p->out, "%s%s  %s%s%s rounds  %s/s", p->rewrites ? "\r\033[K" : "", what, pgr_format_count(a, done),
          planned ? "/" : "", planned ? pgr_format_count(b, planned) : "", pgr_format_count(c, (int64_t)rate));
  if (suspects >= 0) fprintf(p->out, "  too many owners in %s", pgr_format_count(d, suspects));
  fprintf(p->out, "  %lld:%02lld left%s", (long long)(left_s / 60), (long long)(left_s % 60), p->rewrites ? "" : "\n");
  fflush(p->out);
  p->shown = p->rewrites;
}

void pgr_progress_explored(pgr_progress *p, const char *what, const pgr_search_totals *t, int64_t elapsed_ns) {
  if (!p->rewrites && elapsed_ns - p->printed_ns < PGR_NS_PER_S) return;
  p->printed_ns = elapsed_ns;
  char done[PGR_TEXT_BYTES], rate[PGR_TEXT_BYTES], classes[PGR_TEXT_BYTES], left[PGR_TEXT_BYTES];
  double seconds = (double)elapsed_ns / (double)PGR_NS_PER_S;
  int64_t a_second = seconds > 0 ? (int64_t)((double)t->schedules / seconds) : 0;
  fprintf(p->out, "%s%s  %s schedules  %s/s  depth %zu  classes %s  branches left %s%s", p->rewrites ? "\r\033[K" : "",
          what, pgr_format_count(done, t->schedules), pgr_format_count(rate, a_second), t->depth,
          pgr_format_count(classes, t->classes), pgr_format_count(left, t->left), p->rewrites ? "" : "\n");
  fflush(p->out);
  p->shown = p->rewrites;
}

void pgr_progress_loaded(pgr_progress *p, const char *what, uint64_t transactions, uint64_t errors, int64_t elapsed_ns,
                         int64_t planned_ns) {
  if (!p->rewrites && elapsed_ns - p->printed_ns < PGR_NS_PER_S) return;
  p->printed_ns = elapsed_ns;
  char done[PGR_TEXT_BYTES], rate[PGR_TEXT_BYTES], wrong[PGR_TEXT_BYTES];
  double seconds = (double)elapsed_ns / (double)PGR_NS_PER_S;
  int64_t left_s = planned_ns > elapsed_ns ? (planned_ns - elapsed_ns + PGR_NS_PER_S / 2) / PGR_NS_PER_S : 0;
  fprintf(p->out, "%s%s  %s transactions  %s/s", p->rewrites ? "\r\033[K" : "", what,
          pgr_format_count(done, (int64_t)transactions),
          pgr_format_count(rate, seconds > 0 ? (int64_t)((double)transactions / seconds) : 0));
  if (errors > 0) fprintf(p->out, "  %s errors", pgr_format_count(wrong, (int64_t)errors));
  if (planned_ns) fprintf(p->out, "  %lld:%02lld left", (long long)(left_s / 60), (long long)(left_s % 60));
  fputs(p->rewrites ? "" : "\n", p->out);
  fflush(p->out);
  p->shown = p->rewrites;
}

void pgr_progress_wipe(pgr_progress *p) {
  if (!p->shown) return;
  fputs("\r\033[K", p->out);
  fflush(p->out);
  p->shown = false;
}

void pgr_progress_restart(pgr_progress *p) {
  p->printed_ns = 0;
}
