/* An earlier bench out of its JSON text, and what has changed since. The text may come from anybody: every list has a
 * stated end, every number a range, and the first thing that is wrong ends the reading. What is easily broken: the
 * document is that of bench_json.c, so a setting that matters has to be added there, in `conditions`, and in both ways
 * of filling it. */
#include "pgr_baseline.h"

#include "pgr_fault.h"
#include "pgr_mem.h"
#include "pgr_sample.h"
#include "pgr_units.h"
#include "pgr_utf8.h"
#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FORMAT = 1, BYTES_MAX = 64 << 20, CELLS_MAX = 4096, FIGURES_MAX = 2000, REPETITIONS_MAX = PGR_SAMPLE_MAX };

static const double SIGNIFICANT_P = 0.05;

typedef struct past_figure {
  const char *name;
  pgr_unit unit;
  const double *each; /* those of the repetitions that have one */
  size_t count;
} past_figure;

typedef struct past_cell {
  const char *scenario; /* "": scripts without one */
  const char *strategy, *isolation;
  const char *operations; /* "claim, release"; "": the document does not say */
  int64_t clients, connections;
  past_figure *figures;
  size_t figure_count;
} past_cell;

/* What must be alike for two benches to be compared. Durations in nanoseconds; 0, false and "" when there is none. */
typedef struct conditions {
  char server_version[64], machine[96], target[256], server_settings[160], protocol[16], keys[64];
  bool private_server, in_memory, open, poisson, verify, durable;
  int64_t cpus, threads, transactions, max_tries, key_count;
  int64_t warmup_ns, duration_ns, hold_ns, gap_ns, max_lag_ns;
  pgr_rate rate;
} conditions;

struct pgr_baseline {
  pgr_arena arena;  /* the texts and lists below */
  const char *name; /* for messages */
  conditions conditions;
  past_cell *cells;
  size_t cell_count;
};

/* ---- reading ---- */

typedef struct reader {
  pgr_baseline *l;
  char where[160]; /* "cells[3].figures.tps" */
  pgr_code code;   /* of the first fault; nothing is read after it */
  pgr_err *err;
} reader;

static void complain(reader *r, const char *key, const char *fmt, ...) PGR_PRINTF(3, 4);
static void complain(reader *r, const char *key, const char *fmt, ...) {
  char what[200];
  if (r->code) return;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  r->code =
      pgr_fail(r->err, PGR_EUSAGE, "%s: %s%s%s: %s", r->l->name, r->where, *r->where && *key ? "." : "", key, what);
}

static void *allocate(reader *r, size_t count, size_t size) {
  void *p = pgr_arena_alloc(&r->l->arena, (count ? count : 1) * size); /* both have a limit far below SIZE_MAX */
  if (!p && !r->code) r->code = pgr_fail(r->err, PGR_ENOMEM, "out of memory");
  return p;
}

static const char *keep(reader *r, const char *text) {
  char *kept = pgr_arena_strdup(&r->l->arena, text);
  if (!kept && !r->code) r->code = pgr_fail(r->err, PGR_ENOMEM, "out of memory");
  return kept ? kept : "";
}

/* Borrowed from o; NULL when it is null or not there: a setting that was not given. */
static const json_t *find(const json_t *o, const char *key) {
  const json_t *v = json_object_get(o, key);
  return json_is_null(v) ? NULL : v;
}

/* Borrowed from o; "" when there is none. */
static const char *read_text(reader *r, const json_t *o, const char *key) {
  const json_t *v = find(o, key);
  if (v && !json_is_string(v)) complain(r, key, "must be a text");
  return v && !r->code ? json_string_value(v) : "";
}

static const char *read_name(reader *r, const json_t *o, const char *key) {
  const char *text = read_text(r, o, key);
  if (!*text) complain(r, key, "is missing");
  return r->code ? "" : keep(r, text);
}

static bool read_flag(reader *r, const json_t *o, const char *key) {
  const json_t *v = find(o, key);
  if (v && !json_is_boolean(v)) complain(r, key, "must be true or false");
  return v && json_is_true(v);
}

/* 0 when there is none; never negative. */
static int64_t read_count(reader *r, const json_t *o, const char *key) {
  const json_t *v = find(o, key);
  if (!v) return 0;
  if (!json_is_integer(v) || json_integer_value(v) < 0) complain(r, key, "must be a whole number, not negative");
  return r->code ? 0 : json_integer_value(v);
}

static double read_number(reader *r, const json_t *o, const char *key) {
  const json_t *v = find(o, key);
  if (v && !json_is_number(v)) complain(r, key, "must be a number");
  return v && !r->code ? json_number_value(v) : 0;
}

static bool is_text(reader *r, const json_t *o, const char *key, const char *expected) {
  return strcmp(read_text(r, o, key), expected) == 0;
}

/* An empty one when there is none, which was complained of. */
static const json_t *read_object(reader *r, const json_t *o, const char *key) {
  const json_t *v = find(o, key);
  if (!json_is_object(v)) complain(r, key, v ? "must be an object" : "is missing");
  return v;
}

static void read_environment(reader *r, const json_t *o) {
  conditions *c = &r->l->conditions;
  snprintf(r->where, sizeof r->where, "environment");
  pgr_utf8_copy(c->server_version, sizeof c->server_version, read_text(r, o, "server_version"));
  pgr_utf8_copy(c->machine, sizeof c->machine, read_text(r, o, "machine"));
  pgr_utf8_copy(c->target, sizeof c->target, read_text(r, o, "target"));
  pgr_utf8_copy(c->server_settings, sizeof c->server_settings, read_text(r, o, "server_settings"));
  c->private_server = is_text(r, o, "server", "private");
  c->in_memory = read_flag(r, o, "in_memory");
  c->cpus = read_count(r, o, "cpus");
}

static void read_settings(reader *r, const json_t *o) {
  conditions *c = &r->l->conditions;
  snprintf(r->where, sizeof r->where, "settings");
  c->threads = read_count(r, o, "threads");
  c->warmup_ns = read_count(r, o, "warmup_ns");
  c->duration_ns = read_count(r, o, "duration_ns");
  c->transactions = read_count(r, o, "transactions");
  c->hold_ns = read_count(r, o, "hold_ns");
  c->gap_ns = read_count(r, o, "gap_ns");
  c->max_lag_ns = read_count(r, o, "max_lag_ns");
  c->max_tries = read_count(r, o, "max_tries");
  c->key_count = read_count(r, o, "key_count");
  pgr_utf8_copy(c->keys, sizeof c->keys, read_text(r, o, "keys"));
  pgr_utf8_copy(c->protocol, sizeof c->protocol, read_text(r, o, "protocol"));
  c->verify = read_flag(r, o, "verify");
  c->durable = read_flag(r, o, "durable");
  c->open = is_text(r, o, "loop", "open");
  c->poisson = is_text(r, o, "arrivals", "poisson");
  if (!find(o, "rate")) return;
  const json_t *rate = read_object(r, o, "rate");
  snprintf(r->where, sizeof r->where, "settings.rate");
  c->rate = (pgr_rate){.from = read_number(r, rate, "from"), .to = read_number(r, rate, "to")};
}

static pgr_unit read_unit(reader *r, const json_t *o) {
  static const char *const names[] = {[PGR_UNIT_COUNT] = "count",
                                      [PGR_UNIT_PER_S] = "per_s",
                                      [PGR_UNIT_NS] = "ns",
                                      [PGR_UNIT_SHARE] = "share",
                                      [PGR_UNIT_BYTES] = "bytes"};
  const char *text = read_text(r, o, "unit");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(text, names[i]) == 0) return (pgr_unit)i;
  complain(r, "unit", "must be \"count\", \"per_s\", \"ns\", \"share\" or \"bytes\"");
  return PGR_UNIT_COUNT;
}

static void read_each(reader *r, const json_t *o, past_figure *f) {
  const json_t *each = find(o, "each");
  if (!json_is_array(each)) {
    complain(r, "each", each ? "must be a list" : "is missing");
    return;
  }
  size_t count = json_array_size(each);
  if (count < PGR_BASELINE_REPETITIONS_MIN)
    complain(r, "each",
             "a comparison needs %d repetitions at least, this has %zu; measure it again with --repetitions %d",
             PGR_BASELINE_REPETITIONS_MIN, count, PGR_BASELINE_REPETITIONS_MIN);
  if (count > REPETITIONS_MAX) complain(r, "each", "at most %d repetitions, not %zu", REPETITIONS_MAX, count);
  double *values = r->code ? NULL : allocate(r, count, sizeof *values);
  if (!values) return;
  for (size_t i = 0; i < count; i++) {
    const json_t *v = json_array_get(each, i);
    if (json_is_number(v))
      values[f->count++] = json_number_value(v);
    else if (!json_is_null(v))
      complain(r, "each", "every value must be a number or null");
  }
  f->each = values;
}

static void read_figures(reader *r, json_t *o, size_t index, past_cell *c) {
  json_t *figure;
  const char *name;
  size_t count = json_object_size(o);
  if (count > FIGURES_MAX) complain(r, "figures", "at most %d, not %zu", FIGURES_MAX, count);
  c->figures = r->code ? NULL : allocate(r, count, sizeof *c->figures);
  if (!c->figures) return;
  json_object_foreach(o, name, figure) {
    past_figure *f = &c->figures[c->figure_count++];
    char shown[PGR_FIGURE_NAME_BYTES];
    pgr_utf8_copy(shown, sizeof shown, name);
    snprintf(r->where, sizeof r->where, "cells[%zu].figures.%s", index, shown);
    if (!json_is_object(figure)) complain(r, "", "must be an object");
    f->name = keep(r, name);
    f->unit = read_unit(r, figure);
    read_each(r, figure, f);
    if (r->code) return;
  }
}

/* "claim, release", from the keys of `outcomes`. */
static const char *read_operations(reader *r, json_t *o) {
  json_t *outcomes = json_object_get(o, "outcomes"), *ignored;
  const char *name;
  pgr_buf text;
  if (json_object_size(outcomes) > PGR_OPERATIONS_MAX) complain(r, "outcomes", "at most %d", PGR_OPERATIONS_MAX);
  if (r->code) return "";
  pgr_buf_init(&text, 0);
  json_object_foreach(outcomes, name, ignored) pgr_buf_addf(&text, "%s%s", text.len ? ", " : "", name);
  if (text.failed) r->code = pgr_fail(r->err, PGR_ENOMEM, "out of memory");
  const char *kept = keep(r, pgr_buf_text(&text));
  pgr_buf_deinit(&text);
  return kept;
}

static const char *read_isolation(reader *r, const json_t *o) {
  const char *text = read_text(r, o, "isolation");
  for (int i = 0; i < PGR_ISOLATION_COUNT; i++)
    if (strcmp(text, pgr_isolation_name((pgr_isolation)i)) == 0) return pgr_isolation_name((pgr_isolation)i);
  complain(r, "isolation", "must be \"read committed\", \"repeatable read\" or \"serializable\"");
  return "";
}

static bool is_same_cell(const past_cell *a, const past_cell *b) {
  return a->clients == b->clients && strcmp(a->strategy, b->strategy) == 0 && strcmp(a->isolation, b->isolation) == 0 &&
         strcmp(a->scenario, b->scenario) == 0;
}

static void read_cell(reader *r, json_t *o, size_t index) {
  past_cell *c = &r->l->cells[index];
  snprintf(r->where, sizeof r->where, "cells[%zu]", index);
  if (!json_is_object(o)) complain(r, "", "must be an object");
  c->scenario = keep(r, read_text(r, o, "scenario"));
  c->strategy = read_name(r, o, "strategy");
  c->isolation = read_isolation(r, o);
  c->operations = read_operations(r, o);
  c->clients = read_count(r, o, "clients");
  c->connections = read_count(r, o, "connections");
  json_t *figures = json_object_get(o, "figures");
  if (!json_is_object(figures)) complain(r, "figures", figures ? "must be an object" : "is missing");
  for (size_t i = 0; i < index && !r->code; i++)
    if (is_same_cell(c, &r->l->cells[i])) complain(r, "strategy", "is the same cell as cells[%zu]", i);
  if (!r->code) read_figures(r, figures, index, c);
}

static void read_cells(reader *r, const json_t *document) {
  json_t *cells = json_object_get(document, "cells");
  r->where[0] = '\0';
  if (!json_is_array(cells)) {
    complain(r, "cells", cells ? "must be a list" : "is missing");
    return;
  }
  size_t count = json_array_size(cells);
  if (count < 1 || count > CELLS_MAX) complain(r, "cells", "must be 1 … %d, not %zu", CELLS_MAX, count);
  r->l->cells = r->code ? NULL : allocate(r, count, sizeof *r->l->cells);
  for (size_t i = 0; i < count && !r->code; i++) {
    read_cell(r, json_array_get(cells, i), i);
    r->l->cell_count++;
  }
}

/* Another kind of document, or one of a later format, is called that before anything in it is found wrong. */
static void read_document(reader *r, const json_t *document) {
  const char *name = r->l->name;
  const json_t *command = json_object_get(document, "command"), *format = json_object_get(document, "format");
  if (!json_is_string(command)) {
    r->code = pgr_fail(r->err, PGR_EUSAGE, "%s: this is no result of pgrace bench, give a result.json of one", name);
    return;
  }
  if (strcmp(json_string_value(command), "bench") != 0) {
    char other[32];
    pgr_utf8_copy(other, sizeof other, json_string_value(command));
    r->code = pgr_fail(r->err, PGR_EUSAGE, "%s: this is a result of pgrace %s, give one of pgrace bench", name, other);
    return;
  }
  if (!json_is_integer(format) || json_integer_value(format) != FORMAT) {
    complain(r, "format", "must be %d, this was written by another pgrace; measure the baseline again", FORMAT);
    return;
  }
  const json_t *environment = read_object(r, document, "environment"), *settings = read_object(r, document, "settings");
  if (!r->code) read_environment(r, environment);
  if (!r->code) read_settings(r, settings);
  if (!r->code) read_cells(r, document);
}

/* Lines and columns as everywhere in this project: jansson's columns count characters, ours bytes. */
static pgr_code complain_of_syntax(const char *name, const char *text, size_t len, const json_error_t *e,
                                   pgr_err *err) {
  if (json_error_code(e) == json_error_out_of_memory) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  char what[JSON_ERROR_TEXT_LENGTH];
  pgr_utf8_copy(what, sizeof what, e->text); /* it quotes the document */
  pgr_source source = {.name = name, .text = text, .len_bytes = len};
  size_t offset = e->position > 0 ? (size_t)e->position - 1 : 0;
  pgr_place_in at = pgr_place_at(&source, offset);
  return pgr_fail(err, PGR_EUSAGE, "%s:%d:%d: %s", name, at.line, at.column, what);
}

pgr_code pgr_baseline_read(const char *text, size_t len_bytes, const char *name, pgr_baseline **out, pgr_err *err) {
  char shown[200];
  json_error_t e;
  pgr_utf8_copy(shown, sizeof shown, name);
  if (len_bytes > BYTES_MAX)
    return pgr_fail(err, PGR_EUSAGE, "%s: at most %d bytes, not %zu", shown, BYTES_MAX, len_bytes);
  json_t *document = json_loadb(text, len_bytes, JSON_REJECT_DUPLICATES, &e);
  if (!document) return complain_of_syntax(shown, text, len_bytes, &e, err);
  pgr_baseline *l = pgr_calloc(1, sizeof *l);
  reader r = {.l = l, .err = err};
  if (l) l->name = pgr_arena_strdup(&l->arena, shown);
  if (l && l->name)
    read_document(&r, document);
  else
    r.code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  json_decref(document);
  if (r.code)
    pgr_baseline_destroy(l);
  else
    *out = l;
  return r.code;
}

void pgr_baseline_destroy(pgr_baseline *l) {
  if (!l) return;
  pgr_arena_deinit(&l->arena);
  pgr_free(l);
}

/* ---- whether they may be compared ---- */

static const past_cell *past_of(const pgr_baseline *l, const pgr_bench *b, const pgr_bench_cell *c) {
  const past_cell here = {.scenario = b->bare ? "" : b->scenario->name,
                          .strategy = c->strategy->name,
                          .isolation = pgr_isolation_name(c->isolation),
                          .clients = c->clients};
  for (size_t i = 0; i < l->cell_count; i++)
    if (is_same_cell(&l->cells[i], &here)) return &l->cells[i];
  return NULL;
}

static conditions conditions_of(const pgr_bench *b) {
  const pgr_environment *e = &b->environment;
  conditions c = {.private_server = e->private_server,
                  .in_memory = e->in_memory,
                  .open = b->settings.open,
                  .poisson = b->settings.poisson,
                  .verify = b->settings.verify,
                  .durable = b->settings.durable,
                  .cpus = e->cpus,
                  .threads = b->settings.threads,
                  .transactions = b->settings.transactions,
                  .max_tries = b->settings.max_tries,
                  .key_count = b->settings.keys.count,
                  .warmup_ns = b->settings.warmup_ns,
                  .duration_ns = b->settings.duration_ns,
                  .hold_ns = b->settings.hold_ns,
                  .gap_ns = b->settings.gap_ns,
                  .max_lag_ns = b->settings.max_lag_ns,
                  .rate = b->settings.rate};
  pgr_buf keys;
  pgr_buf_init(&keys, 0);
  pgr_keys_write(&b->settings.keys, &keys);
  pgr_utf8_copy(c.keys, sizeof c.keys, pgr_buf_text(&keys));
  pgr_buf_deinit(&keys);
  pgr_utf8_copy(c.protocol, sizeof c.protocol, pgr_protocol_name(b->settings.protocol));
  pgr_utf8_copy(c.server_version, sizeof c.server_version, e->server_version);
  pgr_utf8_copy(c.machine, sizeof c.machine, e->machine);
  pgr_utf8_copy(c.target, sizeof c.target, e->target);
  pgr_utf8_copy(c.server_settings, sizeof c.server_settings, e->server_settings);
  return c;
}

/* A list of what differs that fits into a message. */
typedef struct differences {
  char text[sizeof((pgr_err *)0)->msg];
  size_t len, room; /* room: < sizeof text; what the message has for it */
  int left_out;
  bool any;
} differences;

/* One more: what it is there, and here. */
static void differ(differences *d, const char *what, const char *there, const char *here) {
  char one[300], there_cut[100], here_cut[100];
  pgr_utf8_copy(there_cut, sizeof there_cut, *there ? there : "none");
  pgr_utf8_copy(here_cut, sizeof here_cut, *here ? here : "none");
  int len = snprintf(one, sizeof one, "%s%s%s%s there, %s here", d->any ? "; " : "", what, *what ? " " : "", there_cut,
                     here_cut);
  d->any = true;
  if (d->left_out || len < 0 || (size_t)len >= d->room - d->len) {
    d->left_out++;
    return;
  }
  memcpy(d->text + d->len, one, (size_t)len + 1);
  d->len += (size_t)len;
}

static void compare_texts(differences *d, const char *what, const char *there, const char *here) {
  if (strcmp(there, here) != 0) differ(d, what, there, here);
}

static void compare_flags(differences *d, bool there, bool here, const char *yes, const char *no) {
  if (there != here) differ(d, "", there ? yes : no, here ? yes : no);
}

static void compare_counts(differences *d, const char *what, int64_t there, int64_t here) {
  char texts[2][PGR_TEXT_BYTES] = {"", ""};
  if (there == here) return;
  if (there) pgr_format_count(texts[0], there);
  if (here) pgr_format_count(texts[1], here);
  differ(d, what, texts[0], texts[1]);
}

static void compare_times(differences *d, const char *what, int64_t there, int64_t here) {
  char texts[2][PGR_TEXT_BYTES] = {"", ""};
  if (there == here) return;
  if (there) pgr_format_duration(texts[0], there);
  if (here) pgr_format_duration(texts[1], here);
  if (strcmp(texts[0], texts[1]) == 0) { /* in three digits */
    snprintf(texts[0], sizeof texts[0], "%lld ns", (long long)there);
    snprintf(texts[1], sizeof texts[1], "%lld ns", (long long)here);
  }
  differ(d, what, texts[0], texts[1]);
}

/* The document has nine digits of them. */
static bool is_same_rate(double there, double here) {
  return fabs(there - here) <= 1e-8 * fabs(here);
}

static void write_rate(char out[64], pgr_rate r) {
  if (r.from == r.to)
    snprintf(out, 64, "%.9g", r.to);
  else
    snprintf(out, 64, "%.9g..%.9g", r.from, r.to);
}

static void compare_rates(differences *d, pgr_rate there, pgr_rate here) {
  char texts[2][64];
  if (is_same_rate(there.from, here.from) && is_same_rate(there.to, here.to)) return;
  write_rate(texts[0], there);
  write_rate(texts[1], here);
  differ(d, "--rate", texts[0], texts[1]);
}

/* Of "fsync=off full_page_writes=off …" those words that are not in the other one. */
static void words_apart(const char *text, const char *other, char out[160]) {
  size_t len = 0;
  out[0] = '\0';
  while (*(text += strspn(text, " "))) {
    size_t word = strcspn(text, " ");
    bool found = false;
    for (const char *o = other; *(o += strspn(o, " ")); o += strcspn(o, " "))
      found = found || (strcspn(o, " ") == word && strncmp(o, text, word) == 0);
    if (!found) len += (size_t)snprintf(out + len, 160 - len, "%s%.*s", len ? " " : "", (int)word, text);
    text += word;
  }
}

static void compare_server_settings(differences *d, const char *there, const char *here) {
  char apart[2][160];
  words_apart(there, here, apart[0]);
  words_apart(here, there, apart[1]);
  if (*apart[0] || *apart[1]) differ(d, "", apart[0], apart[1]);
}

static void compare_conditions(differences *d, const conditions *there, const conditions *here) {
  compare_texts(d, "PostgreSQL", there->server_version, here->server_version);
  compare_texts(d, "machine", there->machine, here->machine);
  if (there->cpus != here->cpus) {
    char texts[2][2 * PGR_TEXT_BYTES];
    snprintf(texts[0], sizeof texts[0], "%s processors", pgr_format_count(texts[1], there->cpus));
    pgr_format_count(texts[1], here->cpus);
    differ(d, "", texts[0], texts[1]);
  }
  compare_flags(d, there->private_server, here->private_server, "a private server", "a given server");
  if (!there->private_server && !here->private_server) compare_texts(d, "server", there->target, here->target);
  compare_flags(d, there->in_memory, here->in_memory, "data in memory", "data on disk");
  compare_server_settings(d, there->server_settings, here->server_settings);
  compare_flags(d, there->durable, here->durable, "durable", "not durable");
  compare_counts(d, "--threads", there->threads, here->threads);
  compare_times(d, "--warmup", there->warmup_ns, here->warmup_ns);
  compare_times(d, "--duration", there->duration_ns, here->duration_ns);
  compare_counts(d, "--transactions", there->transactions, here->transactions);
  compare_times(d, "--hold", there->hold_ns, here->hold_ns);
  compare_times(d, "--gap", there->gap_ns, here->gap_ns);
  compare_flags(d, there->open, here->open, "an open loop", "a closed loop");
  if (there->open && here->open) {
    compare_rates(d, there->rate, here->rate);
    compare_texts(d, "--arrivals", there->poisson ? "poisson" : "constant", here->poisson ? "poisson" : "constant");
    compare_times(d, "--max-lag", there->max_lag_ns, here->max_lag_ns);
  }
  compare_texts(d, "--spread", there->keys, here->keys);
  compare_counts(d, "--keys", there->key_count, here->key_count);
  compare_texts(d, "--protocol", there->protocol, here->protocol);
  compare_counts(d, "--max-tries", there->max_tries, here->max_tries);
  compare_flags(d, there->verify, here->verify, "verified", "not verified");
}

static void compare_operations(differences *d, const pgr_bench *b, const past_cell *there) {
  pgr_buf here;
  pgr_buf_init(&here, 0);
  for (int k = 0; k < b->scenario->operation_count; k++)
    pgr_buf_addf(&here, "%s%s", k ? ", " : "", b->scenario->operations[k].name);
  if (*there->operations) compare_texts(d, "operations", there->operations, pgr_buf_text(&here));
  pgr_buf_deinit(&here);
}

/* "trigger/read committed@64" */
static void write_cell(char out[160], const char *strategy, const char *isolation, int64_t clients) {
  char cut[80];
  pgr_utf8_copy(cut, sizeof cut, strategy);
  snprintf(out, 160, "%s/%s@%lld", cut, isolation, (long long)clients);
}

/* Nothing to compare is no comparison, whatever the user makes of the rest. */
static pgr_code none_matches(const pgr_baseline *l, const pgr_bench *b, pgr_err *err) {
  const past_cell *there = &l->cells[0];
  const pgr_bench_cell *here = &b->cells[0];
  char texts[2][160], scenario[80];
  bool is_other = strcmp(there->scenario, b->bare ? "" : b->scenario->name) != 0;
  pgr_utf8_copy(scenario, sizeof scenario, there->scenario);
  if (is_other)
    return pgr_fail(err, PGR_EUSAGE, "%s: nothing to compare: it is of %s, this is of %s", l->name,
                    *scenario ? scenario : "scripts", b->bare ? "scripts" : b->scenario->name);
  write_cell(texts[0], there->strategy, there->isolation, there->clients);
  write_cell(texts[1], here->strategy->name, pgr_isolation_name(here->isolation), here->clients);
  return pgr_fail(err, PGR_EUSAGE,
                  "%s: nothing to compare: no cell of this bench is in it (%s%s there, %s%s here); choose the same "
                  "--strategy, --isolation and --clients",
                  l->name, texts[0], l->cell_count > 1 ? " …" : "", texts[1], b->cell_count > 1 ? " …" : "");
}

enum { AROUND_BYTES = 100 }; /* what a message says around the differences, at most */

pgr_code pgr_baseline_check(const pgr_baseline *l, const pgr_bench *b, pgr_err *err) {
  const conditions here = conditions_of(b);
  differences d = {.room = sizeof err->msg - strlen(l->name) - AROUND_BYTES};
  char more[48] = "";
  bool any = false, other_connections = false;
  assert(b->cell_count > 0);
  if (b->settings.repetitions < PGR_BASELINE_REPETITIONS_MIN)
    return pgr_fail(err, PGR_EUSAGE, "--repetitions %d: a comparison with a baseline needs %d at least",
                    b->settings.repetitions, PGR_BASELINE_REPETITIONS_MIN);
  compare_conditions(&d, &l->conditions, &here);
  for (size_t i = 0; i < b->cell_count; i++) {
    const past_cell *there = past_of(l, b, &b->cells[i]);
    if (there && !any) compare_operations(&d, b, there);
    if (there && !other_connections) compare_counts(&d, "--connections", there->connections, b->cells[i].connections);
    other_connections = other_connections || (there && there->connections != (int64_t)b->cells[i].connections);
    any = any || there;
  }
  if (!any) return none_matches(l, b, err);
  if (!d.any) return PGR_OK;
  if (d.left_out) snprintf(more, sizeof more, "; and %d more", d.left_out);
  return pgr_fail(err, PGR_EUSAGE, "%s was measured elsewhere: %s%s; give --compare-anyway to compare all the same",
                  l->name, d.text, more);
}

/* ---- what has changed ---- */

/* next: where it is looked for first, for both are in the same order; moved behind it. */
static const past_figure *find_figure(const past_cell *c, const char *name, size_t *next) {
  for (size_t i = 0; i < c->figure_count; i++) {
    const past_figure *f = &c->figures[(*next + i) % c->figure_count];
    if (strcmp(f->name, name) != 0) continue;
    *next = (size_t)(f - c->figures) + 1;
    return f;
  }
  return NULL;
}

/* false: one of the two has it in too few repetitions. */
static bool compare(const past_figure *before, const pgr_figure *after, pgr_floors floors, pgr_change *change) {
  double known[PGR_SAMPLE_MAX];
  size_t count = 0;
  for (size_t i = 0; i < after->count && count < PGR_SAMPLE_MAX; i++)
    if (!isnan(after->each[i])) known[count++] = after->each[i];
  if (count < PGR_BASELINE_REPETITIONS_MIN || before->count < PGR_BASELINE_REPETITIONS_MIN) return false;
  change->before = pgr_sample_median(before->each, before->count);
  change->after = pgr_sample_median(known, count);
  change->p = pgr_sample_mann_whitney(before->each, before->count, known, count);
  double by = change->after - change->before;
  change->significant = change->p < SIGNIFICANT_P && fabs(by) > floors.relative * fabs(change->before) &&
                        (after->unit != PGR_UNIT_NS || fabs(by) > floors.absolute_ns);
  change->worse = change->significant && (after->better == PGR_BETTER_LOWER ? by > 0 : by < 0);
  return true;
}

static pgr_code compare_cell(const past_cell *there, pgr_bench *b, size_t cell, pgr_floors floors) {
  const pgr_bench_cell *here = &b->cells[cell];
  size_t next = 0;
  pgr_change *more = pgr_realloc(b->changes, b->change_count + here->figure_count + 1, sizeof *more);
  if (!more) return PGR_ENOMEM;
  b->changes = more;
  for (size_t i = 0; i < here->figure_count; i++) {
    const pgr_figure *after = &here->figures[i];
    const past_figure *before = after->better == PGR_BETTER_NEITHER ? NULL : find_figure(there, after->name, &next);
    pgr_change change = {.cell = cell, .figure = i};
    if (before && before->unit == after->unit && compare(before, after, floors, &change))
      b->changes[b->change_count++] = change;
  }
  return PGR_OK;
}

pgr_code pgr_baseline_compare(const pgr_baseline *l, pgr_bench *b, pgr_floors floors) {
  pgr_free(b->changes);
  b->changes = NULL;
  b->change_count = 0;
  for (size_t i = 0; i < b->cell_count; i++) {
    const past_cell *there = past_of(l, b, &b->cells[i]);
    pgr_code code = there ? compare_cell(there, b, i, floors) : PGR_OK;
    if (code) return code;
  }
  return PGR_OK;
}
