/* A contest is looked at as two attempts to acquire, one of each seat; which rule fits is read off their outcomes,
 * waits and errors, never off the strategy's name. A sentence says only what the steps show: what their times leave
 * open (two answers that came almost at once) is not claimed. */
#include "pgr_explain.h"

#include "attempt_internal.h"
#include "pgr_cast.h"
#include "pgr_clock.h"
#include "pgr_units.h"
#include "pgr_utf8.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef pgr_contest_step step;
typedef pgr__attempt attempt;

enum { CLAUSE_BYTES = PGR__CLAUSE_BYTES, THING_BYTES = 64 };

typedef struct teller {
  const pgr_contest *contest;
  const pgr_scenario *scenario;
  const pgr_strategy *strategy;
  char thing[THING_BYTES]; /* "conversation 7" */
  pgr_explanation *out;
} teller;

/* ---- words ---- */

static const char *possessive(uint32_t agent) {
  return agent == 1 ? "her" : "his";
}

static void say(teller *t, int sentence, const step *about, const char *fmt, ...) PGR_PRINTF(4, 5);
static void say(teller *t, int sentence, const step *about, const char *fmt, ...) {
  char text[2 * sizeof t->out->sentences[0]];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  pgr_utf8_copy(t->out->sentences[sentence], sizeof t->out->sentences[sentence], text);
  t->out->sql[sentence] = about ? about->sql : NULL;
}

static void entitle(teller *t, const char *fmt, ...) PGR_PRINTF(2, 3);
static void entitle(teller *t, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(t->out->title, sizeof t->out->title, fmt, args);
  va_end(args);
}

static const char *span(char out[PGR_TEXT_BYTES], int64_t from_ns, int64_t until_ns) {
  return pgr_format_duration(out, until_ns > from_ns ? until_ns - from_ns : 0);
}

/* "312 ms later", "90.0 µs earlier"; goes_on: the sentence has begun already. */
static const char *later_than(const step *first, const step *second, bool goes_on, char out[CLAUSE_BYTES]) {
  char duration[PGR_TEXT_BYTES];
  int64_t later_ns = second->sent_ns - first->sent_ns;
  if (later_ns <= -PGR_NS_PER_US)
    snprintf(out, CLAUSE_BYTES, "%s earlier", span(duration, second->sent_ns, first->sent_ns));
  else if (later_ns < PGR_NS_PER_US)
    snprintf(out, CLAUSE_BYTES, "%s the same moment", goes_on ? "at" : "At");
  else
    snprintf(out, CLAUSE_BYTES, "%s later", span(duration, first->sent_ns, second->sent_ns));
  return out;
}

/* "an UPDATE" */
static const char *a_statement(const step *s, char out[CLAUSE_BYTES]) {
  const char *verb = pgr__step_verb(s);
  snprintf(out, CLAUSE_BYTES, "%s %s", strchr("IU", *verb) ? "an" : "a", verb);
  return out;
}

/* What a statement does to the rows that it counts. */
static const char *counts_as(const step *s) {
  if (pgr__step_begins(s, "INSERT")) return "inserted";
  if (pgr__step_begins(s, "DELETE")) return "deleted";
  return pgr__step_begins(s, "UPDATE") ? "changed" : "returned";
}

static const char *plural(int64_t rows) {
  return rows == 1 ? "" : "s";
}

/* "ERROR 23514 (check violation), constraint C: “…”", the message without its full stop. */
static const char *error_clause(const step *s, char out[CLAUSE_BYTES]) {
  size_t len = strlen(s->error);
  if (len > 0 && s->error[len - 1] == '.') len--;
  snprintf(out, CLAUSE_BYTES, "ERROR %s%s%s%s, “%.*s”", s->sqlstate, pgr__error_words(s->sqlstate),
           *s->constraint ? ", constraint " : "", s->constraint, (int)len, s->error);
  return out;
}

/* What a step showed its agent: "read texter_id of conversation 7 and found it free". */
static const char *did(const teller *t, const step *s, char out[CLAUSE_BYTES]) {
  char sent[CLAUSE_BYTES];
  const char *column = "";
  int column_len = pgr__step_checks(s, &column);
  bool is_free = pgr__step_found_free(s), locks = pgr__step_locks_row(s);
  if (*s->sqlstate)
    snprintf(out, CLAUSE_BYTES, "sent %.20s and got ERROR %s%s", a_statement(s, sent), s->sqlstate,
             pgr__error_words(s->sqlstate));
  else if (is_free || pgr__step_found_taken(s))
    snprintf(out, CLAUSE_BYTES, "%s %.*s of %s and found it %s",
             locks ? "locked the row (SELECT … FOR UPDATE), read" : "read", column_len, column, t->thing,
             is_free ? "free" : "taken");
  else if (pgr__step_locks_advisory(s))
    snprintf(out, CLAUSE_BYTES, "took an advisory lock");
  else if (s->has_value && pgr__step_begins(s, "SELECT"))
    snprintf(out, CLAUSE_BYTES, "read from %s: %s", t->thing, s->is_null ? "NULL" : s->value);
  else if (s->rows >= 0)
    snprintf(out, CLAUSE_BYTES, "sent %.20s, which %s %lld row%s", a_statement(s, sent), counts_as(s),
             (long long)s->rows, plural(s->rows));
  else
    snprintf(out, CLAUSE_BYTES, "sent %.20s", a_statement(s, sent));
  return out;
}

/* The most telling step of an attempt: what it saw, else what it wrote, else its first. */
static const step *telling(const attempt *a) {
  if (a->early_read) return a->early_read;
  return a->read ? a->read : a->write ? a->write : a->first;
}

/* When `s` was sent, seen from the other's attempt: "before Ada had written, ", "" when it came after it. */
static const char *before_what(const attempt *other, const step *s, char out[CLAUSE_BYTES]) {
  *out = '\0';
  if (other->write && s->sent_ns < other->write->sent_ns)
    snprintf(out, CLAUSE_BYTES, "before %s had written, ", other->name);
  else if (other->effect && other->effect != other->write && s->sent_ns < other->effect->sent_ns)
    snprintf(out, CLAUSE_BYTES, "before %s had committed, ", other->name);
  else if (other->effect && s->sent_ns < other->effect->answered_ns)
    snprintf(out, CLAUSE_BYTES, "while %s's %s was under way, ", other->name, pgr__step_verb(other->effect));
  return out;
}

/* Sentence 0: what the first of the two did; 1: the second, when both looked and found it free. */
static void say_second_look(teller *t, int sentence, const attempt *one, const attempt *two) {
  char words[CLAUSE_BYTES], before[CLAUSE_BYTES], later[CLAUSE_BYTES];
  const step *first = telling(one), *second = telling(two);
  later_than(first, second, false, later);
  before_what(one, second, before);
  if (pgr__step_found_free(first) && pgr__step_found_free(second))
    say(t, sentence, second, "%s, %s%s read it too and found it free as well.", later, before, two->name);
  else
    say(t, sentence, second, "%s, %s%s %s.", later, before, two->name, did(t, second, words));
}

/* Both found it free: in one sentence, the later look's SQL. false when it was not so. */
static bool say_both_looked(teller *t, int sentence, const attempt *a, const attempt *b) {
  char words[CLAUSE_BYTES], before[CLAUSE_BYTES], later[CLAUSE_BYTES];
  bool in_order = telling(a)->sent_ns <= telling(b)->sent_ns;
  const attempt *one = in_order ? a : b, *two = in_order ? b : a;
  const step *first = telling(one), *second = telling(two);
  if (!pgr__step_found_free(first) || !pgr__step_found_free(second)) return false;
  say(t, sentence, second, "%s %s; %s, %s%s read it too and found it free as well.", one->name, did(t, first, words),
      later_than(first, second, true, later), before_what(one, second, before), two->name);
  return true;
}

static void say_opening(teller *t, const attempt *a, const attempt *other) {
  char words[CLAUSE_BYTES];
  if (other && say_both_looked(t, 0, other, a)) return;
  const attempt *who = other ? other : a;
  const step *s = who->lock && !*who->lock->sqlstate ? who->lock : telling(who);
  if (who->read && pgr__step_locks_row(s)) s = who->read;
  say(t, 0, s, "%s %s.", who->name, did(t, s, words));
}

/* What it waited for, and how long the statement took: "waited for Ada's lock, until her COMMIT (12.0 ms in all)". When
 * the wait itself began is known only as well as it was looked for. */
static const char *wait_clause(const step *s, const attempt *other, char out[CLAUSE_BYTES]) {
  char duration[PGR_TEXT_BYTES];
  span(duration, s->sent_ns, s->answered_ns);
  const step *end = other && other->transaction ? other->effect : NULL;
  bool for_other = other && s->waits_for == other->agent;
  const char *probably = s->inferred ? "probably " : "";
  if (for_other && end && end->sent_ns <= s->answered_ns && end->sent_ns >= s->sent_ns)
    snprintf(out, CLAUSE_BYTES, "%swaited for %s's lock, until %s COMMIT (%s in all)", probably, other->name,
             possessive(other->agent), duration);
  else if (for_other)
    snprintf(out, CLAUSE_BYTES, "%swaited for %s's lock (%s in all)", probably, other->name, duration);
  else
    snprintf(out, CLAUSE_BYTES, "waited for a lock (%s in all)", duration);
  return out;
}

/* ---- a second owner ---- */

/* "At READ COMMITTED ", for what a transaction saw. */
static const char *level(const teller *t, const attempt *a, char out[CLAUSE_BYTES]) {
  *out = '\0';
  if (!t->strategy || !a->transaction) return out;
  snprintf(out, CLAUSE_BYTES, "At %s ", pgr_isolation_name(t->strategy->first));
  for (char *c = out + strlen("At "); *c; c++)
    *c = (char)toupper((unsigned char)*c);
  return out;
}

static void say_last_write(teller *t, const attempt *earlier, const attempt *later) {
  static const char both[] = "both had been told that it is theirs";
  char wait[CLAUSE_BYTES], where[CLAUSE_BYTES], at[CLAUSE_BYTES];
  const step *w = later->write;
  const char *verb = pgr__step_verb(w), *replaced = earlier->agent == 1 ? "her" : "him";
  bool updates = pgr__step_begins(w, "UPDATE") && pgr__step_begins(earlier->write, "UPDATE");
  bool transactions = earlier->transaction && later->transaction;
  if (w->waits_ns && updates && *pgr__step_condition(w, where))
    say(t, 2, w, "%s%s's UPDATE %s, found that its WHERE%s still held, and replaced %s: the row names %s, but %s.",
        level(t, later, at), later->name, wait_clause(w, earlier, wait), where, replaced, later->name, both);
  else if (!w->waits_ns && w->sent_ns < earlier->effect->answered_ns)
    say(t, 2, w, "%s's and %s's %s were under way at the same time and both succeeded%s; %s.", earlier->name,
        later->name, transactions ? "transactions" : verb, updates ? ", so one replaced the other" : "", both);
  else if (updates)
    say(t, 2, w, "%s's UPDATE took effect after %s's and replaced %s; %s.", later->name, earlier->name, replaced, both);
  else
    say(t, 2, w, "%s's %s took effect after %s's; %s.", later->name, verb, earlier->name, both);
}

static void tell_doubled(teller *t, const attempt *a, const attempt *b) {
  char words[CLAUSE_BYTES];
  bool a_first = telling(a)->sent_ns <= telling(b)->sent_ns;
  const attempt *one = a_first ? a : b, *two = a_first ? b : a;
  entitle(t, "Two agents own %s", t->thing);
  say(t, 0, telling(one), "%s %s.", one->name, did(t, telling(one), words));
  say_second_look(t, 1, one, two);
  if (!one->effect || !two->effect) {
    say(t, 2, NULL, "Both were told that it is theirs.");
    return;
  }
  bool in_order = one->effect->answered_ns <= two->effect->answered_ns;
  say_last_write(t, in_order ? one : two, in_order ? two : one);
}

/* ---- told no ---- */

/* Whether NOWAIT met the other's lock, which it has from its SELECT … FOR UPDATE to its transaction's end. */
static bool met_lock(const attempt *other, const step *error) {
  const step *end = other->effect ? other->effect : other->last;
  return strcmp(error->sqlstate, "55P03") == 0 && other->lock && !*other->lock->sqlstate &&
         other->lock->answered_ns <= error->answered_ns && error->sent_ns <= end->answered_ns;
}

static void say_rejected(teller *t, const attempt *a, const attempt *other) {
  const step *e = a->error;
  char error[CLAUSE_BYTES], wait[CLAUSE_BYTES], duration[PGR_TEXT_BYTES];
  const char *verb = pgr__step_verb(e);
  error_clause(e, error);
  const char *nowait = pgr__contains(e->sql, "NOWAIT") ? " with NOWAIT" : "";
  span(duration, e->sent_ns, e->answered_ns);
  if (other && met_lock(other, e) && e->sent_ns < other->lock->sent_ns)
    say(t, 1, e, "%s had asked for that lock, too,%s and was answered within %s: %s.", a->name, nowait, duration,
        error);
  else if (other && met_lock(other, e))
    say(t, 1, e, "%s, while %s held that lock, %s asked for it%s and was answered within %s: %s.",
        later_than(other->lock, e, false, wait), other->name, a->name, nowait, duration, error);
  else if (e->waits_ns)
    say(t, 1, e, "%s's %s %s; then the database said no: %s.", a->name, verb, wait_clause(e, other, wait), error);
  else if (other && other->effect && other->effect->answered_ns <= e->answered_ns &&
           t->out->sql[0] != other->write->sql)
    say(t, 1, e, "%s's %s took effect; to %s's %s the database said no: %s.", other->name, pgr__step_verb(other->write),
        a->name, verb, error);
  else
    say(t, 1, e, "To %s's %s the database said no: %s.", a->name, verb, error);
}

static void tell_rejection(teller *t, const attempt *a, const attempt *other) {
  char keeps[CLAUSE_BYTES] = "";
  uint8_t acquire = (uint8_t)t->scenario->ownership.acquire;
  const pgr_rejection *r = pgr_scenario_rejection(t->scenario, a->error->sqlstate, a->error->constraint);
  entitle(t, "The database rejected %s's claim of %s", a->name, t->thing);
  say_opening(t, a, other);
  say_rejected(t, a, other);
  if (other && other->outcome == PGR_OUTCOME_OK)
    snprintf(keeps, sizeof keeps, ", and %s alone was told that it is %s", other->name,
             other->agent == 1 ? "hers" : "his");
  say(t, 2, NULL, "The application knows this error by its SQLSTATE%s: %s was shown “%s”%s.",
      r && r->constraint ? " and constraint" : "", a->name,
      pgr_cast_message(t->scenario, acquire, PGR_OUTCOME_REJECTED, r), keeps);
}

/* Why SKIP LOCKED left it nothing: what the times of the other's write leave open is not decided. other: may be NULL.
 */
static void say_skipped(teller *t, int sentence, const attempt *a, const attempt *other) {
  const step *w = a->write, *effect = other ? other->effect : NULL;
  bool was_locked = effect && other->write != effect && other->write->answered_ns <= w->sent_ns;
  if (!effect || (effect->answered_ns && effect->answered_ns <= w->sent_ns))
    say(t, sentence, w,
        "The row was taken already, so there was nothing to lock or to pass over (SKIP LOCKED): %s's UPDATE changed 0 "
        "rows, and the application refused.",
        a->name);
  else if (was_locked && w->answered_ns <= effect->sent_ns)
    say(t, sentence, w,
        "%s's UPDATE passed over the row, which %s had locked (SKIP LOCKED), and changed 0 rows, so the application "
        "refused.",
        a->name, other->name);
  else
    say(t, sentence, w,
        "%s's UPDATE passed over the row, which %s was locking or had taken by then (SKIP LOCKED), and changed 0 rows, "
        "so the application refused.",
        a->name, other->name);
}

/* What it saw that made its application refuse. other: may be NULL. */
static void say_refused(teller *t, int sentence, const attempt *a, const attempt *other) {
  char where[CLAUSE_BYTES];
  const step *w = a->write;
  const char *column, *verb = w ? pgr__step_verb(w) : "";
  if (w && w->rows == 0 && pgr__contains(w->sql, "SKIP LOCKED"))
    say_skipped(t, sentence, a, other);
  else if (w && w->rows == 0 && w->inferred && *pgr__step_condition(w, where))
    say(t, sentence, w,
        "After such a wait PostgreSQL looks at the WHERE%s again, on the row as it is by then: 0 rows, so the "
        "application refused.",
        where);
  else if (w && w->rows == 0 && w->waits_ns && *pgr__step_condition(w, where))
    say(t, sentence, w,
        "Then PostgreSQL looked at its WHERE%s again, on the row as it was by then: 0 rows, so the "
        "application refused.",
        where);
  else if (w && w->rows == 0 && *pgr__step_condition(w, where))
    say(t, sentence, w, "%s's %s found no row for its WHERE%s: 0 rows, so the application refused.", a->name, verb,
        where);
  else if (w && w->rows == 0 && pgr__contains(w->sql, "ON CONFLICT DO NOTHING"))
    say(t, sentence, w,
        "A constraint allows no second such row; told ON CONFLICT DO NOTHING, %s's INSERT raised no error and inserted "
        "0 rows, so the application refused.",
        a->name);
  else if (w && w->rows == 0)
    say(t, sentence, w, "%s's %s %s 0 rows, so the application refused.", a->name, verb, counts_as(w));
  else if (pgr__step_found_taken(a->read))
    say(t, sentence, a->read, "%s%s's SELECT found %.*s taken, so the application refused and wrote nothing.",
        a->waited && !a->waited->inferred ? "Then " : "", a->name, pgr__step_checks(a->read, &column),
        a->read->sql + strlen("SELECT "));
  else
    say(t, sentence, a->last, "%s's application saw that it may not, and refused.", a->name);
}

static void tell_wait(teller *t, const attempt *a, const attempt *other) {
  char wait[CLAUSE_BYTES], later[CLAUSE_BYTES], sent[CLAUSE_BYTES], statement[CLAUSE_BYTES];
  const step *first = other->lock ? other->lock : other->first;
  bool same_advisory = pgr__step_locks_advisory(first) && pgr__step_locks_advisory(a->waited);
  if (a->waited->inferred)
    entitle(t, "%s was refused", a->name);
  else if (a->waited->waits_for == other->agent)
    entitle(t, "%s waited for %s, and was refused", a->name, other->name);
  else
    entitle(t, "%s waited, and was refused", a->name);
  say_opening(t, a, other);
  if (pgr__step_locks_row(first)) t->out->sql[0] = first->sql;
  snprintf(sent, sizeof sent, "sent %.20s, which", a_statement(a->waited, statement));
  const char *what = same_advisory                    ? "asked for the same lock and"
                     : pgr__step_locks_row(a->waited) ? "wanted to lock the same row and"
                                                      : sent;
  say(t, 1, a->waited, "%s %s %s %s.", later_than(first, a->waited, false, later), a->name, what,
      wait_clause(a->waited, other, wait));
  say_refused(t, 2, a, other);
}

static void tell_retry(teller *t, const attempt *a, const attempt *other) {
  char error[CLAUSE_BYTES], wait[CLAUSE_BYTES], words[CLAUSE_BYTES];
  const step *e = a->again;
  entitle(t, "%s had to try again", a->name);
  say_opening(t, a, other);
  error_clause(e, error);
  if (e->waits_ns)
    say(t, 1, e, "%s's %s %s; then it failed: %s.", a->name, pgr__step_verb(e), wait_clause(e, other, wait), error);
  else if (strcmp(e->sqlstate, "40001") == 0 && other->effect && other->effect->answered_ns <= e->answered_ns)
    say(t, 1, e, "%s's %s had come meanwhile, so %s's %s failed: %s.", other->name, pgr__step_verb(other->effect),
        a->name, pgr__step_verb(e), error);
  else
    say(t, 1, e, "%s's %s failed: %s.", a->name, pgr__step_verb(e), error);
  const step *s = a->read ? a->read : a->write ? a->write : a->last;
  const char *end = a->outcome == PGR_OUTCOME_OK        ? ", and was told that it is"
                    : a->outcome == PGR_OUTCOME_REFUSED ? ", so the application refused"
                                                        : ", and the database rejected it";
  say(t, 2, s, "The application did it again from the start: %s %s%s%s.", a->name, did(t, s, words), end,
      a->outcome != PGR_OUTCOME_OK ? ""
      : a->agent == 1              ? " hers"
                                   : " his");
}

static void tell_refusal(teller *t, const attempt *a, const attempt *other) {
  char words[CLAUSE_BYTES], later[CLAUSE_BYTES], before[CLAUSE_BYTES];
  entitle(t, "%s was refused", a->name);
  const step *w = other->write ? other->write : other->last, *s = a->lock ? a->lock : telling(a);
  if (say_both_looked(t, 0, other, a)) {
    say(t, 1, w, "%s %s.", other->name, did(t, w, words));
  } else {
    say_opening(t, a, other);
    bool earlier = s->sent_ns < other->first->sent_ns;
    say(t, 1, s, "%s, %s%s sent %s.", later_than(other->first, s, false, later),
        earlier ? "" : before_what(other, s, before), a->name, a_statement(s, words));
  }
  say_refused(t, 2, a, other);
}

/* ---- the rest ---- */

/* Nobody else was at it. */
static void tell_lone(teller *t, const attempt *a) {
  char words[CLAUSE_BYTES], other[PGR_CAST_NAME_BYTES];
  pgr_cast_agent(a->agent == 1 ? 2 : 1, other);
  if (a->outcome == PGR_OUTCOME_REJECTED) {
    tell_rejection(t, a, NULL);
    return;
  }
  entitle(t, "%s was refused", a->name);
  say(t, 0, telling(a), "%s %s.", a->name, did(t, telling(a), words));
  say_refused(t, 1, a, NULL);
  say(t, 2, NULL, "%s sent nothing to %s meanwhile: nothing raced.", other, t->thing);
}

static void tell_failure(teller *t, const attempt *a, const attempt *other) {
  char error[CLAUSE_BYTES];
  bool lost = a->outcome == PGR_OUTCOME_UNKNOWN;
  entitle(t, lost ? "Nobody knows how %s's claim ended" : "%s's claim failed", a->name);
  say_opening(t, a, other);
  if (a->error)
    say(t, 1, a->error, "%s's %s failed: %s.", a->name, pgr__step_verb(a->error), error_clause(a->error, error));
  else
    say(t, 1, a->last, "%s's last statement, %s, was not answered.", a->name, pgr__step_verb(a->last));
  if (lost)
    say(t, 2, NULL, "The connection was lost: what was sent may have taken effect, or not.");
  else
    say(t, 2, NULL, "The application does not expect this error: it is a bug, not a refusal.");
}

static void say_ending(teller *t, int sentence, const attempt *a, const attempt *other) {
  char words[CLAUSE_BYTES];
  const step *s = a->write ? a->write : a->last;
  if (a->outcome == PGR_OUTCOME_OK)
    say(t, sentence, s, "%s %s, and was told that it is %s.", a->name, did(t, s, words),
        a->agent == 1 ? "hers" : "his");
  else
    say_refused(t, sentence, a, other);
}

static void tell_in_turn(teller *t, const attempt *one, const attempt *two) {
  char between[PGR_TEXT_BYTES];
  entitle(t, "One after the other");
  say_ending(t, 0, one, two);
  say(t, 1, two->first, "That had ended %s before %s began: their statements did not overlap.",
      span(between, one->last->answered_ns, two->first->sent_ns), two->name);
  say_ending(t, 2, two, one);
}

static void tell_plainly(teller *t, const attempt *a, const attempt *b) {
  char words[CLAUSE_BYTES];
  bool a_first = a->last->answered_ns <= b->last->answered_ns;
  const attempt *one = a_first ? a : b, *two = a_first ? b : a;
  entitle(t, "Both were at %s", t->thing);
  say(t, 0, telling(one), "%s %s.", one->name, did(t, telling(one), words));
  say_ending(t, 1, one, two);
  say_ending(t, 2, two, one);
}

/* ---- which of them ---- */

static const attempt *ended(const attempt *a, const attempt *b, pgr_outcome outcome) {
  return a->outcome == outcome ? a : b->outcome == outcome ? b : NULL;
}

static bool waited_in_vain(const attempt *a) {
  return a->outcome == PGR_OUTCOME_REFUSED && a->waited && !a->again;
}

static void tell(teller *t, const attempt *a, const attempt *b) {
  const attempt *rejected = ended(a, b, PGR_OUTCOME_REJECTED), *refused = ended(a, b, PGR_OUTCOME_REFUSED);
  const attempt *failed = ended(a, b, PGR_OUTCOME_FAILED), *unknown = ended(a, b, PGR_OUTCOME_UNKNOWN);
  const attempt *waited = waited_in_vain(a) ? a : waited_in_vain(b) ? b : NULL;
  const attempt *again = a->again ? a : b->again ? b : NULL;
  const attempt *broken = failed ? failed : unknown;
  bool in_turn = a->last->answered_ns <= b->first->sent_ns || b->last->answered_ns <= a->first->sent_ns;
#define OTHER(x) ((x) == a ? b : a)
  if (t->contest->doubled)
    tell_doubled(t, a, b);
  else if (rejected && rejected->error)
    tell_rejection(t, rejected, OTHER(rejected));
  else if (waited)
    tell_wait(t, waited, OTHER(waited));
  else if (broken)
    tell_failure(t, broken, OTHER(broken));
  else if (again)
    tell_retry(t, again, OTHER(again));
  else if (refused && !in_turn)
    tell_refusal(t, refused, OTHER(refused));
  else if (in_turn)
    tell_in_turn(t, a->last->answered_ns <= b->first->sent_ns ? a : b,
                 a->last->answered_ns <= b->first->sent_ns ? b : a);
  else
    tell_plainly(t, a, b);
#undef OTHER
}

bool pgr_explain(const pgr_contest *c, const pgr_scenario *s, const pgr_strategy *strategy, pgr_explanation *out) {
  attempt seats[PGR_SEATS];
  if (!c->number || !s->ownership.declared) return false;
  for (uint32_t i = 0; i < PGR_SEATS; i++)
    if (!pgr__attempt_gather(c, s->ownership.acquire, i + 1, &seats[i])) return false;
  const attempt *a = &seats[0], *b = &seats[1];
  if (!a->first && !b->first) return false;
  const attempt *lone = !a->first ? b : !b->first ? a : NULL;
  if (lone && lone->outcome != PGR_OUTCOME_REFUSED && !(lone->outcome == PGR_OUTCOME_REJECTED && lone->error))
    return false;
  teller t = {.contest = c, .scenario = s, .strategy = strategy, .out = out};
  snprintf(t.thing, sizeof t.thing, "%s %lld", s->key.name, (long long)c->key);
  *out = (pgr_explanation){0};
  if (lone)
    tell_lone(&t, lone);
  else
    tell(&t, a, b);
  return true;
}
