/* The inbox played by itself: both agents want one conversation, and are let go in turns, a statement each. The loop
 * has no thread: it is turned here, also while a reader reads, so that nothing of it starves.
 *
 * What happens is queued as it comes (a COMMIT ends two agents' waiting at once) and printed at the reader's pace. */
#include "demo_terminal.h"

#include "demo_columns.h"
#include "pgr_cast.h"
#include "pgr_clock.h"
#include "pgr_explain.h"
#include "pgr_inbox.h"
#include "pgr_interrupt.h"
#include "pgr_utf8.h"
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { LINES_MAX = 32, ANSWER_BYTES = 64 };

static const int64_t PACE_NS = 700 * PGR_NS_PER_MS, PATIENCE_NS = 20 * PGR_NS_PER_S;

typedef struct line {
  uint32_t agent;
  int number; /* of the statement; 0: none */
  pgr_demo_style style;
  char text[PGR_MOMENT_SQL_BYTES], answer[ANSWER_BYTES];
} line;

/* What a seat has sent and not been answered. */
typedef struct sent {
  char sql[PGR_MOMENT_SQL_BYTES];
  int number;
  bool waits; /* its line is printed */
} sent;

typedef struct show {
  pgr_demo_columns columns;
  pgr_loop *loop;
  pgr_inbox *inbox;
  const pgr_scenario *scenario;
  const char *order; /* what is left of --order */
  int64_t pace_ns;
  pgr_watch interrupt;
  pgr_timer timer;
  bool interrupted, time_is_up, away;
  char why[200]; /* away */
  line lines[LINES_MAX];
  int line_count;
  /* of the strategy that is shown */
  const pgr_strategy *strategy;
  int64_t key;
  int number;   /* of the last statement */
  int expected; /* of the statement that a seat was let go with; it is sent a turn of the loop later */
  sent sent[PGR_SEATS];
  pgr_outcome told[PGR_SEATS]; /* of the claim; PGR_OUTCOME_COUNT: not yet */
  uint32_t answered[PGR_SEATS];
  int answer_count;
  pgr_buf raced, held; /* names of strategies that were shown */
  bool unexpected, no_race;
} show;

/* ---- turning the loop ---- */

static void on_interrupt(pgr_watch *w, unsigned events) {
  (void)events;
  show *s = (show *)((char *)w - offsetof(show, interrupt));
  s->interrupted = true;
  pgr_watch_end(s->loop, w); /* it stays readable */
}

static void on_time(pgr_timer *t) {
  ((show *)((char *)t - offsetof(show, timer)))->time_is_up = true;
}

/* Turns the loop until `over`, or for_ns have passed: *late then. */
static pgr_code turn(show *s, bool (*over)(const show *s), int64_t for_ns, bool *late, pgr_err *err) {
  s->time_is_up = false;
  *late = false;
  if (pgr_timer_start(s->loop, &s->timer, pgr_now_ns() + for_ns)) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_code code = PGR_OK;
  while (!code && !*late && !(over && over(s))) {
    pgr_loop_turn(s->loop, true);
    *late = s->time_is_up;
    if (s->interrupted)
      code = pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
    else if (s->away)
      code = pgr_fail(err, PGR_EDATABASE, "the demo's database is gone: %s", s->why);
  }
  pgr_timer_cancel(s->loop, &s->timer);
  return code;
}

/* As turn, of what must come about. what: "the connections", for the message. */
static pgr_code await(show *s, bool (*over)(const show *s), const char *what, pgr_err *err) {
  bool late;
  pgr_code code = turn(s, over, PATIENCE_NS, &late, err);
  if (!code && late)
    code = pgr_fail(err, PGR_EDATABASE, "%s: nothing came of %s in %d s; is the server overloaded?", s->strategy->name,
                    what, (int)(PATIENCE_NS / PGR_NS_PER_S));
  return code;
}

static pgr_code check_output(const show *s, pgr_err *err) {
  if (!s->columns.error) return PGR_OK;
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot write the story to standard output: %s", strerror(s->columns.error));
}

/* Time to read what was just printed; longer: a whole sentence. */
static pgr_code let_read(show *s, bool longer, pgr_err *err) {
  bool late;
  pgr_code code = check_output(s, err);
  if (code || s->pace_ns == 0) return code;
  return turn(s, NULL, longer ? 2 * s->pace_ns : s->pace_ns, &late, err);
}

/* ---- what happens ---- */

static line *add_line(show *s, uint32_t agent, pgr_demo_style style, const char *text) {
  assert(s->line_count < LINES_MAX);
  line *l = &s->lines[s->line_count++];
  *l = (line){.agent = agent, .style = style};
  pgr_utf8_copy(l->text, sizeof l->text, text);
  return l;
}

/* "free", of "SELECT texter_id IS NULL AS free FROM …". */
static int name_of_value(const char *sql, const char **name) {
  const char *as = strstr(sql, " AS "), *from = strstr(sql, " FROM ");
  if (!as || (from && from < as)) return 0;
  *name = as + strlen(" AS ");
  return (int)strcspn(*name, " ,;");
}

static void describe_answer(const pgr_moment *m, const char *sql, char out[ANSWER_BYTES]) {
  const char *name = "";
  int len = name_of_value(sql, &name);
  char value[ANSWER_BYTES / 2];
  *out = '\0';
  pgr_utf8_copy(value, sizeof value, m->value ? m->value : "NULL");
  if (*m->sqlstate)
    snprintf(out, ANSWER_BYTES, "ERROR %s", m->sqlstate);
  else if (m->has_value && strncmp(sql, "SELECT", 6) == 0 && *value)
    snprintf(out, ANSWER_BYTES, "%.*s%s%s", len < 24 ? len : 24, name, len ? ": " : "", value);
  else if (m->rows >= 0)
    snprintf(out, ANSWER_BYTES, "%lld row%s", (long long)m->rows, m->rows == 1 ? "" : "s");
}

static bool begins_or_ends(const char *sql) {
  return strncmp(sql, "BEGIN", 5) == 0 || strncmp(sql, "COMMIT", 6) == 0 || strncmp(sql, "ROLLBACK", 8) == 0;
}

static pgr_demo_style style_of(const char *sql) {
  return begins_or_ends(sql) ? PGR_DEMO_DIM : PGR_DEMO_PLAIN;
}

static void on_waits(show *s, const pgr_moment *m) {
  sent *t = &s->sent[m->agent - 1];
  char name[PGR_CAST_NAME_BYTES] = "a lock";
  if (t->waits) return;
  if (m->for_agent) pgr_cast_agent(m->for_agent, name);
  line *l = add_line(s, m->agent, style_of(t->sql), t->sql);
  l->number = t->number;
  snprintf(l->answer, sizeof l->answer, "… waits for %s", name);
  t->waits = true;
}

static void on_answered(show *s, const pgr_moment *m) {
  sent *t = &s->sent[m->agent - 1];
  line *l = add_line(s, m->agent, style_of(t->sql), t->waits ? "… goes on" : t->sql);
  if (!t->waits) l->number = t->number;
  describe_answer(m, t->sql, l->answer);
  if (*m->error) add_line(s, m->agent, PGR_DEMO_ERROR, m->error);
  t->waits = false;
}

static void on_told(show *s, const pgr_moment *m) {
  const pgr_ownership *o = &s->scenario->ownership;
  char text[PGR_MOMENT_SQL_BYTES];
  bool ok = m->outcome == PGR_OUTCOME_OK;
  if (m->operation == o->acquire && m->outcome != PGR_OUTCOME_RETRIED) s->told[m->agent - 1] = m->outcome;
  if (ok && m->operation != o->acquire && m->operation != o->release) {
    s->answered[s->answer_count++ % PGR_SEATS] = m->agent;
    snprintf(text, sizeof text, "→ “%s”", pgr_cast_answer(m->key, m->agent));
  } else {
    snprintf(text, sizeof text, "%s %s", ok ? "✔" : m->outcome == PGR_OUTCOME_RETRIED ? "↻" : "✘", m->message);
  }
  add_line(s, m->agent, ok ? PGR_DEMO_GOOD : PGR_DEMO_BOLD, text);
}

static void on_moment(void *user, const pgr_moment *m) {
  show *s = user;
  if (m->agent < 1 || m->agent > PGR_SEATS || s->line_count + 2 > LINES_MAX) return;
  sent *t = &s->sent[m->agent - 1];
  switch (m->kind) {
  case PGR_MOMENT_SENT:
    pgr_utf8_copy(t->sql, sizeof t->sql, m->sql);
    t->number = ++s->number;
    t->waits = false;
    break;
  case PGR_MOMENT_WAITS: on_waits(s, m); break;
  case PGR_MOMENT_ANSWERED: on_answered(s, m); break;
  case PGR_MOMENT_TOLD: on_told(s, m); break;
  case PGR_MOMENT_STARTED:
  case PGR_MOMENT_PARKED:
  case PGR_MOMENT_PAUSED:
  case PGR_MOMENT_DOUBLED:
  case PGR_MOMENT_KIND_COUNT: break;
  }
}

static void on_change(void *user) {
  (void)user; /* the state is asked for */
}

static void on_away(void *user, const char *why) {
  show *s = user;
  s->away = true;
  pgr_utf8_copy(s->why, sizeof s->why, why);
}

/* What `agent` did comes first, whichever answer was read first: it is what let the other go on. */
static pgr_code print_lines(show *s, uint32_t agent, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (int pass = 0; pass < 2; pass++) {
    for (int i = 0; !code && i < s->line_count; i++) {
      const line *l = &s->lines[i];
      if ((l->agent == agent) != (pass == 0)) continue;
      pgr_demo_columns_line(&s->columns, l->agent, l->number, l->text, l->answer, l->style);
      code = let_read(s, false, err);
    }
  }
  s->line_count = 0;
  return code;
}

/* ---- steps ---- */

/* The inbox refuses what cannot be done now; nobody asked for it but us, so it is the database's doing. */
static pgr_code done(pgr_code code, pgr_err *err) {
  if (code != PGR_EUSAGE) return code;
  err->code = PGR_EDATABASE;
  return PGR_EDATABASE;
}

static bool is_ready(const show *s) {
  pgr_inbox_state now;
  pgr_inbox_state_of(s->inbox, &now);
  return now.database == PGR_INBOX_READY;
}

/* Nobody does anything by himself any more. */
static bool is_settled(const show *s) {
  pgr_inbox_state now;
  if (s->number < s->expected) return false;
  pgr_inbox_state_of(s->inbox, &now);
  for (int i = 0; i < PGR_SEATS; i++)
    if (now.seats[i].busy && !now.seats[i].parked && !now.seats[i].waits) return false;
  return true;
}

static bool nobody_waits(const show *s) {
  pgr_inbox_state now;
  pgr_inbox_state_of(s->inbox, &now);
  for (int i = 0; i < PGR_SEATS; i++)
    if (now.seats[i].waits) return false;
  return is_settled(s);
}

/* Who goes: as --order says while it can be done, else in turns. 0: nobody can. */
static uint32_t choose(show *s, uint32_t last) {
  pgr_inbox_state now;
  pgr_inbox_state_of(s->inbox, &now);
  while (*s->order) {
    uint32_t named = (uint32_t)(*s->order++ - 'A') + 1;
    if (now.seats[named - 1].parked) return named;
  }
  uint32_t other = last == 1 ? 2 : 1;
  if (now.seats[other - 1].parked) return other;
  return last && now.seats[last - 1].parked ? last : 0;
}

/* One statement of the agent's. One that ends a transaction also ends the waiting for its locks, which shows a moment
 * later. */
static pgr_code step(show *s, uint32_t agent, pgr_err *err) {
  pgr_code code = done(pgr_inbox_step(s->inbox, agent, err), err);
  s->expected = s->number + 1;
  if (!code) code = await(s, is_settled, "a statement", err);
  const char *sql = s->sent[agent - 1].sql;
  if (!code && begins_or_ends(sql) && strncmp(sql, "BEGIN", 5) != 0) code = await(s, nobody_waits, "a lock", err);
  return code ? code : print_lines(s, agent, err);
}

static pgr_code step_to_the_end(show *s, uint32_t first, pgr_err *err) {
  uint32_t agent = first == 1 ? 2 : 1; /* who went last */
  pgr_code code = await(s, is_settled, "a claim", err);
  while (!code && (agent = choose(s, agent)) != 0)
    code = step(s, agent, err);
  return code ? code : await(s, nobody_waits, "a lock", err);
}

/* ---- the story ---- */

static pgr_code say(show *s, const char *mark, const char *words, pgr_demo_style style, pgr_err *err) {
  pgr_demo_columns_words(&s->columns, mark, words, style);
  return let_read(s, true, err);
}

static pgr_code begin_story(show *s, pgr_err *err) {
  char words[400];
  pgr_inbox_state now;
  pgr_code code = done(pgr_inbox_arrive(s->inbox, 1, err), err);
  if (code) return code;
  pgr_inbox_state_of(s->inbox, &now);
  s->key = now.last;
  pgr_demo_columns_heading(&s->columns, s->strategy->name, s->strategy->summary);
  snprintf(words, sizeof words, "%s asks: “%s” Ada and Ben both see %s %lld open and claim it.",
           pgr_cast_customer(s->key), pgr_cast_question(s->key), s->scenario->key.name, (long long)s->key);
  pgr_demo_columns_words(&s->columns, "", words, PGR_DEMO_PLAIN);
  pgr_demo_columns_blank(&s->columns);
  pgr_demo_columns_seats(&s->columns);
  return let_read(s, false, err);
}

/* What is on the customer's phone. */
static pgr_code show_phone(show *s, pgr_err *err) {
  char words[120];
  snprintf(words, sizeof words, "On %s's phone", pgr_cast_customer(s->key));
  pgr_demo_columns_blank(&s->columns);
  pgr_demo_columns_words(&s->columns, "", words, PGR_DEMO_DIM);
  pgr_demo_columns_bubble(&s->columns, 0, pgr_cast_question(s->key));
  pgr_code code = let_read(s, false, err);
  for (int i = 0; !code && i < s->answer_count && i < PGR_SEATS; i++) {
    pgr_demo_columns_bubble(&s->columns, s->answered[i], pgr_cast_answer(s->key, s->answered[i]));
    code = let_read(s, false, err);
  }
  if (code || s->answer_count < 2 || !s->scenario->broken) return code;
  snprintf(words, sizeof words, "✗ %s", s->scenario->broken);
  return say(s, "", words, PGR_DEMO_BROKEN, err);
}

static pgr_code explain(show *s, pgr_err *err) {
  pgr_explanation told;
  const pgr_contest *c = pgr_inbox_contest(s->inbox);
  if (!c || !pgr_explain(c, s->scenario, s->strategy, &told)) return PGR_OK;
  char title[sizeof told.title + 8];
  bool doubled = c->doubled != 0;
  snprintf(title, sizeof title, "%s %s", doubled ? "✗" : "✔", told.title);
  pgr_demo_columns_blank(&s->columns);
  pgr_code code = say(s, "", title, doubled ? PGR_DEMO_BROKEN : PGR_DEMO_BOLD, err);
  for (int i = 0; !code && i < PGR_SENTENCES; i++) {
    char mark[8];
    snprintf(mark, sizeof mark, "%d.", i + 1);
    if (*told.sentences[i]) code = say(s, mark, told.sentences[i], PGR_DEMO_PLAIN, err);
  }
  return code;
}

/* The one who was told no gets it once the other is done. */
static pgr_code try_again(show *s, pgr_err *err) {
  bool ada = s->told[0] == PGR_OUTCOME_OK, ben = s->told[1] == PGR_OUTCOME_OK;
  if (s->scenario->ownership.release < 0 || ada == ben) return PGR_OK;
  char words[200], owner[PGR_CAST_NAME_BYTES], other[PGR_CAST_NAME_BYTES];
  uint32_t from = ada ? 1 : 2, to = ada ? 2 : 1;
  pgr_cast_agent(from, owner);
  pgr_cast_agent(to, other);
  snprintf(words, sizeof words, "%s gives it back. %s claims it once more:", owner, other);
  pgr_demo_columns_blank(&s->columns);
  pgr_code code = say(s, "", words, PGR_DEMO_PLAIN, err);
  if (!code) code = done(pgr_inbox_release(s->inbox, from, s->key, err), err);
  if (!code) code = step_to_the_end(s, from, err);
  if (!code) code = done(pgr_inbox_claim(s->inbox, to, s->key, err), err);
  return code ? code : step_to_the_end(s, to, err);
}

static void judge(show *s, bool raced) {
  pgr_expect expect = s->strategy->at[s->strategy->first].expect;
  pgr_buf *list = raced ? &s->raced : &s->held;
  pgr_buf_addf(list, "%s%s", list->len ? ", " : "", s->strategy->name);
  s->unexpected |= raced && expect == PGR_EXPECT_SAFE;
  s->no_race |= !raced && expect == PGR_EXPECT_RACE;
}

static pgr_code tell_strategy(show *s, pgr_err *err) {
  pgr_code code = begin_story(s, err);
  pgr_inbox_set_stepping(s->inbox, true);
  if (!code) code = done(pgr_inbox_claim(s->inbox, 1, s->key, err), err);
  if (!code) code = done(pgr_inbox_claim(s->inbox, 2, s->key, err), err);
  if (!code) code = step_to_the_end(s, 1, err);
  if (code) return code;
  bool raced = pgr_inbox_contest(s->inbox)->doubled != 0;
  judge(s, raced);
  code = show_phone(s, err);
  if (!code) code = explain(s, err);
  if (!code && !raced) code = try_again(s, err);
  pgr_demo_columns_blank(&s->columns);
  return code;
}

static pgr_code show_strategy(show *s, pgr_demo_rooms *rooms, const pgr_strategy *strategy, pgr_err *err) {
  pgr_demo_room *room = NULL;
  s->strategy = strategy;
  s->number = s->expected = s->answer_count = s->line_count = 0;
  for (int i = 0; i < PGR_SEATS; i++)
    s->told[i] = PGR_OUTCOME_COUNT;
  pgr_code code = pgr_demo_rooms_enter(rooms, strategy, &room, err);
  if (!code) code = pgr_inbox_use(s->inbox, room->place.target, strategy, room->first_key, room->last_key, false, err);
  if (!code) code = await(s, is_ready, "connecting", err);
  return code ? code : tell_strategy(s, err);
}

static pgr_code open_story(show *s, const char *version, pgr_err *err) {
  char words[300];
  snprintf(words, sizeof words,
           "Two agents share an inbox, on PostgreSQL %s. Nothing is staged: each line is a statement as the server "
           "answers it, and what an agent's application then says.",
           version);
  pgr_code code = say(s, "", words, PGR_DEMO_PLAIN, err);
  pgr_demo_columns_blank(&s->columns);
  return code;
}

static void sum_up(show *s, const char *what, const pgr_buf *names, pgr_demo_style style) {
  char words[600];
  if (!names->len) return;
  snprintf(words, sizeof words, "%s: %.500s", what, pgr_buf_text(names));
  pgr_demo_columns_words(&s->columns, "", words, style);
}

static void close_story(show *s) {
  static const char *const next[] = {"pgrace demo            the same inbox in your browser: claim it by hand",
                                     "pgrace explore claim   every order of these statements, not only this one",
                                     "pgrace run             thousands of rounds at full speed, counted"};
  pgr_demo_columns_heading(&s->columns, "Your turn", "the same by hand, in every order, at full speed");
  sum_up(s, "✗ Two owners with", &s->raced, PGR_DEMO_BROKEN);
  sum_up(s, "✔ One owner with", &s->held, PGR_DEMO_GOOD);
  pgr_demo_columns_blank(&s->columns);
  for (size_t i = 0; i < sizeof next / sizeof *next; i++)
    pgr_demo_columns_words(&s->columns, "", next[i], PGR_DEMO_PLAIN);
}

static pgr_code tell(show *s, pgr_demo_rooms *rooms, const pgr_strategy *const *strategies, int strategy_count,
                     const char *order, pgr_err *err) {
  pgr_inbox_events events = {.moment = on_moment, .changed = on_change, .away = on_away, .user = s};
  pgr_code code = pgr_inbox_create(s->loop, s->scenario, events, &s->inbox, err);
  if (!code && pgr_interrupt_fd() >= 0 && pgr_watch_set(s->loop, &s->interrupt, pgr_interrupt_fd(), PGR_READABLE))
    code = pgr_fail(err, PGR_EENVIRONMENT, "cannot watch for Ctrl-C: %s", strerror(errno));
  if (!code) code = open_story(s, rooms->first.version, err);
  for (int i = 0; !code && i < strategy_count; i++) {
    s->order = order ? order : "";
    code = show_strategy(s, rooms, strategies[i], err);
  }
  if (!code) close_story(s);
  if (!code) code = check_output(s, err);
  pgr_watch_end(s->loop, &s->interrupt);
  if (s->inbox) pgr_inbox_close(s->inbox);
  return code;
}

pgr_code pgr_demo_terminal(const pgr_demo_options *o, pgr_demo_rooms *rooms, const pgr_strategy *const *strategies,
                           int strategy_count, int *exit_status, pgr_err *err) {
  static show s; /* large */
  s = (show){.scenario = rooms->scenario, .interrupt = {.ready = on_interrupt}, .timer = {.fire = on_time}};
  pgr_demo_columns_open(&s.columns);
  pgr_buf_init(&s.raced, 0);
  pgr_buf_init(&s.held, 0);
  s.pace_ns = o->pace_given ? o->pace_ns : s.columns.terminal ? PACE_NS : 0;
  pgr_code code = pgr_loop_create(&s.loop, err);
  if (code) return code;
  code = tell(&s, rooms, strategies, strategy_count, o->order, err);
  pgr_loop_finish(s.loop);
  pgr_loop_join(s.loop);
  pgr_inbox_destroy(s.inbox);
  pgr_loop_destroy(s.loop);
  pgr_buf_deinit(&s.raced);
  pgr_buf_deinit(&s.held);
  *exit_status = s.unexpected ? 1 : s.no_race ? 2 : 0;
  return code;
}
