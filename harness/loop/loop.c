/* A loop, its thread and its mailbox.
 *
 * The invariant most easily broken: uv_async_send is called while the mailbox is locked. The receiver takes the same
 * lock before it sees the message, so by the time it acts on one, even one that closes the loop, its sender is done
 * with the async handle. */
#include "loop_internal.h"

#include "pgr_mem.h"
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>

static void on_wake(uv_async_t *handle) {
  pgr_loop *l = handle->data;
  uv_mutex_lock(&l->lock);
  pgr_message *m = l->head;
  l->head = NULL;
  l->tail = &l->head;
  uv_mutex_unlock(&l->lock);
  while (m) {
    pgr_message *next = m->next; /* m may be posted again, or freed, by its delivery */
    m->deliver(m);
    m = next;
  }
}

pgr_code pgr_loop_create(pgr_loop **out, pgr_err *err) {
  pgr_loop *l = pgr_calloc(1, sizeof *l);
  if (!l) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  int rc = uv_loop_init(&l->uv);
  if (rc) {
    pgr_free(l);
    return pgr_fail(err, PGR_EENVIRONMENT, "cannot create an event loop: %s", uv_strerror(rc));
  }
  l->tail = &l->head;
  rc = uv_async_init(&l->uv, &l->wake, on_wake);
  if (rc) {
    uv_loop_close(&l->uv);
    pgr_free(l);
    return pgr_fail(err, PGR_EENVIRONMENT, "cannot create an event loop: %s", uv_strerror(rc));
  }
  l->wake.data = l;
  pgr_code code = pgr__timers_init(&l->timers, &l->uv, err);
  if (code) {
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    uv_loop_close(&l->uv);
    pgr_free(l);
    return code;
  }
  uv_mutex_init(&l->lock);
  *out = l;
  return PGR_OK;
}

static void run(void *arg) {
  pgr_loop *l = arg;
  pthread_setname_np(pthread_self(), l->name);
  /* The default slack of 50 µs would blur every gap and skew of that size. */
  prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
  uv_run(&l->uv, UV_RUN_DEFAULT);
}

pgr_code pgr_loop_start(pgr_loop *l, const char *name, pgr_err *err) {
  snprintf(l->name, sizeof l->name, "%s", name);
  int rc = uv_thread_create(&l->thread, run, l);
  if (rc) return pgr_fail(err, PGR_EENVIRONMENT, "cannot create a thread: %s; use fewer --threads", uv_strerror(rc));
  l->started = 1;
  return PGR_OK;
}

void pgr_loop_post(pgr_loop *l, pgr_message *m) {
  m->next = NULL;
  uv_mutex_lock(&l->lock);
  if (!l->finished) {
    *l->tail = m;
    l->tail = &m->next;
    uv_async_send(&l->wake);
  }
  uv_mutex_unlock(&l->lock);
}

void pgr_loop_finish(pgr_loop *l) {
  uv_mutex_lock(&l->lock);
  l->finished = 1;
  uv_mutex_unlock(&l->lock);
  uv_close((uv_handle_t *)&l->wake, NULL);
  pgr__timers_close(&l->timers);
}

void pgr_loop_join(pgr_loop *l) {
  if (l->started)
    uv_thread_join(&l->thread);
  else
    uv_run(&l->uv, UV_RUN_DEFAULT);
  l->started = 0;
}

void pgr_loop_destroy(pgr_loop *l) {
  if (!l) return;
  pgr__timers_deinit(&l->timers);
  int rc = uv_loop_close(&l->uv);
  assert(rc == 0 && "a handle was left on the loop");
  (void)rc;
  uv_mutex_destroy(&l->lock);
  pgr_free(l);
}

uv_loop_t *pgr_loop_uv(pgr_loop *l) {
  return &l->uv;
}
