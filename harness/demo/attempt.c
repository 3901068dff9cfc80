/* What one seat did in a contest, read off its steps: statements are told apart by their first words, as the scenarios
 * of the gallery write them. */
#include "attempt_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- statements ---- */

bool pgr__contains(const char *text, const char *words) {
  size_t len = strlen(words);
  for (; *text; text++)
    if (strncasecmp(text, words, len) == 0) return true;
  return false;
}

bool pgr__step_begins(const pgr_contest_step *s, const char *word) {
  size_t len = strlen(word);
  return strncasecmp(s->sql, word, len) == 0 && !isalnum((unsigned char)s->sql[len]);
}

const char *pgr__step_verb(const pgr_contest_step *s) {
  static const char *const words[] = {"SELECT", "UPDATE", "INSERT", "DELETE", "BEGIN", "COMMIT", "ROLLBACK"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (pgr__step_begins(s, words[i])) return words[i];
  return "statement";
}

bool pgr__step_writes(const pgr_contest_step *s) {
  return pgr__step_begins(s, "UPDATE") || pgr__step_begins(s, "INSERT") || pgr__step_begins(s, "DELETE");
}

bool pgr__step_locks_advisory(const pgr_contest_step *s) {
  return pgr__step_begins(s, "SELECT") && pgr__contains(s->sql, "advisory");
}

bool pgr__step_locks_row(const pgr_contest_step *s) {
  return pgr__step_begins(s, "SELECT") && pgr__contains(s->sql, " FOR UPDATE");
}

int pgr__step_checks(const pgr_contest_step *s, const char **column) {
  if (!pgr__step_begins(s, "SELECT")) return 0;
  *column = s->sql + strlen("SELECT ");
  size_t len = strcspn(*column, " ");
  return strncasecmp(*column + len, " IS NULL", strlen(" IS NULL")) == 0 ? (int)len : 0;
}

bool pgr__step_found_free(const pgr_contest_step *s) {
  const char *column;
  return s && pgr__step_checks(s, &column) > 0 && s->has_value && strcmp(s->value, "t") == 0;
}

bool pgr__step_found_taken(const pgr_contest_step *s) {
  const char *column;
  return s && pgr__step_checks(s, &column) > 0 && s->has_value && strcmp(s->value, "f") == 0;
}

const char *pgr__step_condition(const pgr_contest_step *s, char out[PGR__CLAUSE_BYTES]) {
  enum { LONGEST = 60 };
  *out = '\0';
  const char *where = s->sql;
  while (*where && strncasecmp(where, " WHERE ", 7) != 0)
    where++;
  if (!*where) return out;
  where += 7;
  size_t len = 0;
  while (where[len] && where[len] != ';' && strncasecmp(where + len, " RETURNING ", 11) != 0)
    len++;
  if (len <= LONGEST) snprintf(out, PGR__CLAUSE_BYTES, " (%.*s)", (int)len, where);
  return out;
}

/* Names of the errors that races end in. Source: PostgreSQL, errcodes.txt. */
const char *pgr__error_words(const char *sqlstate) {
  static const struct {
    const char *sqlstate, *words;
  } known[] = {{"23503", " (foreign key violation)"}, {"23505", " (unique violation)"},
               {"23514", " (check violation)"},       {"23P01", " (exclusion violation)"},
               {"40001", " (serialization failure)"}, {"40P01", " (deadlock)"},
               {"55P03", " (lock not available)"},    {"57014", " (cancelled)"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(sqlstate, known[i].sqlstate) == 0) return known[i].words;
  return "";
}

/* ---- waits that nobody saw ---- */

/* What of a statement is locked: its table, or " advisory". Returns its bytes; 0: nothing, or unknown. */
static size_t locked_by(const pgr_contest_step *s, const char **out) {
  static const char *const before[] = {"UPDATE ", "INSERT INTO ", "DELETE FROM "};
  *out = "advisory";
  if (pgr__step_locks_advisory(s)) return strlen(*out);
  const char *at = NULL;
  for (size_t i = 0; i < sizeof before / sizeof *before; i++)
    if (strncasecmp(s->sql, before[i], strlen(before[i])) == 0) at = s->sql + strlen(before[i]);
  for (const char *c = s->sql; !at && pgr__step_locks_row(s) && *c; c++)
    if (strncasecmp(c, " FROM ", 6) == 0) at = c + 6;
  *out = at;
  return at ? strcspn(at, " (") : 0;
}

static bool lock_the_same(const pgr_contest_step *a, const pgr_contest_step *b) {
  const char *of_a, *of_b;
  size_t len = locked_by(a, &of_a);
  return len > 0 && len == locked_by(b, &of_b) && strncasecmp(of_a, of_b, len) == 0;
}

static bool waits_for_none(const pgr_contest_step *s) {
  return pgr__contains(s->sql, "NOWAIT") || pgr__contains(s->sql, "SKIP LOCKED") ||
         pgr__contains(s->sql, "advisory_unlock") || pgr__contains(s->sql, "pg_try_");
}

static bool ends_transaction(const pgr_contest_step *s) {
  return pgr__step_begins(s, "COMMIT") || pgr__step_begins(s, "ROLLBACK");
}

/* Whether the agent of steps[at] is in a transaction as it sends that. */
static bool in_transaction(const pgr_contest *c, int at) {
  for (int i = at - 1; i >= 0; i--) {
    if (c->steps[i].agent != c->steps[at].agent) continue;
    if (ends_transaction(&c->steps[i])) return false;
    if (pgr__step_begins(&c->steps[i], "BEGIN")) return true;
  }
  return false;
}

/* With what the lock that steps[at] has taken ends; NULL: not yet. */
static const pgr_contest_step *end_of_lock(const pgr_contest *c, int at) {
  if (!in_transaction(c, at)) return &c->steps[at];
  for (int i = at + 1; i < c->step_count; i++)
    if (c->steps[i].agent == c->steps[at].agent && ends_transaction(&c->steps[i])) return &c->steps[i];
  return NULL;
}

/* Whether it has taken its lock, as far as is known. */
static bool took_lock(const pgr_contest_step *s) {
  return s->answered_ns && !*s->sqlstate && (s->rows > 0 || pgr__step_locks_advisory(s));
}

static bool has_waited(const pgr_contest *c, const pgr_contest_step *s, int holder) {
  const pgr_contest_step *lock = &c->steps[holder], *end = end_of_lock(c, holder);
  if (lock->agent == s->agent || !end || !took_lock(lock) || !lock_the_same(lock, s)) return false;
  if (end->sent_ns > s->answered_ns || (end->answered_ns && end->answered_ns <= s->sent_ns)) return false;
  return end == lock ? !took_lock(s) : lock->answered_ns <= s->answered_ns;
}

void pgr_contest_infer(pgr_contest *c) {
  for (int i = 0; i < c->step_count; i++) {
    pgr_contest_step *s = &c->steps[i];
    if (!s->answered_ns || s->waits_ns || waits_for_none(s)) continue;
    for (int k = 0; k < c->step_count && !s->waits_ns; k++) {
      const pgr_contest_step *lock = &c->steps[k];
      if (!has_waited(c, s, k)) continue;
      s->waits_ns = lock->sent_ns > s->sent_ns ? lock->sent_ns : s->sent_ns;
      s->waits_for = lock->agent;
      s->inferred = true;
    }
  }
}

/* ---- what each seat did ---- */

static bool is_final(pgr_outcome o) {
  return o != PGR_OUTCOME_COUNT && o != PGR_OUTCOME_RETRIED;
}

static void take_step(pgr__attempt *a, const pgr_contest_step *s) {
  bool failed = *s->sqlstate != '\0';
  if (failed) a->error = s;
  if (s->waits_ns && !failed) a->waited = s;
  if (pgr__step_begins(s, "BEGIN")) a->transaction = true;
  if (pgr__step_locks_advisory(s) || pgr__step_locks_row(s)) a->lock = s;
  if (pgr__step_begins(s, "SELECT") && !pgr__step_locks_advisory(s) && s->has_value) a->read = s;
  if (pgr__step_writes(s)) a->write = s;
  bool visible = pgr__step_begins(s, "COMMIT") || (pgr__step_writes(s) && !a->transaction && s->rows > 0);
  if (visible && !failed && a->write) a->effect = s;
}

/* What came before an error after which it went on is the try before. */
static void begin_try(pgr__attempt *a) {
  pgr__attempt next = {.agent = a->agent, .first = a->first, .last = a->last, .again = a->error, .early_read = a->read};
  next.transaction = a->transaction && !pgr__step_begins(a->last, "ROLLBACK");
  *a = next;
}

static bool goes_on_after_error(const pgr__attempt *a, const pgr_contest_step *s) {
  return a->error && !pgr__step_begins(s, "ROLLBACK");
}

bool pgr__attempt_gather(const pgr_contest *c, int acquire, uint32_t agent, pgr__attempt *out) {
  pgr__attempt a = {.agent = agent, .outcome = PGR_OUTCOME_COUNT};
  *out = a;
  for (int i = 0; i < c->step_count; i++) {
    const pgr_contest_step *s = &c->steps[i];
    if (s->agent != agent || s->operation != acquire) continue;
    if (goes_on_after_error(&a, s)) begin_try(&a);
    if (!a.first) a.first = s;
    a.last = s;
    take_step(&a, s);
    if (!s->answered_ns || !is_final(s->outcome)) continue;
    a.outcome = s->outcome;
    if (!out->first || !c->doubled || out->outcome != PGR_OUTCOME_OK) *out = a;
    a = (pgr__attempt){.agent = agent, .outcome = PGR_OUTCOME_COUNT};
  }
  pgr_cast_agent(agent, out->name);
  return !a.first;
}
