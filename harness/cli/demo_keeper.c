/* Two threads: the site's, which never blocks, and this one, which may. What goes from one to the other changes hands.
 * Invariant: before a target is destroyed the site has left it, and has said so. */
#include "demo_keeper.h"

#include "demo_report.h"
#include "describe.h"
#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_mem.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const int64_t TEND_NS = 250 * PGR_NS_PER_MS, RETRY_NS = PGR_NS_PER_S;

enum { OK = 200, NOT_YET = 404, FAILED = 500, UNAVAILABLE = 503, REPORT_BYTES_MAX = 256 << 20 };

typedef enum task_kind {
  TASK_ENTER,    /* strategy */
  TASK_LOST,     /* text: why */
  TASK_REPORT,   /* call, records, page */
  TASK_LINK_USED /* text: the next link */
} task_kind;

struct pgr_demo_task {
  pgr_demo_task *next;
  task_kind kind;
  const pgr_strategy *strategy;
  char *text; /* owned */
  pgr_http_call *call;
  pgr_inbox_record *records; /* owned */
  int count;
  bool page;
};

static void destroy_task(pgr_demo_task *t) {
  for (int i = 0; i < t->count; i++)
    pgr_inbox_record_deinit(&t->records[i]);
  pgr_free(t->records);
  pgr_free(t->text);
  pgr_free(t);
}

/* ---- the site's thread ---- */

/* Takes the task. NULL: there was no memory for it; what was asked is asked again by hand. */
static void add_task(pgr_demo_keeper *k, pgr_demo_task *t) {
  if (!t) return;
  uv_mutex_lock(&k->lock);
  *k->tasks_end = t;
  k->tasks_end = &t->next;
  uv_mutex_unlock(&k->lock);
  uint64_t one = 1;
  ssize_t ignored = write(k->wake_fd, &one, sizeof one);
  (void)ignored;
}

static pgr_demo_task *make_task(task_kind kind) {
  pgr_demo_task *t = pgr_calloc(1, sizeof *t);
  if (t) t->kind = kind;
  return t;
}

static void on_enter(void *user, const pgr_strategy *strategy) {
  pgr_demo_task *t = make_task(TASK_ENTER);
  if (t) t->strategy = strategy;
  add_task(user, t);
}

static void on_lost(void *user, const char *why) {
  pgr_demo_task *t = make_task(TASK_LOST);
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_buf_adds(&text, why);
  if (t) t->text = pgr_buf_take(&text);
  pgr_buf_deinit(&text);
  add_task(user, t);
}

static void on_report(void *user, pgr_http_call *call, pgr_inbox_record *records, int count, bool page) {
  pgr_demo_task *t = make_task(TASK_REPORT);
  if (!t) {
    for (int i = 0; i < count; i++)
      pgr_inbox_record_deinit(&records[i]);
    pgr_free(records);
    pgr_http_answer(call, FAILED, NULL, "", 0, NULL);
    return;
  }
  t->call = call;
  t->records = records;
  t->count = records ? count : 0;
  t->page = page;
  add_task(user, t);
}

static void on_link_used(void *user) {
  pgr_demo_keeper *k = user;
  pgr_demo_task *t = make_task(TASK_LINK_USED);
  pgr_buf link;
  pgr_buf_init(&link, 0);
  pgr_http_link(pgr_site_http(k->site), &link);
  if (t) t->text = pgr_buf_take(&link);
  pgr_buf_deinit(&link);
  add_task(k, t);
}

pgr_site_keeper pgr_demo_keeper_calls(pgr_demo_keeper *k) {
  return (pgr_site_keeper){
      .enter = on_enter, .lost = on_lost, .report = on_report, .link_used = on_link_used, .user = k};
}

/* ---- messages to the site ---- */

typedef struct use_message {
  pgr_message base; /* first */
  pgr_site *site;
  const pgr_demo_room *room;
  bool afresh;
  char server[96];
} use_message;

static void deliver_use(pgr_message *m) {
  use_message *self = (use_message *)m;
  const pgr_demo_room *room = self->room;
  pgr_site_use(self->site, room->place.target, room->strategy, room->first_key, room->last_key, self->afresh,
               self->server);
  pgr_free(self);
}

static pgr_code tell_use(pgr_demo_keeper *k, const pgr_demo_room *room, pgr_err *err) {
  use_message *m = pgr_calloc(1, sizeof *m);
  if (!m) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  *m = (use_message){.base = {.deliver = deliver_use}, .site = k->site, .room = room, .afresh = k->afresh};
  snprintf(m->server, sizeof m->server, "PostgreSQL %s, %s", k->rooms->first.version,
           k->rooms->dsn ? "yours" : "private");
  k->afresh = false;
  pgr_loop_post(k->loop, &m->base);
  return PGR_OK;
}

typedef struct leave_message {
  pgr_message base; /* first */
  pgr_site *site;
  const char *why;
  uv_sem_t done;
} leave_message;

static void deliver_leave(pgr_message *m) {
  leave_message *self = (leave_message *)m;
  pgr_site_leave(self->site, self->why);
  uv_sem_post(&self->done);
}

/* Returns when the site has left: nothing of it connects any more. */
static void tell_leave(pgr_demo_keeper *k, const char *why) {
  leave_message m = {.base = {.deliver = deliver_leave}, .site = k->site, .why = why};
  if (uv_sem_init(&m.done, 0)) abort(); /* only for a value out of range */
  pgr_loop_post(k->loop, &m.base);
  uv_sem_wait(&m.done);
  uv_sem_destroy(&m.done);
}

typedef struct answer_message {
  pgr_message base; /* first */
  pgr_http_call *call;
  int status;
  const char *type, *name;
  pgr_buf body;
} answer_message;

static void deliver_answer(pgr_message *m) {
  answer_message *self = (answer_message *)m;
  pgr_http_answer(self->call, self->status, self->type, pgr_buf_text(&self->body), self->body.len, self->name);
  pgr_buf_deinit(&self->body);
  pgr_free(self);
}

typedef struct stop_message {
  pgr_message base; /* first */
  pgr_site *site;
  pgr_loop *loop;
} stop_message;

static void deliver_stop(pgr_message *m) {
  stop_message *self = (stop_message *)m;
  pgr_site_close(self->site);
  pgr_loop_finish(self->loop);
}

/* ---- the database ---- */

static pgr_demo_task *take_task(pgr_demo_keeper *k) {
  uv_mutex_lock(&k->lock);
  pgr_demo_task *t = k->tasks;
  if (t) k->tasks = t->next;
  if (!k->tasks) k->tasks_end = &k->tasks;
  uv_mutex_unlock(&k->lock);
  return t;
}

/* What the site lost before it left is no news any more. */
static void forget_losses(pgr_demo_keeper *k) {
  uv_mutex_lock(&k->lock);
  for (pgr_demo_task **at = &k->tasks; *at;) {
    pgr_demo_task *t = *at;
    if (t->kind != TASK_LOST) {
      at = &t->next;
      continue;
    }
    *at = t->next;
    destroy_task(t);
  }
  k->tasks_end = &k->tasks;
  while (*k->tasks_end)
    k->tasks_end = &(*k->tasks_end)->next;
  uv_mutex_unlock(&k->lock);
}

/* A line for the person at the terminal. */
static void say(const pgr_demo_keeper *k, const char *what, const char *detail) {
  fprintf(k->out, "%s%s\n", what, detail);
  fflush(k->out);
}

static void lose(pgr_demo_keeper *k, const char *why) {
  bool news = !k->away;
  k->away = k->afresh = true;
  k->retry_ns = pgr_now_ns() + RETRY_NS;
  if (!news && strcmp(k->told, why) == 0) return;
  snprintf(k->told, sizeof k->told, "%s", why);
  tell_leave(k, k->told);
  forget_losses(k);
  if (news) say(k, "The database is away, it is tried every second: ", why);
}

/* Into the room that is wanted. */
static pgr_code enter(pgr_demo_keeper *k, pgr_err *err) {
  pgr_demo_room *room = NULL;
  pgr_code code = pgr_demo_rooms_enter(k->rooms, k->wanted, &room, err);
  return code ? code : tell_use(k, room, err);
}

static void describe(pgr_demo_keeper *k) {
  char started_at[sizeof k->environment.started_at];
  snprintf(started_at, sizeof started_at, "%s", k->environment.started_at);
  pgr_describe_environment(&k->environment, &k->rooms->first, k->rooms->dsn);
  if (*started_at) snprintf(k->environment.started_at, sizeof k->environment.started_at, "%s", started_at);
}

static void recover(pgr_demo_keeper *k) {
  pgr_err err;
  pgr_code code = pgr_demo_rooms_recover(k->rooms, &err);
  if (!code) describe(k);
  if (!code) code = enter(k, &err);
  if (code == PGR_EINTERRUPTED) return;
  if (code) {
    lose(k, err.msg);
    return;
  }
  k->away = false;
  say(k, "The database is back; what was seen before is forgotten.", "");
}

/* ---- errands ---- */

static void go_to(pgr_demo_keeper *k, const pgr_strategy *strategy) {
  pgr_err err;
  k->wanted = strategy;
  if (k->away) return; /* it comes with the database */
  pgr_code code = enter(k, &err);
  if (code && code != PGR_EINTERRUPTED) lose(k, err.msg);
}

static int status_of(pgr_code code) {
  switch (code) {
  case PGR_OK: return OK;
  case PGR_EDATABASE: return UNAVAILABLE;
  case PGR_EINTERRUPTED:
  case PGR_EUSAGE:
  case PGR_ELIMIT:
  case PGR_EENVIRONMENT:
  case PGR_ENOMEM: return FAILED;
  }
  return FAILED;
}

/* The body, or one line that says why there is none. Returns the status. */
static int make_report(pgr_demo_keeper *k, const pgr_demo_task *t, pgr_buf *body) {
  const pgr_demo_report report = {.environment = &k->environment, .repeat = k->repeat, .page = t->page};
  pgr_err err = {0};
  pgr_code code = PGR_OK;
  if (!pgr_demo_report_has_any(t->records, t->count)) {
    pgr_buf_adds(body, "Nothing has happened yet: claim a conversation first.\n");
    return NOT_YET;
  }
  if (k->away)
    code = pgr_fail(&err, PGR_EDATABASE, "the database is away, and its rows are part of the result: %s", k->told);
  else
    code = pgr_demo_report_make(&report, k->rooms, t->records, t->count, body, &err);
  if (!code) return OK;
  pgr_buf_clear(body);
  pgr_buf_addf(body, "%s\n", err.msg);
  return status_of(code);
}

static void answer(pgr_demo_keeper *k, pgr_demo_task *t) {
  answer_message *m = pgr_calloc(1, sizeof *m);
  if (!m) return; /* the call is forgotten with the site */
  *m = (answer_message){.base = {.deliver = deliver_answer}, .call = t->call};
  pgr_buf_init(&m->body, REPORT_BYTES_MAX);
  m->status = make_report(k, t, &m->body);
  m->type = m->status != OK ? "text/plain; charset=utf-8" : t->page ? "text/html; charset=utf-8" : "application/json";
  m->name = m->status != OK ? NULL : t->page ? "report.html" : "result.json";
  pgr_loop_post(k->loop, &m->base);
}

static void serve(pgr_demo_keeper *k, pgr_demo_task *t) {
  switch (t->kind) {
  case TASK_ENTER: go_to(k, t->strategy); break;
  case TASK_LOST:
    if (!k->away) lose(k, t->text ? t->text : "the connections were lost");
    break;
  case TASK_REPORT: answer(k, t); break;
  case TASK_LINK_USED:
    if (t->text) say(k, "One more viewer: open ", t->text);
    break;
  }
}

/* ---- the main thread ---- */

static void wait_for_work(const pgr_demo_keeper *k) {
  struct pollfd fds[] = {{.fd = pgr_interrupt_fd(), .events = POLLIN}, {.fd = k->wake_fd, .events = POLLIN}};
  poll(fds, sizeof fds / sizeof *fds, (int)(TEND_NS / PGR_NS_PER_MS));
  uint64_t count;
  ssize_t ignored = read(k->wake_fd, &count, sizeof count);
  (void)ignored;
}

/* What nobody asks for: is the server still there, is it back, what became of the browser. */
static void tend(pgr_demo_keeper *k) {
  pgr_err err;
  pgr_demo_browser_watch(&k->browser);
  if (k->away && pgr_now_ns() >= k->retry_ns)
    recover(k);
  else if (!k->away && pgr_demo_rooms_check(k->rooms, &err))
    lose(k, err.msg);
}

pgr_code pgr_demo_keeper_run(pgr_demo_keeper *k, pgr_err *err) {
  pgr_code code = pgr_demo_rooms_open(k->rooms, err);
  if (!code) describe(k);
  if (!code) code = enter(k, err);
  while (!code && !pgr_interrupt_pending()) {
    wait_for_work(k);
    for (pgr_demo_task *t; !pgr_interrupt_pending() && (t = take_task(k));) {
      serve(k, t);
      destroy_task(t);
    }
    if (!pgr_interrupt_pending()) tend(k);
  }
  return code == PGR_EINTERRUPTED ? PGR_OK : code;
}

void pgr_demo_keeper_stop(pgr_demo_keeper *k) {
  stop_message m = {.base = {.deliver = deliver_stop}, .site = k->site, .loop = k->loop};
  pgr_loop_post(k->loop, &m.base);
  pgr_loop_join(k->loop);
}

pgr_code pgr_demo_keeper_init(pgr_demo_keeper *k, pgr_err *err) {
  k->tasks_end = &k->tasks;
  k->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (k->wake_fd < 0) return pgr_fail(err, PGR_EENVIRONMENT, "cannot create an eventfd: %s", strerror(errno));
  if (uv_mutex_init(&k->lock) == 0) return PGR_OK;
  close(k->wake_fd);
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot create a mutex");
}

void pgr_demo_keeper_deinit(pgr_demo_keeper *k) {
  for (pgr_demo_task *t; (t = take_task(k));)
    destroy_task(t);
  uv_mutex_destroy(&k->lock);
  close(k->wake_fd);
}
