/* A connection of a spec's run: keeps what it received as the text that isolationtester would print, until the moment
 * at which it would read it.
 * Invariant most easily broken: a notice that comes before its step's first result is printed, and counted, whenever
 * somebody looks whether the step is over; everything from the first result on only when the step is reported. */
#include "spec_run_internal.h"

#include "pgr_mem.h"
#include <stddef.h>
#include <stdlib.h>

static spec_seat *of_holder(pgr_holder *h) {
  return (spec_seat *)((char *)h - offsetof(spec_seat, holder));
}

static spec_seat *of_ear(pgr_conn_ear *ear) {
  return (spec_seat *)((char *)ear - offsetof(spec_seat, ear));
}

static bool is_session(const spec_seat *s) {
  return s != &s->run->control && s != &s->run->asker;
}

/* ---- as text ---- */

static void add_rows(pgr_buf *out, const PGresult *r) {
  char *text = NULL;
  size_t len = 0;
  FILE *f = open_memstream(&text, &len);
  if (f) {
    char bar[] = "|";
    PQprintOpt how = {.header = 1, .align = 1, .fieldSep = bar};
    PQprint(f, r, &how);
    if (fclose(f)) text = NULL;
  }
  if (text)
    pgr_buf_add(out, text, len);
  else
    out->failed = true;
  free(text);
}

static void add_error(pgr_buf *out, const PGresult *r) {
  /* The detail may hold transaction ids. Errors that are libpq's own have no parts. */
  const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY);
  const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
  if (severity && message)
    pgr_buf_addf(out, "%s:  %s\n", severity, message);
  else
    pgr_buf_addf(out, "%s\n", PQresultErrorMessage(r));
}

static void add_result(pgr_buf *out, const PGresult *r) {
  ExecStatusType status = PQresultStatus(r);
  if (status == PGRES_TUPLES_OK)
    add_rows(out, r);
  else if (status == PGRES_FATAL_ERROR)
    add_error(out, r);
  else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
    pgr_buf_addf(out, "unexpected result status: %s\n", PQresStatus(status));
}

/* The result of PQexec is the last one. */
static void keep_last(spec_seat *s, const PGresult *r) {
  s->status = PQresultStatus(r);
  pgr_buf_clear(&s->after);
  if (s->status == PGRES_TUPLES_OK)
    add_rows(&s->after, r);
  else
    pgr_buf_adds(&s->after, PQresultErrorMessage(r));
}

static void print(const spec_seat *s, pgr_buf *text) {
  if (text->len) fwrite(text->data, 1, text->len, s->run->o->out);
  if (text->failed && !s->run->failed) s->run->failed = text->len ? PGR_ELIMIT : PGR_ENOMEM;
  pgr_buf_clear(text);
}

/* ---- what arrives ---- */

static void on_result(pgr_holder *h, const PGresult *r, bool last) {
  spec_seat *s = of_holder(h);
  (void)last;
  if (s->executing) {
    keep_last(s, r);
    return;
  }
  s->answered = true;
  add_result(&s->after, r);
  pgr_buf_add(&s->after, pgr_buf_text(&s->held), s->held.len);
  s->after.failed |= s->held.failed;
  pgr_buf_clear(&s->held);
}

static void on_done(pgr_holder *h) {
  (void)h;
}

static void on_lost(pgr_holder *h) {
  (void)h; /* the run is told */
}

static void on_notice(pgr_conn_ear *ear, const PGresult *notice) {
  spec_seat *s = of_ear(ear);
  if (!is_session(s)) return;
  bool kept = pgr_conn_keeps_result(s->conn), later = !s->executing && (s->answered || kept);
  pgr_buf_addf(!later ? &s->before : kept ? &s->held : &s->after, "%s: %s", s->name, PQresultErrorMessage(notice));
  if (later)
    s->after_notices++;
  else
    s->before_notices++;
}

static void on_notified(pgr_conn_ear *ear, const PGnotify *n) {
  spec_seat *s = of_ear(ear);
  const spec_run *run = s->run;
  if (!is_session(s)) return;
  pgr_buf_addf(&s->notified, "%s: NOTIFY \"%s\" with payload \"%s\" from ", s->name, n->relname, n->extra);
  for (int i = 0; i < run->spec->session_count; i++) {
    if (pgr_conn_pid(run->seats[i].conn) != n->be_pid) continue;
    pgr_buf_addf(&s->notified, "%s\n", run->seats[i].name);
    return;
  }
  pgr_buf_addf(&s->notified, "PID %d\n", n->be_pid);
}

void spec_seat_init(spec_seat *s, spec_run *run, const char *name) {
  *s = (spec_seat){.holder = {.result = on_result, .done = on_done, .lost = on_lost},
                   .ear = {.notice = on_notice, .notified = on_notified},
                   .run = run,
                   .name = name};
  pgr_buf_init(&s->before, 0);
  pgr_buf_init(&s->after, 0);
  pgr_buf_init(&s->held, 0);
  pgr_buf_init(&s->notified, 0);
}

void spec_seat_deinit(spec_seat *s) {
  pgr_buf_deinit(&s->before);
  pgr_buf_deinit(&s->after);
  pgr_buf_deinit(&s->held);
  pgr_buf_deinit(&s->notified);
  pgr_free(s->targets);
}

/* ---- what is printed ---- */

static void count_notices(spec_seat *s, int *notices) {
  s->total_notices += *notices;
  s->run->new_notice |= *notices > 0;
  *notices = 0;
}

void spec_seat_read(spec_seat *s) {
  print(s, &s->before);
  count_notices(s, &s->before_notices);
}

void spec_seat_finish(spec_seat *s) {
  print(s, &s->after);
  count_notices(s, &s->after_notices);
  print(s, &s->notified);
  s->answered = false;
  s->active = NULL;
}

pgr_code spec_seat_execute(spec_seat *s, const char *sql, const char *what, bool fatal, pgr_err *err) {
  pgr_code code = PGR_OK;
  s->executing = true;
  s->status = PGRES_EMPTY_QUERY;
  pgr_conn_query(s->conn, sql);
  do
    code = spec_run_rest(s->run, INT64_MAX, err);
  while (!code && pgr_conn_busy(s->conn));
  s->executing = false;
  spec_seat_read(s);
  if (code) return code;
  if (s->status == PGRES_TUPLES_OK) {
    print(s, &s->after);
  } else if (s->status != PGRES_COMMAND_OK) {
    const char *message = pgr_buf_text(&s->after);
    fprintf(s->run->o->complaints, "%s failed: %s", what, message);
    if (fatal) code = pgr_fail(err, PGR_EDATABASE, "%s failed: %s", what, message);
  }
  pgr_buf_clear(&s->after);
  return code;
}
