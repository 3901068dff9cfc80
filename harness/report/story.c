/* A violation as a person would tell it: who saw what, who wrote what, how far apart, and who has probably waited for
 * whom. */
#include "report_internal.h"

#include "pgr_clock.h"
#include "pgr_units.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- who waited for whom ---- */

/* A transaction of a round that wrote rows, from its first such statement on. */
typedef struct writer {
  uint32_t agent;
  int64_t call_ns, return_ns;         /* of that statement */
  int64_t end_call_ns, end_return_ns; /* of what ended it: the same, or its COMMIT or ROLLBACK; 0: not known */
  const char *table;                  /* that it wrote, in that statement */
  size_t table_len;
} writer;

enum { WRITERS_MAX = 128 };

static bool is_word_byte(char c) {
  return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* The first place of the words, apart by one space, in any case; NULL: there is none. Texts are what is looked at, not
 * parsed: a word in quotes counts. */
static const char *find_words(const char *sql, const char *words, size_t len) {
  for (const char *p = sql; *p; p++) {
    bool begins = p == sql || !is_word_byte(p[-1]);
    if (begins && strncasecmp(p, words, len) == 0 && !is_word_byte(p[len])) return p;
  }
  return NULL;
}

static bool begins_with(const char *sql, const char *words) {
  return find_words(sql, words, strlen(words)) == sql;
}

/* Whether these words, found in a statement, are the beginning of one: of it, or of a part of a WITH query. */
static bool is_command(const char *sql, const char *at) {
  static const char *const others[] = {"for ", "key ", "do "}; /* FOR UPDATE, FOR NO KEY UPDATE, DO UPDATE */
  if (at == sql) return true;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    size_t len = strlen(others[i]);
    if ((size_t)(at - sql) >= len && strncasecmp(at - len, others[i], len) == 0) return false;
  }
  return begins_with(sql, "with");
}

/* The table a statement writes to, of *len bytes; NULL: it does not write. A WITH query writes where any part of it
 * does. */
static const char *written_table(const char *sql, size_t *len) {
  static const char *const words[] = {"update only", "update",      "delete from only",
                                      "delete from", "insert into", "merge into"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    size_t width = strlen(words[i]);
    for (const char *at = find_words(sql, words[i], width); at; at = find_words(at + 1, words[i], width)) {
      if (!is_command(sql, at) || at[width] != ' ') continue;
      const char *table = at + width + 1;
      *len = strcspn(table, " (,;");
      if (*len) return table;
    }
  }
  return NULL;
}

/* Whether rows are locked by it, or written. */
static bool takes_row_locks(const char *sql) {
  static const char *const locks[] = {"for update", "for no key update", "for share", "for key share"};
  size_t len;
  if (written_table(sql, &len)) return true;
  if (!begins_with(sql, "select") && !begins_with(sql, "with")) return false;
  for (size_t i = 0; i < sizeof locks / sizeof *locks; i++)
    if (find_words(sql, locks[i], strlen(locks[i]))) return true;
  return false;
}

static bool begins_transaction(const char *sql) {
  return begins_with(sql, "begin") || begins_with(sql, "start transaction");
}

static bool ends_transaction(const char *sql) {
  bool to_savepoint = find_words(sql, "to", 2) != NULL; /* ROLLBACK TO releases nothing that came before */
  return begins_with(sql, "commit") || begins_with(sql, "end") || begins_with(sql, "abort") ||
         (begins_with(sql, "rollback") && !to_savepoint);
}

static bool took_effect(const pgr_trace_step *s) {
  return s->rows > 0 && !*s->sqlstate;
}

/* The transactions of a round that wrote rows and of which the end is known. An agent's statements come together, in
 * order; a transaction that ended in an error is rolled back out of sight, and left out. */
static size_t writers_of(const pgr_trace *trace, int64_t round, writer out[WRITERS_MAX]) {
  size_t count = 0;
  uint32_t agent = 0;
  bool open = false;
  writer now = {0}; /* agent 0: nothing was written */
  for (size_t i = 0; i < trace->count && count < WRITERS_MAX; i++) {
    const pgr_trace_step *s = &trace->steps[i];
    if (s->round != round) continue;
    if (s->agent != agent || begins_transaction(s->sql)) {
      now = (writer){0};
      agent = s->agent;
      open = begins_transaction(s->sql);
    }
    size_t len;
    const char *table = took_effect(s) ? written_table(s->sql, &len) : NULL;
    if (table && !now.agent)
      now =
          (writer){.agent = agent, .call_ns = s->call_ns, .return_ns = s->return_ns, .table = table, .table_len = len};
    if (open && !ends_transaction(s->sql)) continue;
    open = false;
    now.end_call_ns = s->call_ns;
    now.end_return_ns = s->return_ns;
    if (now.agent && s->return_ns >= s->call_ns) out[count++] = now;
    now = (writer){0};
  }
  return count;
}

/* Whether the agent's transaction had rows locked before this step: then it has probably waited for nobody. */
static bool holds_locks(const pgr_trace *trace, const pgr_trace_step *step) {
  bool open = false, holds = false;
  for (size_t i = 0; i < trace->count; i++) {
    const pgr_trace_step *s = &trace->steps[i];
    if (s->round != step->round || s->agent != step->agent) continue;
    if (s->call_ns >= step->call_ns) break;
    bool begins = begins_transaction(s->sql), ends = ends_transaction(s->sql);
    holds &= !begins && !ends;
    open = begins || (open && !ends);
    holds |= open && took_effect(s) && takes_row_locks(s->sql);
  }
  return holds;
}

/* The statement was in flight when the other's transaction ended, and answered only then; the other one had written
 * before. Of one that is a transaction by itself nobody can tell when it got the row, so it must have been sent first
 * and answered first. */
static bool may_have_waited(const pgr_trace_step *s, const writer *w) {
  bool alone = w->end_call_ns == w->call_ns;
  if (w->agent == s->agent || !find_words(s->sql, w->table, w->table_len)) return false;
  if (s->call_ns >= w->end_return_ns) return false;
  if (alone) return w->call_ns <= s->call_ns && w->return_ns <= s->return_ns;
  return s->return_ns >= w->end_call_ns && w->return_ns <= s->return_ns;
}

/* Of several the last to end: one that waits in a queue waits for all of them. */
void pgr__infer_waits(pgr_story *story, const pgr_trace *trace) {
  writer writers[WRITERS_MAX];
  size_t count = writers_of(trace, story->round, writers);
  for (size_t i = 0; i < story->count; i++) {
    const pgr_trace_step *s = &story->steps[i];
    const writer *last = NULL;
    story->waited[i] = (pgr_waited){0};
    if (!takes_row_locks(s->sql) || holds_locks(trace, s)) continue;
    for (size_t k = 0; k < count; k++)
      if (may_have_waited(s, &writers[k]) && (!last || writers[k].end_return_ns > last->end_return_ns))
        last = &writers[k];
    if (!last) continue;
    bool sooner = s->return_ns < last->end_return_ns; /* than who ended it knew */
    story->waited[i] = (pgr_waited){last->agent, sooner ? s->return_ns : last->end_return_ns};
  }
}

/* ---- as a text ---- */

/* Longer statements stand out of the column, so that the short ones need not be padded past a terminal's width. */
enum { SQL_COLUMN_MAX = 66 };

static void add_answer(const pgr_trace_step *step, pgr_buf *out) {
  if (*step->sqlstate)
    pgr_buf_addf(out, "error %s", step->sqlstate);
  else if (*step->value)
    pgr_buf_adds(out, step->value);
  else if (step->rows >= 0)
    pgr_buf_addf(out, "%lld row%s", (long long)step->rows, step->rows == 1 ? "" : "s");
}

static bool is_of_two(const pgr_story *story) {
  uint32_t a = story->steps[0].agent, b = a;
  for (size_t i = 1; i < story->count; i++) {
    uint32_t agent = story->steps[i].agent;
    if (agent != a && b != a && agent != b) return false;
    if (agent != a) b = agent;
  }
  return true;
}

/* "How two agents got conversation 44 (naive, round 44):" */
static void add_heading(const pgr_result *r, const pgr_cell *cell, const pgr_story *story, pgr_buf *out) {
  const pgr_scenario *s = r->scenario;
  char key[PGR_TEXT_BYTES], round[PGR_TEXT_BYTES], capacity[PGR_TEXT_BYTES];
  size_t from = out->len;
  bool crowd = s->ownership.capacity > 1;
  pgr_format_count(key, story->key);
  if (story->second_owner && crowd)
    pgr_buf_addf(out, "How more than %s agents got %s %s (", pgr_format_count(capacity, s->ownership.capacity),
                 s->key.name, key);
  else if (story->second_owner)
    pgr_buf_addf(out, "How two agents got %s %s (", s->key.name, key);
  else
    pgr_buf_addf(out, "How %s %s broke the rule “%s” (", s->key.name, key, story->rule ? story->rule : "");
  pgr__add_cell_name(r, cell, out);
  pgr_buf_addf(out, ", round %s)%s:\n", pgr_format_count(round, story->round),
               !story->second_owner ? is_of_two(story) ? ", two of its agents" : ", all its agents"
               : crowd              ? ", two of them"
                                    : "");
  pgr__wrap(out, from);
}

static int widest_sql(const pgr_story *story) {
  int widest = 0;
  for (size_t i = 0; i < story->count; i++)
    if (pgr__width(story->steps[i].sql) > widest) widest = pgr__width(story->steps[i].sql);
  return widest < SQL_COLUMN_MAX ? widest : SQL_COLUMN_MAX;
}

static int widest_agent(const pgr_story *story) {
  int widest = 3;
  for (size_t i = 0; i < story->count; i++) {
    int digits = snprintf(NULL, 0, "%u", story->steps[i].agent);
    if (digits > widest) widest = digits;
  }
  return widest;
}

void pgr_report_story(const pgr_result *r, const pgr_cell *cell, size_t i, pgr_buf *out) {
  const pgr_scenario *s = r->scenario;
  if (i >= cell->story_count) return;
  const pgr_story *story = &cell->stories[i];
  add_heading(r, cell, story, out);
  int sql = widest_sql(story), agent = widest_agent(story);
  for (size_t k = 0; k < story->count; k++) {
    const pgr_trace_step *step = &story->steps[k];
    double us = (double)(step->call_ns - story->steps[0].call_ns) / (double)PGR_NS_PER_US;
    pgr_buf_addf(out, "%8.0f µs  agent %-*u %s%*s  ", us, agent, step->agent, step->sql, pgr__padding(step->sql, sql),
                 "");
    add_answer(step, out);
    if (step->outcome < PGR_OUTCOME_COUNT)
      pgr_buf_addf(out, "  told: %s %s", s->operations[step->kind].name, pgr_outcome_name((pgr_outcome)step->outcome));
    if (step->outcome == PGR_OUTCOME_OK && step->agent == story->second_owner)
      pgr_buf_adds(out, s->ownership.capacity > 1 ? "  ← one too many" : "  ← second owner");
    while (out->len > 0 && out->data[out->len - 1] == ' ')
      out->data[--out->len] = '\0';
    pgr_buf_adds(out, "\n");
  }
  size_t from = out->len;
  if (s->broken) pgr_buf_addf(out, "  %s\n", s->broken);
  pgr__wrap(out, from);
}
