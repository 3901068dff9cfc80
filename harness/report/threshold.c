/* Thresholds: read, checked against what a bench can measure, applied to what it did. The figures there can be are a
 * tree of words, walked along a name's dots; operations bring words of their own, which may have dots in them. What is
 * easily broken: a figure of docs/benchmarking.md that has no words here is refused before anything runs. */
#include "pgr_threshold.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include "pgr_units.h"
#include "pgr_utf8.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- reading ---- */

static const char *const comparisons[] = {"<", "<=", "==", "!=", ">=", ">"}; /* by pgr_comparison */
enum { COMPARISON_COUNT = sizeof comparisons / sizeof *comparisons };

/* Copies text[0 … len) without the spaces around it. false: it does not fit. */
static bool copy_trimmed(char *out, size_t bytes, const char *text, size_t len) {
  while (len > 0 && *text == ' ') {
    text++;
    len--;
  }
  while (len > 0 && text[len - 1] == ' ')
    len--;
  if (len >= bytes) return false;
  memcpy(out, text, len);
  out[len] = '\0';
  return true;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Not negative, perhaps with a fraction; *end: the first character behind it and a space. */
static bool read_number(const char *text, double *value, const char **end) {
  char whole[32];
  int64_t n;
  size_t len = strspn(text, "0123456789,_");
  if (len >= sizeof whole) return false;
  memcpy(whole, text, len);
  whole[len] = '\0';
  if (pgr_parse_int(whole, "", 0, INT64_MAX, &n, NULL)) return false;
  *value = (double)n;
  text += len;
  if (*text == '.' && is_digit(text[1])) {
    double scale = 1, fraction = 0;
    for (text++; is_digit(*text); text++) {
      fraction = fraction * 10 + (*text - '0');
      scale *= 10;
    }
    if (!isfinite(scale)) return false;
    *value += fraction / scale;
  }
  *end = *text == ' ' ? text + 1 : text;
  return true;
}

/* Bytes as PostgreSQL writes them: 1 kB is 1024. Times are left to pgr_parse_duration. */
static bool read_value(const char *text, pgr_threshold *t) {
  static const struct {
    const char *name;
    pgr_unit unit;
    double scale;
  } units[] = {{"%", PGR_UNIT_SHARE, 0.01},     {"/s", PGR_UNIT_PER_S, 1},       {"B", PGR_UNIT_BYTES, 1},
               {"kB", PGR_UNIT_BYTES, 1 << 10}, {"MB", PGR_UNIT_BYTES, 1 << 20}, {"GB", PGR_UNIT_BYTES, 1 << 30},
               {"TB", PGR_UNIT_BYTES, 0x1p40}};
  const char *end;
  int64_t ns;
  if (!read_number(text, &t->value, &end)) return false;
  if (!*end) return true;
  t->has_unit = true;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (strcmp(end, units[i].name) != 0) continue;
    t->unit = units[i].unit;
    t->value = units[i].scale < 1 ? t->value / 100 : t->value * units[i].scale;
    return true;
  }
  if (pgr_parse_duration(text, "", &ns, NULL)) return false;
  t->unit = PGR_UNIT_NS;
  t->value = (double)ns;
  return true;
}

static pgr_code read_level(const char *text, pgr_threshold *t, pgr_err *err) {
  const char *names[PGR_ISOLATION_COUNT + 1] = {NULL};
  for (int i = 0; i < PGR_ISOLATION_COUNT; i++)
    names[i] = pgr_isolation_name((pgr_isolation)i);
  snprintf(t->level, sizeof t->level, "%s", text);
  for (char *c = t->level; *c; c++)
    if (*c == '-' || *c == '_') *c = ' '; /* so that it need not be quoted */
  for (int i = 0; i < PGR_ISOLATION_COUNT; i++)
    if (strcmp(t->level, names[i]) == 0) return PGR_OK;
  const char *near = pgr_nearest(t->level, names);
  if (near)
    return pgr_fail(err, PGR_EUSAGE, "%s: '%s': unknown level '%s', did you mean '%s'?", t->where, t->text, text, near);
  return pgr_fail(err, PGR_EUSAGE, "%s: '%s': unknown level '%s', there are: %s, %s, %s", t->where, t->text, text,
                  names[PGR_READ_COMMITTED], names[PGR_REPEATABLE_READ], names[PGR_SERIALIZABLE]);
}

/* STRATEGY[/LEVEL][@CLIENTS], len bytes of it. */
static pgr_code read_cell(const char *text, size_t len, pgr_threshold *t, pgr_err *err) {
  char cell[sizeof t->text], level[sizeof t->level], clients[32] = "", what[2 * sizeof t->text + 16];
  snprintf(cell, sizeof cell, "%.*s", (int)len, text);
  char *at = strchr(cell, '@'), *slash;
  snprintf(what, sizeof what, "%s: '%s': clients", t->where, t->text);
  if (at) {
    *at++ = '\0';
    if (!copy_trimmed(clients, sizeof clients, at, strlen(at)))
      return pgr_fail(err, PGR_EUSAGE, "%s: too many digits", what);
    pgr_code code = pgr_parse_int(clients, what, 1, INT32_MAX, &t->clients, err);
    if (code) return code;
  }
  slash = strchr(cell, '/');
  if (slash) {
    *slash++ = '\0';
    if (!copy_trimmed(level, sizeof level, slash, strlen(slash)))
      return pgr_fail(err, PGR_EUSAGE, "%s: '%s': unknown level '%s'", t->where, t->text, slash);
    pgr_code code = read_level(level, t, err);
    if (code) return code;
  }
  if (copy_trimmed(t->strategy, sizeof t->strategy, cell, strlen(cell)) && *t->strategy) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE,
                  "%s: '%s' names no cell, write STRATEGY:, STRATEGY/LEVEL: or STRATEGY@CLIENTS:", t->where, t->text);
}

/* From the comparison on. */
static pgr_code read_limit(const char *text, pgr_threshold *t, pgr_err *err) {
  char sign[8], value[sizeof t->text];
  size_t len = strspn(text, "<>=!");
  int found = -1;
  if (len >= sizeof sign) len = sizeof sign - 1;
  memcpy(sign, text, len);
  sign[len] = '\0';
  for (int i = 0; i < COMPARISON_COUNT; i++)
    if (strcmp(sign, comparisons[i]) == 0) found = i;
  if (found < 0)
    return pgr_fail(err, PGR_EUSAGE, "%s: '%s': '%s' is no comparison, there are < <= == != >= >", t->where, t->text,
                    sign);
  t->comparison = (pgr_comparison)found;
  text += len;
  if (!copy_trimmed(value, sizeof value, text, strlen(text)) || !read_value(value, t))
    return pgr_fail(err, PGR_EUSAGE,
                    "%s: '%s': '%s' is no value: a number, and behind it the figure's unit, one of ns us ms s m h, %%, "
                    "B kB MB GB TB, /s",
                    t->where, t->text, value);
  return PGR_OK;
}

pgr_code pgr_threshold_parse(const char *text, const char *where, pgr_threshold *out, pgr_err *err) {
  static const char waits[] = "server.wait."; /* what follows may have a colon: "Lock:transactionid" */
  pgr_threshold t = {0};
  pgr_utf8_copy(t.where, sizeof t.where, where);
  pgr_utf8_copy(t.text, sizeof t.text, text);
  if (strlen(text) >= sizeof t.text)
    return pgr_fail(err, PGR_EUSAGE, "%s: a threshold has at most %zu bytes, not %zu: '%.60s …'", t.where,
                    sizeof t.text - 1, strlen(text), t.text);
  const char *rest = t.text + strspn(t.text, " ");
  size_t cell = strncmp(rest, waits, sizeof waits - 1) == 0 ? strlen(rest) : strcspn(rest, ":<>=!");
  if (rest[cell] == ':') {
    pgr_code code = read_cell(rest, cell, &t, err);
    if (code) return code;
    rest += cell + 1;
  }
  size_t figure = strcspn(rest, "<>=!");
  if (!rest[figure])
    return pgr_fail(err, PGR_EUSAGE,
                    "%s: '%s' compares nothing: write FIGURE, one of < <= == != >= >, and a value, like "
                    "'transaction.p99 < 5ms'",
                    t.where, t.text);
  if (!copy_trimmed(t.figure, sizeof t.figure, rest, figure))
    return pgr_fail(err, PGR_EUSAGE, "%s: '%s': no figure has a name that long", t.where, t.text);
  if (!*t.figure)
    return pgr_fail(err, PGR_EUSAGE, "%s: '%s' names no figure, write it like 'transaction.p99 < 5ms'", t.where,
                    t.text);
  pgr_code code = read_limit(rest + figure, &t, err);
  if (!code) *out = t;
  return code;
}

/* ---- the cells it is about ---- */

static bool is_about(const pgr_threshold *t, const pgr_bench_cell *c) {
  return (!*t->strategy || strcmp(t->strategy, c->strategy->name) == 0) &&
         (!*t->level || strcmp(t->level, pgr_isolation_name(c->isolation)) == 0) &&
         (!t->clients || t->clients == (int64_t)c->clients);
}

static bool has_cell(const pgr_bench *b, const pgr_threshold *t) {
  for (size_t i = 0; i < b->cell_count; i++)
    if (is_about(t, &b->cells[i])) return true;
  return false;
}

/* A scenario's own thresholds are for every way to run it: cells and figures that this bench leaves out are no fault
 * of theirs. One that was given for this bench is meant to be looked at. */
static bool is_of_scenario(const pgr_threshold *t) {
  return *t->where != '-';
}

/* ---- the figures there can be ---- */

typedef enum place {
  END, /* nothing follows */
  ANY, /* any text */
  FIGURE,
  QUANTILE,
  RESPONSE,
  RESPONSE_OUTCOME,
  STATEMENT,
  STATEMENT_NUMBER,
  OPERATION,
  OUTCOME,
  TRIES,
  ARRIVALS,
  CLIENT,
  SERVER
} place;

/* What a bench must be asked to do, or its scenario must declare, for a figure to exist. */
typedef enum need { NOTHING, OPEN_LOOP, OWNERSHIP, INVARIANTS } need;

typedef struct word {
  place in;
  const char *name;
  place next;
  pgr_unit unit; /* of the figure, when next is END or ANY */
  need need;
  int operation; /* of STATEMENT's words */
} word;

static const word words[] = {
    {FIGURE, "tps", END, PGR_UNIT_PER_S, NOTHING, 0},
    {FIGURE, "statements_per_s", END, PGR_UNIT_PER_S, NOTHING, 0},
    {FIGURE, "transactions", END, PGR_UNIT_COUNT, NOTHING, 0},
    {FIGURE, "unfinished", END, PGR_UNIT_COUNT, NOTHING, 0},
    {FIGURE, "errors", END, PGR_UNIT_COUNT, NOTHING, 0},
    {FIGURE, "duplicates", END, PGR_UNIT_COUNT, OWNERSHIP, 0},
    {FIGURE, "unexplained", END, PGR_UNIT_COUNT, OWNERSHIP, 0},
    {FIGURE, "rows_broken", END, PGR_UNIT_COUNT, INVARIANTS, 0},
    {FIGURE, "connect", END, PGR_UNIT_NS, NOTHING, 0},
    {FIGURE, "transaction", QUANTILE, PGR_UNIT_NS, NOTHING, 0},
    {FIGURE, "pool_wait", QUANTILE, PGR_UNIT_NS, NOTHING, 0},
    {FIGURE, "lag", QUANTILE, PGR_UNIT_NS, OPEN_LOOP, 0},
    {FIGURE, "response", RESPONSE, PGR_UNIT_NS, NOTHING, 0},
    {FIGURE, "statement", STATEMENT, PGR_UNIT_NS, NOTHING, 0},
    {FIGURE, "arrivals", ARRIVALS, PGR_UNIT_COUNT, OPEN_LOOP, 0},
    {FIGURE, "client", CLIENT, PGR_UNIT_COUNT, NOTHING, 0},
    {FIGURE, "server", SERVER, PGR_UNIT_COUNT, NOTHING, 0},
    {QUANTILE, "mean", END, PGR_UNIT_NS, NOTHING, 0},
    {QUANTILE, "p50", END, PGR_UNIT_NS, NOTHING, 0},
    {QUANTILE, "p90", END, PGR_UNIT_NS, NOTHING, 0},
    {QUANTILE, "p95", END, PGR_UNIT_NS, NOTHING, 0},
    {QUANTILE, "p99", END, PGR_UNIT_NS, NOTHING, 0},
    {QUANTILE, "p99.9", END, PGR_UNIT_NS, NOTHING, 0},
    {QUANTILE, "p99.99", END, PGR_UNIT_NS, NOTHING, 0},
    {QUANTILE, "max", END, PGR_UNIT_NS, NOTHING, 0},
    {OPERATION, "retries", END, PGR_UNIT_COUNT, NOTHING, 0},
    {OPERATION, "tries", TRIES, PGR_UNIT_COUNT, NOTHING, 0},
    {OUTCOME, "count", END, PGR_UNIT_COUNT, NOTHING, 0},
    {OUTCOME, "rate", END, PGR_UNIT_PER_S, NOTHING, 0},
    {TRIES, "max", END, PGR_UNIT_COUNT, NOTHING, 0},
    {ARRIVALS, "due", END, PGR_UNIT_COUNT, OPEN_LOOP, 0},
    {ARRIVALS, "late", END, PGR_UNIT_COUNT, OPEN_LOOP, 0},
    {ARRIVALS, "shed", END, PGR_UNIT_COUNT, OPEN_LOOP, 0},
    {ARRIVALS, "unsent", END, PGR_UNIT_COUNT, OPEN_LOOP, 0},
    {CLIENT, "cpu_per_transaction", END, PGR_UNIT_NS, NOTHING, 0},
    {CLIENT, "cpu_share", END, PGR_UNIT_SHARE, NOTHING, 0},
    {CLIENT, "run_wait_share", END, PGR_UNIT_SHARE, NOTHING, 0},
    {CLIENT, "loop_lag", QUANTILE, PGR_UNIT_NS, NOTHING, 0},
    {SERVER, "cpu_per_transaction", END, PGR_UNIT_NS, NOTHING, 0},
    {SERVER, "wal_per_transaction", END, PGR_UNIT_BYTES, NOTHING, 0},
    {SERVER, "deadlocks", END, PGR_UNIT_COUNT, NOTHING, 0},
    {SERVER, "rollbacks", END, PGR_UNIT_COUNT, NOTHING, 0},
    {SERVER, "hit_share", END, PGR_UNIT_SHARE, NOTHING, 0},
    {SERVER, "wait", ANY, PGR_UNIT_COUNT, NOTHING, 0},
};
enum { WORD_COUNT = sizeof words / sizeof *words, WORDS_MAX = WORD_COUNT + PGR_OPERATIONS_MAX + PGR_OUTCOME_COUNT };

/* What a threshold can name. */
typedef struct vocabulary {
  const pgr_scenario *scenario;
  int statements[PGR_OPERATIONS_MAX]; /* the most that an operation has in the cells the threshold is about */
} vocabulary;

static void count_statements(vocabulary *v, const pgr_strategy *s) {
  for (int k = 0; k < v->scenario->operation_count; k++)
    if (s->scripts[k] && s->scripts[k]->sql_count > v->statements[k]) v->statements[k] = s->scripts[k]->sql_count;
}

static vocabulary vocabulary_of(const pgr_bench *b, const pgr_threshold *t) {
  vocabulary v = {.scenario = b->scenario};
  bool measured = has_cell(b, t);
  for (size_t i = 0; measured && i < b->cell_count; i++)
    if (is_about(t, &b->cells[i])) count_statements(&v, b->cells[i].strategy);
  for (int i = 0; !measured && i < b->scenario->strategy_count; i++)
    count_statements(&v, &b->scenario->strategies[i]);
  return v;
}

/* The words that can stand at a place, the operations first. Returns how many. */
static size_t words_at(const vocabulary *v, place in, word out[WORDS_MAX]) {
  static const place after_operation[] = {
      [FIGURE] = OPERATION, [RESPONSE] = RESPONSE_OUTCOME, [STATEMENT] = STATEMENT_NUMBER};
  size_t count = 0;
  bool operations = in == FIGURE || in == RESPONSE || in == STATEMENT;
  for (int k = 0; operations && k < v->scenario->operation_count; k++)
    out[count++] =
        (word){.in = in, .name = v->scenario->operations[k].name, .next = after_operation[in], .operation = k};
  bool outcomes = in == OPERATION || in == RESPONSE_OUTCOME;
  for (int o = 0; outcomes && o < PGR_OUTCOME_COUNT; o++)
    out[count++] =
        (word){.in = in, .name = pgr_outcome_name((pgr_outcome)o), .next = in == OPERATION ? OUTCOME : QUANTILE};
  for (size_t i = 0; i < WORD_COUNT; i++)
    if (words[i].in == in || (in == OUTCOME && words[i].in == QUANTILE)) out[count++] = words[i];
  return count;
}

/* The text behind the word, when that begins with it as a whole; else NULL. */
static const char *behind(const word *w, const char *text) {
  size_t len = strlen(w->name);
  if (strncmp(text, w->name, len) != 0) return NULL;
  if (w->next == END) return text[len] ? NULL : text + len;
  return text[len] == '.' ? text + len + 1 : NULL;
}

/* The text behind "3.", of 1 … most; else NULL. */
static const char *behind_number(const char *text, int most) {
  int n = 0;
  if (*text == '0') return NULL;
  for (; is_digit(*text) && n <= most; text++)
    n = n * 10 + (*text - '0');
  return n >= 1 && n <= most && *text == '.' ? text + 1 : NULL;
}

typedef struct meaning {
  pgr_unit unit;
  need need;
} meaning;

/* w: the word before `text`. Tries all words that fit: an operation may be called as one of ours. Recursion ends with
 * the tree, five words deep. */
static bool understand(const vocabulary *v, const word *w, const char *text, meaning *m) {
  word next[WORDS_MAX];
  place in = w->next;
  if (in == END || in == ANY) {
    m->unit = w->unit;
    return in == END || *text;
  }
  if (in == STATEMENT_NUMBER) {
    text = behind_number(text, v->statements[w->operation]);
    in = QUANTILE;
    if (!text) return false;
  }
  size_t count = words_at(v, in, next);
  for (size_t i = 0; i < count; i++) {
    const char *rest = behind(&next[i], text);
    if (!rest || !understand(v, &next[i], rest, m)) continue;
    if (next[i].need) m->need = next[i].need;
    return true;
  }
  return false;
}

static const word root = {.next = FIGURE};

static bool understand_figure(const pgr_bench *b, const pgr_threshold *t, meaning *m) {
  vocabulary v = vocabulary_of(b, t);
  *m = (meaning){0};
  return understand(&v, &root, t->figure, m);
}

/* ---- what may have been meant ---- */

/* The word that the beginning of *text is, or is nearest to, ours rather than an operation; NULL when none is near.
 * *text: moved behind it. */
static const word *nearest_word(word *choices, size_t count, const char **text) {
  const char *names[WORDS_MAX + 1], *rest;
  char piece[PGR_FIGURE_NAME_BYTES];
  for (size_t i = count; i-- > 0;) {
    rest = behind(&choices[i], *text);
    if (!rest) continue;
    *text = rest;
    return &choices[i];
  }
  bool last = true; /* of the name: quantiles have dots in them */
  for (size_t i = 0; i < count; i++)
    last = last && choices[i].next == END;
  size_t len = last ? strlen(*text) : strcspn(*text, "."), candidates = 0;
  bool goes_on = (*text)[len];
  snprintf(piece, sizeof piece, "%.*s", (int)len, *text);
  for (size_t i = count; i-- > 0;) /* of equals the later one: "p999" is p99.9 rather than p99 */
    if ((choices[i].next != END) == goes_on) names[candidates++] = choices[i].name;
  names[candidates] = NULL;
  const char *near = pgr_nearest(piece, names);
  *text += len + goes_on;
  for (size_t i = count; near && i-- > 0;) /* equal texts may be one text to the linker */
    if ((choices[i].next != END) == goes_on && choices[i].name == near) return &choices[i];
  return NULL;
}

/* Appends the figure nearest to `text`. false: none is near, out is of no use. */
static bool suggest(const vocabulary *v, const char *text, pgr_buf *out) {
  word choices[WORDS_MAX], at = root;
  while (at.next != END) {
    if (out->len) pgr_buf_adds(out, ".");
    if (at.next == ANY) {
      pgr_buf_adds(out, text);
      return *text;
    }
    if (at.next == STATEMENT_NUMBER) {
      const char *rest = behind_number(text, v->statements[at.operation]);
      if (!rest) return false;
      pgr_buf_add(out, text, (size_t)(rest - 1 - text));
      text = rest;
      at.next = QUANTILE;
      continue;
    }
    const word *w = nearest_word(choices, words_at(v, at.next, choices), &text);
    if (!w) return false;
    pgr_buf_adds(out, w->name);
    at = *w;
  }
  return true;
}

/* One that reads the history is not asked under load, and the others only where a key is what a round is: whoever comes
 * for it comes once, and nobody gives it back. */
static bool has_invariant(const pgr_bench *b) {
  const pgr_scenario *s = b->scenario;
  if (b->settings.keys.spread != PGR_SPREAD_ONCE) return false;
  for (int i = 0; i < s->operation_count; i++)
    if (s->operations[i].when == PGR_WHEN_END) return false;
  for (int i = 0; i < s->invariant_count; i++)
    if (!s->invariants[i].needs_history) return true;
  return false;
}

static bool is_met(const pgr_bench *b, need n) {
  switch (n) {
  case NOTHING: return true;
  case OPEN_LOOP: return b->settings.open;
  case OWNERSHIP: return b->settings.verify && b->scenario->ownership.declared;
  case INVARIANTS: return b->settings.verify && has_invariant(b);
  }
  return false;
}

/* A comma, but for the first one. */
static void list(pgr_buf *out, bool *any, const char *before, const char *name, const char *behind_it) {
  pgr_buf_addf(out, "%s%s%s%s", *any ? ", " : "", before, name, behind_it);
  *any = true;
}

/* The words of a place that is entered by `name`. */
static void list_group(place in, const char *name, pgr_buf *out) {
  char before[32];
  bool any = false;
  snprintf(before, sizeof before, "%s.", name);
  for (size_t i = 0; i < WORD_COUNT; i++) {
    if (words[i].in != in) continue;
    list(out, &any, before, words[i].name,
         words[i].next == QUANTILE ? ".p99 and the like"
         : words[i].next == ANY    ? ".WHAT"
                                   : "");
  }
}

/* Patterns, for the names are hundreds; what differs from one scenario to another last, for a message has an end. */
static void list_all(const pgr_bench *b, const vocabulary *v, bool numbers, pgr_buf *out) {
  bool any = false;
  for (size_t i = 0; i < WORD_COUNT; i++) {
    const word *w = &words[i];
    if (w->in != FIGURE || !is_met(b, w->need) || w->next == RESPONSE || w->next == STATEMENT) continue;
    list(out, &any, "", w->name, w->next == END ? "" : w->next == QUANTILE ? ".Q" : ".…");
  }
  pgr_buf_adds(out, ", OPERATION.OUTCOME.Q, .count and .rate, response.OPERATION.OUTCOME.Q, OPERATION.retries, "
                    "OPERATION.tries.max, statement.OPERATION.N.Q with Q: ");
  any = false;
  for (size_t i = 0; i < WORD_COUNT; i++)
    if (words[i].in == QUANTILE) list(out, &any, "", words[i].name, "");
  pgr_buf_adds(out, "; OUTCOME: ");
  any = false;
  for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
    list(out, &any, "", pgr_outcome_name((pgr_outcome)o), "");
  pgr_buf_adds(out, "; OPERATION: ");
  any = false;
  for (int k = 0; k < v->scenario->operation_count; k++) {
    list(out, &any, "", v->scenario->operations[k].name, "");
    if (numbers) pgr_buf_addf(out, " (N to %d)", v->statements[k]);
  }
}

static pgr_code unknown_figure(const pgr_bench *b, const pgr_threshold *t, pgr_err *err) {
  vocabulary v = vocabulary_of(b, t);
  pgr_buf near, there;
  pgr_buf_init(&near, 0);
  pgr_buf_init(&there, 0);
  const char *dot = strchr(t->figure, '.');
  place in = FIGURE;
  for (size_t i = 0; dot && i < WORD_COUNT; i++)
    if (words[i].next >= ARRIVALS && behind(&words[i], t->figure) == dot + 1) {
      in = words[i].next;
      list_group(in, words[i].name, &there);
    }
  if (in == FIGURE) list_all(b, &v, strncmp(t->figure, "statement.", strlen("statement.")) == 0, &there);
  bool is_near = suggest(&v, t->figure, &near);
  pgr_code code = pgr_fail(err, PGR_EUSAGE, "%s: '%s' is no figure of %s%s%s%s there are %s", t->where, t->figure,
                           b->scenario->name, is_near ? ", did you mean '" : "", is_near ? pgr_buf_text(&near) : "",
                           is_near ? "'?" : ":", pgr_buf_text(&there));
  pgr_buf_deinit(&near);
  pgr_buf_deinit(&there);
  return code;
}

/* ---- before anything runs ---- */

static pgr_code check_strategy(const pgr_bench *b, const pgr_threshold *t, pgr_err *err) {
  const char *names[PGR_STRATEGIES_MAX + 1] = {NULL};
  if (!*t->strategy || pgr_scenario_strategy(b->scenario, t->strategy)) return PGR_OK;
  for (int i = 0; i < b->scenario->strategy_count; i++)
    names[i] = b->scenario->strategies[i].name;
  const char *near = pgr_nearest(t->strategy, names);
  if (near)
    return pgr_fail(err, PGR_EUSAGE, "%s: '%s': unknown strategy '%s', did you mean '%s'?", t->where, t->text,
                    t->strategy, near);
  pgr_buf there;
  bool any = false;
  pgr_buf_init(&there, 0);
  for (int i = 0; names[i]; i++)
    list(&there, &any, "", names[i], "");
  pgr_code code = pgr_fail(err, PGR_EUSAGE, "%s: '%s': unknown strategy '%s', there are: %s", t->where, t->text,
                           t->strategy, pgr_buf_text(&there));
  pgr_buf_deinit(&there);
  return code;
}

static pgr_code check_cells(const pgr_bench *b, const pgr_threshold *t, pgr_err *err) {
  if (has_cell(b, t) || is_of_scenario(t)) return PGR_OK;
  pgr_buf there;
  pgr_buf_init(&there, 0);
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    pgr_buf_addf(&there, "%s%s/%s@%u", i ? ", " : "", c->strategy->name, pgr_isolation_name(c->isolation), c->clients);
  }
  pgr_code code = pgr_fail(err, PGR_EUSAGE, "%s: '%s' is about no cell of this bench, there are: %s", t->where, t->text,
                           pgr_buf_text(&there));
  pgr_buf_deinit(&there);
  return code;
}

static pgr_code check_need(const pgr_bench *b, const pgr_threshold *t, need n, pgr_err *err) {
  if (is_met(b, n) || is_of_scenario(t)) return PGR_OK;
  if (n == OPEN_LOOP)
    return pgr_fail(err, PGR_EUSAGE, "%s: '%s': '%s' is a figure of the open loop, give --rate", t->where, t->text,
                    t->figure);
  if (n == OWNERSHIP && !b->scenario->ownership.declared)
    return pgr_fail(err, PGR_EUSAGE, "%s: '%s': there is no '%s' of %s, which declares no ownership", t->where, t->text,
                    t->figure, b->scenario->name);
  if (n == INVARIANTS && !has_invariant(b))
    return pgr_fail(err, PGR_EUSAGE,
                    "%s: '%s': there is no '%s': no invariant of %s is asked of these keys (docs/benchmarking.md)",
                    t->where, t->text, t->figure, b->scenario->name);
  return pgr_fail(err, PGR_EUSAGE, "%s: '%s': without verification there is no '%s', leave out --no-verify", t->where,
                  t->text, t->figure);
}

static pgr_code check_unit(const pgr_threshold *t, pgr_unit unit, pgr_err *err) {
  const char *kind = NULL;
  bool fits = t->has_unit && t->unit == unit;
  switch (unit) {
  case PGR_UNIT_NS:
    fits = fits || (!t->has_unit && t->value == 0);
    kind = "a time, write it like 250us, 5ms or 1.5s";
    break;
  case PGR_UNIT_SHARE:
    fits = fits || (!t->has_unit && t->value <= 1);
    kind = "a share, write it like 12% or 0.12";
    break;
  case PGR_UNIT_BYTES:
    fits = fits || !t->has_unit;
    kind = "a size, write it like 512B, 100kB or 10MB";
    break;
  case PGR_UNIT_PER_S:
    fits = fits || !t->has_unit;
    kind = "a number a second, write it like 1000";
    break;
  case PGR_UNIT_COUNT:
    fits = !t->has_unit;
    kind = "a number without a unit";
    break;
  }
  return fits ? PGR_OK : pgr_fail(err, PGR_EUSAGE, "%s: '%s': %s is %s", t->where, t->text, t->figure, kind);
}

pgr_code pgr_threshold_check(const pgr_bench *b, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; i < b->threshold_count && !code; i++) {
    const pgr_threshold *t = &b->thresholds[i];
    meaning m;
    code = check_strategy(b, t, err);
    if (!code) code = check_cells(b, t, err);
    if (code) break;
    if (!understand_figure(b, t, &m)) return unknown_figure(b, t, err);
    code = check_need(b, t, m.need, err);
    if (!code) code = check_unit(t, m.unit, err);
  }
  return code;
}

/* ---- after everything ran ---- */

static bool holds(pgr_comparison comparison, double value, double limit) {
  switch (comparison) {
  case PGR_LESS: return value < limit;
  case PGR_LESS_OR_EQUAL: return value <= limit;
  case PGR_EQUAL: return value == limit;
  case PGR_NOT_EQUAL: return value != limit;
  case PGR_MORE_OR_EQUAL: return value >= limit;
  case PGR_MORE: return value > limit;
  }
  return false;
}

/* What never happened was counted 0 times; how long it took, nobody can say. false: there is nothing to compare. */
static bool value_of(const pgr_bench *b, const pgr_threshold *t, const pgr_bench_cell *c, double *value) {
  meaning m;
  const pgr_figure *f = pgr_bench_figure(c, t->figure);
  if (f && !isnan(f->value)) {
    *value = f->value;
    return true;
  }
  *value = 0;
  return c->figure_count > 0 && understand_figure(b, t, &m) && is_met(b, m.need) &&
         (m.unit == PGR_UNIT_COUNT || m.unit == PGR_UNIT_PER_S);
}

pgr_code pgr_threshold_apply(pgr_bench *b) {
  size_t cap = 0;
  pgr_free(b->crossings);
  b->crossings = NULL;
  b->crossing_count = 0;
  for (size_t i = 0; i < b->threshold_count; i++) {
    const pgr_threshold *t = &b->thresholds[i];
    for (size_t j = 0; j < b->cell_count; j++) {
      double value;
      if (!is_about(t, &b->cells[j]) || !value_of(b, t, &b->cells[j], &value) || holds(t->comparison, value, t->value))
        continue;
      if (b->crossing_count == cap) {
        cap = cap ? cap * 2 : 16;
        pgr_crossing *more = pgr_realloc(b->crossings, cap, sizeof *more);
        if (!more) return PGR_ENOMEM;
        b->crossings = more;
      }
      b->crossings[b->crossing_count++] = (pgr_crossing){.threshold = i, .cell = j, .value = value};
    }
  }
  return PGR_OK;
}
