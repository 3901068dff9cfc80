/* The sum of phases. Invariant: what is not known of one phase is not known of the sum, whichever came first; that a
 * sum has phases already is what `phases` says. */
#include "pgr_measure.h"

#include "latency_internal.h"
#include <stdlib.h>
#include <string.h>

void pgr_measure_deinit(pgr_measure *m) {
  pgr_tally_deinit(&m->tally);
  pgr_series_deinit(&m->series);
  pgr_histogram_destroy(m->lag);
  pgr_histogram_destroy(m->loop_lag);
  *m = (pgr_measure){0};
}

/* -1: not known. */
static void add_known(int64_t *to, int64_t from) {
  *to = *to < 0 || from < 0 ? -1 : *to + from;
}

static int most_seen_first(const void *a, const void *b) {
  const pgr_wait *x = a, *y = b;
  if (x->seen != y->seen) return x->seen < y->seen ? 1 : -1;
  return strcmp(x->what, y->what);
}

static pgr_wait *find_wait(pgr_wait *waits, size_t count, const char *what) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(waits[i].what, what) == 0) return &waits[i];
  return NULL;
}

/* Room for all of both, so that what is dropped is what was seen least. */
static void add_waits(pgr_server_figures *to, const pgr_server_figures *from) {
  pgr_wait both[2 * PGR_WAITS_MAX];
  size_t count = to->wait_count;
  memcpy(both, to->waits, count * sizeof *both);
  for (size_t i = 0; i < from->wait_count; i++) {
    pgr_wait *known = find_wait(both, count, from->waits[i].what);
    if (known)
      known->seen += from->waits[i].seen;
    else
      both[count++] = from->waits[i];
  }
  qsort(both, count, sizeof *both, most_seen_first);
  to->wait_count = count < PGR_WAITS_MAX ? count : PGR_WAITS_MAX;
  memcpy(to->waits, both, to->wait_count * sizeof *both);
}

static void add_server(pgr_server_figures *to, const pgr_server_figures *from) {
  if (!to->known || !from->known) {
    *to = (pgr_server_figures){0};
    return;
  }
  to->looks += from->looks;
  to->took_ns += from->took_ns;
  to->phase_s += from->phase_s;
  add_waits(to, from);
  add_known(&to->wal_bytes, from->wal_bytes);
  add_known(&to->wal_records, from->wal_records);
  add_known(&to->wal_full_pages, from->wal_full_pages);
  add_known(&to->commits, from->commits);
  add_known(&to->rollbacks, from->rollbacks);
  add_known(&to->deadlocks, from->deadlocks);
  add_known(&to->conflicts, from->conflicts);
  add_known(&to->blocks_hit, from->blocks_hit);
  add_known(&to->blocks_read, from->blocks_read);
  add_known(&to->temp_bytes, from->temp_bytes);
}

static void add_counts(pgr_measure *to, const pgr_measure *from) {
  to->window_ns += from->window_ns;
  to->connect_ns += from->connect_ns;
  to->transactions += from->transactions;
  to->begun += from->begun;
  to->unfinished += from->unfinished;
  to->errors += from->errors;
  to->arrivals.due += from->arrivals.due;
  to->arrivals.late += from->arrivals.late;
  to->arrivals.shed += from->arrivals.shed;
  to->arrivals.unsent += from->arrivals.unsent;
  to->cpu_ns += from->cpu_ns;
  add_known(&to->run_wait_ns, from->run_wait_ns);
  add_known(&to->server_cpu_ns, from->server_cpu_ns);
  to->duplicates += from->duplicates;
  to->unexplained += from->unexplained;
  to->verified_operations += from->verified_operations;
  if (from->verify_kept_max > to->verify_kept_max) to->verify_kept_max = from->verify_kept_max;
}

pgr_code pgr_measure_add(pgr_measure *to, const pgr_measure *from) {
  if (to->phases == 0) {
    to->verified = to->complete = true;
    to->server = from->server;
  } else {
    add_server(&to->server, &from->server);
  }
  to->phases += from->phases ? from->phases : 1;
  to->verified &= from->verified;
  to->complete &= from->complete;
  to->verify_limited |= from->verify_limited;
  to->keys_used_up |= from->keys_used_up;
  add_counts(to, from);
  pgr_code code = pgr_tally_merge(&to->tally, &from->tally);
  if (!code) code = pgr__histogram_add(&to->lag, from->lag);
  if (!code) code = pgr__histogram_add(&to->loop_lag, from->loop_lag);
  return code;
}
