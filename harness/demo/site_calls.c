/* What a browser may ask for. A body is an object with exactly the names that its call has, of the type and in the
 * range that it says: anything else is 400, with what is wrong. What the inbox refuses is 409, with its sentence. */
#include "site_internal.h"

#include "pgr_clock.h"
#include "pgr_json.h"

#include "pgr_mem.h"
#include "pgr_units.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char answer_type[] = "application/json";

typedef struct request {
  pgr_site *site;
  pgr_http_call *call;
  json_t *body;  /* NULL once a fault was found */
  pgr_code code; /* of what was done; its sentence is err's */
  bool faulty;   /* the request is wrong, and nothing of it is done; err says how */
  pgr_err err;
} request;

static void complain(request *r, const char *fmt, ...) PGR_PRINTF(2, 3);
static void complain(request *r, const char *fmt, ...) {
  char what[sizeof r->err.msg];
  if (r->faulty) return;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  r->faulty = true;
  r->code = pgr_fail(&r->err, PGR_EUSAGE, "%s", what);
}

/* names: NULL-ended. */
static void check_names(request *r, const char *const *names) {
  const char *key;
  json_t *value;
  json_object_foreach(r->body, key, value) {
    const char *const *name = names;
    while (*name && strcmp(*name, key) != 0)
      name++;
    if (*name) continue;
    const char *near = pgr_nearest(key, names);
    if (near)
      complain(r, "\"%.40s\" is not known here, did you mean \"%s\"?", key, near);
    else
      complain(r, "\"%.40s\" is not known here", key);
    return;
  }
}

static request read_body(void *user, pgr_http_call *call, const char *body, size_t len_bytes,
                         const char *const *names) {
  request r = {.site = user, .call = call};
  r.body = json_loadb(body, len_bytes, JSON_REJECT_DUPLICATES, NULL);
  if (!json_is_object(r.body))
    complain(&r, "the body is not the JSON this call wants");
  else
    check_names(&r, names);
  return r;
}

/* NULL: not there, or an earlier fault. */
static const json_t *find(request *r, const char *name) {
  const json_t *v = r->faulty ? NULL : json_object_get(r->body, name);
  if (!v) complain(r, "\"%s\" is missing", name);
  return v;
}

/* `least` after a fault, as with the others: nothing is done with it. */
static int64_t read_number(request *r, const char *name, int64_t least, int64_t most) {
  const json_t *v = find(r, name);
  if (!v) return least;
  if (!json_is_integer(v)) {
    complain(r, "\"%s\" must be a whole number", name);
    return least;
  }
  int64_t n = json_integer_value(v);
  if (n >= least && n <= most) return n;
  complain(r, "\"%s\" must be %lld … %lld, not %lld", name, (long long)least, (long long)most, (long long)n);
  return least;
}

/* Borrowed from the body. */
static const char *read_text(request *r, const char *name) {
  const json_t *v = find(r, name);
  if (v && !json_is_string(v)) complain(r, "\"%s\" must be a text", name);
  return r->faulty ? "" : json_string_value(v);
}

static bool read_flag(request *r, const char *name) {
  const json_t *v = find(r, name);
  if (v && !json_is_boolean(v)) complain(r, "\"%s\" must be true or false", name);
  return v && json_is_true(v);
}

static uint32_t read_agent(request *r) {
  return (uint32_t)read_number(r, "agent", 1, PGR_SEATS);
}

static int64_t read_key(request *r) {
  const pgr_scenario *s = r->site->options.scenario;
  return read_number(r, "key", s->key.first, s->key.last);
}

static int read_count(request *r) {
  return (int)read_number(r, "count", 1, PGR_INBOX_CAMPAIGN_MAX);
}

static void answer_error(pgr_http_call *call, int status, const char *sentence) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  if (!pgr__site_write(json_pack("{s:o}", "error", pgr_json_text(sentence)), &text)) pgr_buf_clear(&text);
  pgr_http_answer(call, status, answer_type, pgr_buf_text(&text), text.len, NULL);
  pgr_buf_deinit(&text);
}

static int status_of(const request *r) {
  if (r->faulty) return 400;
  return r->code == PGR_ENOMEM || r->code == PGR_EENVIRONMENT ? 503 : 409;
}

static void finish(request *r) {
  json_decref(r->body);
  if (r->code)
    answer_error(r->call, status_of(r), r->err.msg);
  else
    pgr_http_answer(r->call, 204, NULL, "", 0, NULL);
}

/* ---- how the demo is set ---- */

static const pgr_strategy *read_strategy(request *r) {
  const pgr_scenario *s = r->site->options.scenario;
  const char *names[PGR_STRATEGIES_MAX + 1] = {NULL}, *name = read_text(r, "strategy");
  if (r->faulty) return NULL;
  const pgr_strategy *strategy = pgr_scenario_strategy(s, name);
  if (strategy) return strategy;
  for (int i = 0; i < s->strategy_count; i++)
    names[i] = s->strategies[i].name;
  const char *near = pgr_nearest(name, names);
  if (near)
    complain(r, "there is no strategy \"%.40s\", did you mean \"%s\"?", name, near);
  else
    complain(r, "there is no strategy \"%.40s\"", name);
  return NULL;
}

static void serve_strategy(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  request r = read_body(user, call, body, len_bytes, (const char *const[]){"strategy", NULL});
  const pgr_strategy *strategy = read_strategy(&r);
  if (!r.faulty && strategy != r.site->wanted) pgr__site_enter(r.site, strategy);
  finish(&r);
}

static void serve_gap(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  request r = read_body(user, call, body, len_bytes, (const char *const[]){"gap_ns", NULL});
  int64_t gap_ns = read_number(&r, "gap_ns", 0, PGR_INBOX_GAP_MAX_S * PGR_NS_PER_S);
  if (!r.faulty) r.code = pgr_inbox_set_gap(r.site->inbox, gap_ns, &r.err);
  finish(&r);
}

static void serve_stepping(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  request r = read_body(user, call, body, len_bytes, (const char *const[]){"stepping", NULL});
  bool stepping = read_flag(&r, "stepping");
  if (!r.faulty) pgr_inbox_set_stepping(r.site->inbox, stepping);
  finish(&r);
}

/* ---- what is done in the inbox ---- */

static void serve_arrive(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  request r = read_body(user, call, body, len_bytes, (const char *const[]){"count", NULL});
  int count = read_count(&r);
  if (!r.faulty) r.code = pgr_inbox_arrive(r.site->inbox, count, &r.err);
  finish(&r);
}

static void serve_claim(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  request r = read_body(user, call, body, len_bytes, (const char *const[]){"agent", "key", NULL});
  uint32_t agent = read_agent(&r);
  int64_t key = read_key(&r);
  if (!r.faulty) r.code = pgr_inbox_claim(r.site->inbox, agent, key, &r.err);
  finish(&r);
}

static void serve_both(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  request r = read_body(user, call, body, len_bytes, (const char *const[]){"key", NULL});
  int64_t key = read_key(&r);
  if (!r.faulty) r.code = pgr_inbox_claim_both(r.site->inbox, key, &r.err);
  finish(&r);
}

static void serve_release(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  request r = read_body(user, call, body, len_bytes, (const char *const[]){"agent", "key", NULL});
  uint32_t agent = read_agent(&r);
  int64_t key = read_key(&r);
  if (!r.faulty) r.code = pgr_inbox_release(r.site->inbox, agent, key, &r.err);
  finish(&r);
}

static void serve_campaign(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  request r = read_body(user, call, body, len_bytes, (const char *const[]){"count", NULL});
  int count = read_count(&r);
  if (!r.faulty) r.code = pgr_inbox_campaign(r.site->inbox, count, &r.err);
  finish(&r);
}

static void serve_step(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  request r = read_body(user, call, body, len_bytes, (const char *const[]){"agent", NULL});
  uint32_t agent = read_agent(&r);
  if (!r.faulty) r.code = pgr_inbox_step(r.site->inbox, agent, &r.err);
  finish(&r);
}

static void serve_play(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  request r = read_body(user, call, body, len_bytes, (const char *const[]){"order", NULL});
  const char *order = read_text(&r, "order");
  size_t len = strlen(order);
  if (!r.faulty && (len == 0 || len > PGR_INBOX_ORDER_MAX || strspn(order, "AB") != len))
    complain(&r, "\"order\" must be one to %d letters A and B, like \"ABAB\"", PGR_INBOX_ORDER_MAX);
  if (!r.faulty) r.code = pgr_inbox_play(r.site->inbox, order, &r.err);
  if (!r.code) *r.site->trouble = '\0';
  finish(&r);
}

/* ---- what is taken away ---- */

static void serve_link(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  request r = read_body(user, call, body, len_bytes, (const char *const[]){NULL});
  pgr_buf link, text;
  if (r.faulty) {
    finish(&r);
    return;
  }
  pgr_buf_init(&link, 0);
  pgr_buf_init(&text, 0);
  pgr_http_link(r.site->http, &link);
  if (link.failed || !pgr__site_write(json_pack("{s:o}", "link", pgr_json_text(pgr_buf_text(&link))), &text))
    answer_error(call, 503, "out of memory");
  else
    pgr_http_answer(call, 200, answer_type, pgr_buf_text(&text), text.len, NULL);
  pgr_buf_deinit(&text);
  pgr_buf_deinit(&link);
  json_decref(r.body);
}

/* Of all strategies that were used. *out: NULL when there were none. Errors: PGR_ENOMEM. */
static pgr_code collect(const pgr_inbox *inbox, pgr_inbox_record **out, int *count) {
  pgr_code code = PGR_OK;
  pgr_inbox_record *records = pgr_calloc(PGR_STRATEGIES_MAX, sizeof *records);
  *count = 0;
  *out = NULL;
  if (!records) return PGR_ENOMEM;
  while (*count < PGR_STRATEGIES_MAX && pgr_inbox_record_of(inbox, *count, &records[*count], &code))
    ++*count;
  if (*count > 0 && !code) {
    *out = records;
    return PGR_OK;
  }
  for (int i = 0; i < *count; i++)
    pgr_inbox_record_deinit(&records[i]);
  *count = 0;
  pgr_free(records);
  return code;
}

static void report(pgr_site *s, pgr_http_call *call, bool page) {
  pgr_inbox_record *records;
  int count;
  if (collect(s->inbox, &records, &count))
    answer_error(call, 503, "out of memory");
  else
    s->options.keeper.report(s->options.keeper.user, call, records, count, page);
}

static void serve_result(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  (void)body;
  (void)len_bytes;
  report(user, call, false);
}

static void serve_page(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  (void)body;
  (void)len_bytes;
  report(user, call, true);
}

const pgr_http_route pgr__site_routes[PGR__SITE_ROUTES] = {
    {"/strategy", true, serve_strategy}, {"/gap", true, serve_gap},           {"/stepping", true, serve_stepping},
    {"/arrive", true, serve_arrive},     {"/claim", true, serve_claim},       {"/both", true, serve_both},
    {"/release", true, serve_release},   {"/campaign", true, serve_campaign}, {"/step", true, serve_step},
    {"/play", true, serve_play},         {"/link", true, serve_link},         {"/result.json", false, serve_result},
    {"/report.html", false, serve_page},
};
