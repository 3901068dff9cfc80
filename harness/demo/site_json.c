/* The demo as JSON: the shapes that reports/src/demo/protocol.ts declares. Names of a scenario are UTF-8, as its YAML
 * was; SQL and what a server says need not be. Nothing here fails but for lack of memory, which ends in a NULL that
 * json_pack passes on. */
#include "site_internal.h"

#include "pgr_cast.h"
#include "pgr_json.h"
#include <string.h>

static json_t *number_or_null(int64_t value) {
  return value ? json_integer((json_int_t)value) : json_null();
}

static json_t *outcome_or_null(pgr_outcome outcome) {
  return outcome < PGR_OUTCOME_COUNT ? json_string(pgr_outcome_name(outcome)) : json_null();
}

/* First column of the first row. */
static json_t *row_value(bool has_value, const char *value) {
  return has_value ? pgr_json_text(value ? value : "NULL") : json_null();
}

static const char *operation_name(const pgr_site *s, int operation) {
  return s->options.scenario->operations[operation].name;
}

/* ---- what does not change ---- */

static json_t *scripts(const pgr_scenario *s, const pgr_strategy *strategy) {
  json_t *all = json_array();
  for (int i = 0; i < s->operation_count; i++)
    json_array_append_new(all, json_pack("{s:s,s:o}", "operation", s->operations[i].name, "sql",
                                         pgr_json_text(strategy->scripts[i]->source.text)));
  return all;
}

static json_t *installs(const pgr_strategy *strategy) {
  pgr_buf text;
  if (strategy->install_count == 0) return json_null();
  pgr_buf_init(&text, 0);
  for (int i = 0; i < strategy->install_count; i++) {
    if (i) pgr_buf_adds(&text, "\n");
    pgr_buf_adds(&text, strategy->installs[i]->text);
  }
  json_t *v = text.failed ? NULL : pgr_json_text(pgr_buf_text(&text));
  pgr_buf_deinit(&text);
  return v;
}

static json_t *strategy_info(const pgr_scenario *s, const pgr_strategy *strategy) {
  const char *expect = pgr_expect_name(strategy->at[strategy->first].expect);
  return json_pack("{s:s,s:o,s:s,s:s?,s:o,s:o}", "name", strategy->name, "summary", pgr_json_text(strategy->summary),
                   "isolation", pgr_isolation_name(strategy->first), "expect", expect, "scripts", scripts(s, strategy),
                   "install", installs(strategy));
}

json_t *pgr__site_cast(const pgr_scenario *s) {
  json_t *operations = json_array(), *strategies = json_array(), *agents = json_array();
  int release = s->ownership.release;
  for (int i = 0; i < s->operation_count; i++)
    json_array_append_new(operations, json_string(s->operations[i].name));
  for (int i = 0; i < s->strategy_count; i++)
    json_array_append_new(strategies, strategy_info(s, &s->strategies[i]));
  for (int i = 1; i <= PGR_SEATS; i++) {
    char name[PGR_CAST_NAME_BYTES] = "";
    pgr_cast_agent((uint32_t)i, name);
    json_array_append_new(agents, json_pack("{s:i,s:o}", "agent", i, "name", pgr_json_text(name)));
  }
  return json_pack("{s:s,s:o,s:o,s:o,s:s,s:s?,s:o,s:o}", "name", s->name, "title", pgr_json_text(s->title), "key",
                   pgr_json_text(s->key.name), "operations", operations, "acquire",
                   s->operations[s->ownership.acquire].name, "release",
                   release < 0 ? NULL : s->operations[release].name, "strategies", strategies, "agents", agents);
}

/* ---- how it stands ---- */

static const char *database_name(const pgr_site *s, const pgr_inbox_state *state) {
  if (s->stage == PGR__SITE_ENTERING) return "preparing";
  switch (state->database) {
  case PGR_INBOX_AWAY: return "away";
  case PGR_INBOX_PREPARING: return "preparing";
  case PGR_INBOX_READY: break;
  }
  return "ready";
}

json_t *pgr__site_setting(const pgr_site *s, const pgr_inbox_state *state) {
  const char *database = database_name(s, state);
  bool away = strcmp(database, "away") == 0;
  return json_pack("{s:s,s:I,s:b,s:s,s:o,s:o,s:b}", "strategy", s->wanted->name, "gap_ns", (json_int_t)state->gap_ns,
                   "stepping", state->stepping, "database", database, "why",
                   pgr_json_text_or_null(away ? state->why : NULL), "server", pgr_json_text(s->server), "forgotten",
                   s->forgotten);
}

static json_t *seat(const pgr_site *s, int index, const pgr_seat_state *seat) {
  json_t *o = json_pack(
      "{s:i,s:s?,s:o,s:o,s:b,s:b}", "agent", index + 1, "busy", seat->busy ? operation_name(s, seat->operation) : NULL,
      "key", seat->busy ? json_integer((json_int_t)seat->key) : json_null(), "parked",
      pgr_json_text_or_null(seat->parked ? seat->sql : NULL), "in_flight", seat->in_flight, "waits", seat->waits);
  if (!o) return NULL;
  json_object_set_new(o, "waits_for", number_or_null(seat->waits ? seat->waits_for : 0));
  json_object_set_new(o, "thinks_until_ns", number_or_null(seat->thinks_until_ns));
  return o;
}

json_t *pgr__site_seats(const pgr_site *s, const pgr_inbox_state *state) {
  json_t *seats = json_array();
  for (int i = 0; i < PGR_SEATS; i++)
    json_array_append_new(seats, seat(s, i, &state->seats[i]));
  return json_pack("{s:I,s:o,s:I,s:o,s:i,s:o}", "now_ns", (json_int_t)state->now_ns, "seats", seats, "crowd_busy",
                   (json_int_t)state->crowd_busy, "order", pgr_json_text(state->order), "order_left", state->order_left,
                   "trouble", pgr_json_text_or_null(*state->trouble ? state->trouble : s->trouble));
}

json_t *pgr__site_counts(const pgr_site *s) {
  pgr_inbox_counts counts;
  pgr_inbox_counts_of(s->inbox, &counts);
  json_t *o = json_object();
  for (int i = 0; i < PGR_OUTCOME_COUNT; i++)
    json_object_set_new(o, pgr_outcome_name((pgr_outcome)i), json_integer((json_int_t)counts.outcomes[i]));
  json_object_set_new(o, "replies", json_integer((json_int_t)counts.replies));
  json_object_set_new(o, "contested", json_integer((json_int_t)counts.contested));
  json_object_set_new(o, "doubled", json_integer((json_int_t)counts.doubled));
  json_object_set_new(o, "doubly_answered", json_integer((json_int_t)counts.doubly_answered));
  return o;
}

/* ---- conversations ---- */

static json_t *answer_or_null(int64_t key, uint32_t agent, bool replied) {
  return replied ? pgr_json_text(pgr_cast_answer(key, agent)) : json_null();
}

static json_t *told(const pgr_site *s, int64_t key, const pgr_inbox_told *t) {
  return json_pack("{s:I,s:s,s:o,s:o,s:o,s:b,s:b,s:o}", "agent", (json_int_t)t->agent, "operation",
                   operation_name(s, t->operation), "outcome", outcome_or_null(t->outcome), "sqlstate",
                   pgr_json_text_or_null(t->sqlstate), "message", pgr_json_text(t->message), "owns", t->owns, "replied",
                   t->replied, "answer", answer_or_null(key, t->agent, t->replied));
}

static uint32_t told_count(const pgr_conversation *c) {
  return c->told_count < PGR_INBOX_TOLD_MAX ? c->told_count : PGR_INBOX_TOLD_MAX;
}

static json_t *conversation(const pgr_site *s, const pgr_conversation *c) {
  json_t *all = json_array();
  for (uint32_t i = 0; i < told_count(c); i++)
    json_array_append_new(all, told(s, c->key, &c->told[i]));
  return json_pack("{s:I,s:b,s:o,s:o,s:I,s:I,s:I,s:I,s:b,s:o}", "key", (json_int_t)c->key, "campaign", c->campaign,
                   "customer", pgr_json_text(pgr_cast_customer(c->key)), "question",
                   pgr_json_text(pgr_cast_question(c->key)), "owners", (json_int_t)c->owners, "owners_most",
                   (json_int_t)c->owners_most, "replies", (json_int_t)c->replies, "answered_by",
                   (json_int_t)c->answered_by, "contradicted", c->contradicted, "told", all);
}

json_t *pgr__site_conversations(const pgr_site *s, int64_t first, int64_t last) {
  json_t *all = json_array();
  for (int64_t key = first; key <= last; key++) {
    const pgr_conversation *c = pgr_inbox_conversation(s->inbox, key);
    if (c) json_array_append_new(all, conversation(s, c));
  }
  return all;
}

/* ---- the seats' contest ---- */

static json_t *step(const pgr_site *s, const pgr_contest_step *t) {
  json_t *o =
      json_pack("{s:I,s:I,s:s,s:o,s:I,s:o,s:o,s:o,s:I}", "step", (json_int_t)t->step, "agent", (json_int_t)t->agent,
                "operation", operation_name(s, t->operation), "sql", pgr_json_text(t->sql), "sent_ns",
                (json_int_t)t->sent_ns, "answered_ns", number_or_null(t->answered_ns), "waits_ns",
                number_or_null(t->waits_ns), "waits_for", number_or_null(t->waits_for), "rows", (json_int_t)t->rows);
  if (!o) return NULL;
  json_object_set_new(o, "inferred", json_boolean(t->inferred));
  json_object_set_new(o, "value", row_value(t->has_value, t->is_null ? NULL : t->value));
  json_object_set_new(o, "sqlstate", pgr_json_text_or_null(t->sqlstate));
  json_object_set_new(o, "error", pgr_json_text_or_null(t->error));
  json_object_set_new(o, "outcome", outcome_or_null(t->outcome));
  return o;
}

static json_t *contest_or_null(const pgr_site *s) {
  const pgr_contest *c = pgr_inbox_contest(s->inbox);
  if (!c || c->number == 0) return json_null();
  json_t *steps = json_array();
  for (int i = 0; i < c->step_count; i++)
    json_array_append_new(steps, step(s, &c->steps[i]));
  return json_pack("{s:I,s:I,s:o,s:b,s:o}", "contest", (json_int_t)c->number, "key", (json_int_t)c->key, "steps", steps,
                   "cut", c->cut, "doubled", number_or_null(c->doubled));
}

/* Of the steps that have probably waited: no moment tells of those. */
static json_t *inferred_waits(const pgr_contest *c) {
  json_t *all = json_array();
  for (int i = 0; i < c->step_count; i++) {
    const pgr_contest_step *t = &c->steps[i];
    if (t->inferred)
      json_array_append_new(all, json_pack("{s:I,s:I,s:I}", "step", (json_int_t)t->step, "waits_ns",
                                           (json_int_t)t->waits_ns, "waits_for", (json_int_t)t->waits_for));
  }
  return all;
}

json_t *pgr__site_explanation(const pgr_contest *c, const pgr_explanation *e) {
  json_t *sentences = json_array();
  for (int i = 0; i < PGR_SENTENCES; i++)
    json_array_append_new(sentences, json_pack("{s:o,s:o}", "text", pgr_json_text(e->sentences[i]), "sql",
                                               pgr_json_text_or_null(e->sql[i])));
  return json_pack("{s:I,s:I,s:o,s:o,s:o}", "contest", (json_int_t)c->number, "key", (json_int_t)c->key, "title",
                   pgr_json_text(e->title), "sentences", sentences, "inferred", inferred_waits(c));
}

json_t *pgr__site_state(const pgr_site *s, const char *token) {
  pgr_inbox_state state;
  const char *version = s->options.version;
  pgr_inbox_state_of(s->inbox, &state);
  bool there = s->stage != PGR__SITE_ENTERING;
  return json_pack("{s:s,s:s,s:I,s:i,s:O,s:o,s:o,s:o,s:o,s:o,s:O?}", "version", version ? version : "", "token", token,
                   "now_ns", (json_int_t)state.now_ns, "kept", (int)PGR_INBOX_CONVERSATIONS_MAX, "cast", s->cast,
                   "setting", pgr__site_setting(s, &state), "seats", pgr__site_seats(s, &state), "conversations",
                   pgr__site_conversations(s, state.first, there ? s->arrived : state.first - 1), "counts",
                   pgr__site_counts(s), "contest", there ? contest_or_null(s) : json_null(), "explanation",
                   s->explanation);
}

/* ---- moments ---- */

/* What the agent has of the conversation now. One that is past those who are remembered by name has what its last
 * operation gave it. */
static void add_told(const pgr_site *s, const pgr_moment *m, json_t *o) {
  const pgr_conversation *c = pgr_inbox_conversation(s->inbox, m->key);
  const pgr_ownership *rule = &s->options.scenario->ownership;
  bool ok = m->outcome == PGR_OUTCOME_OK;
  bool owns = ok && m->operation != rule->release, replied = owns && m->operation != rule->acquire;
  for (uint32_t i = 0; c && i < told_count(c); i++) {
    if (c->told[i].agent != m->agent) continue;
    owns = c->told[i].owns;
    replied = c->told[i].replied;
  }
  json_object_set_new(o, "outcome", outcome_or_null(m->outcome));
  json_object_set_new(o, "sqlstate", pgr_json_text_or_null(m->sqlstate));
  json_object_set_new(o, "message", pgr_json_text(m->message));
  json_object_set_new(o, "owns", json_boolean(owns));
  json_object_set_new(o, "replied", json_boolean(replied));
  json_object_set_new(o, "answer", answer_or_null(m->key, m->agent, replied));
  json_object_set_new(o, "owners", json_integer(c ? c->owners : 0));
  json_object_set_new(o, "owners_most", json_integer(c ? c->owners_most : 0));
  json_object_set_new(o, "replies", json_integer(c ? c->replies : 0));
  json_object_set_new(o, "answered_by", json_integer(c ? c->answered_by : 0));
  json_object_set_new(o, "contradicted", json_boolean(c && c->contradicted));
}

static void add_answered(const pgr_moment *m, json_t *o) {
  json_object_set_new(o, "rows", json_integer((json_int_t)m->rows));
  json_object_set_new(o, "value", row_value(m->has_value, m->value));
  json_object_set_new(o, "sqlstate", pgr_json_text_or_null(m->sqlstate));
  json_object_set_new(o, "constraint", pgr_json_text_or_null(m->constraint));
  json_object_set_new(o, "error", pgr_json_text_or_null(m->error));
}

static void add_what_it_says(const pgr_site *s, const pgr_moment *m, json_t *o) {
  switch (m->kind) {
  case PGR_MOMENT_STARTED: break;
  case PGR_MOMENT_PARKED:
  case PGR_MOMENT_SENT: json_object_set_new(o, "sql", pgr_json_text(m->sql)); break;
  case PGR_MOMENT_WAITS: json_object_set_new(o, "for_agent", number_or_null(m->for_agent)); break;
  case PGR_MOMENT_ANSWERED: add_answered(m, o); break;
  case PGR_MOMENT_PAUSED: json_object_set_new(o, "until_ns", json_integer((json_int_t)m->until_ns)); break;
  case PGR_MOMENT_TOLD: add_told(s, m, o); break;
  case PGR_MOMENT_DOUBLED: json_object_set_new(o, "owners", json_integer(m->owners)); break;
  case PGR_MOMENT_KIND_COUNT: break;
  }
}

/* Which kinds have which of the fields that several share. */
static bool has_operation(pgr_moment_kind kind) {
  return kind != PGR_MOMENT_WAITS && kind != PGR_MOMENT_PAUSED && kind != PGR_MOMENT_DOUBLED;
}

static bool has_contest(pgr_moment_kind kind) {
  return kind != PGR_MOMENT_PARKED && kind != PGR_MOMENT_PAUSED;
}

static bool has_step(pgr_moment_kind kind) {
  return kind == PGR_MOMENT_SENT || kind == PGR_MOMENT_WAITS || kind == PGR_MOMENT_ANSWERED || kind == PGR_MOMENT_TOLD;
}

json_t *pgr__site_moment(const pgr_site *s, const pgr_moment *m) {
  json_t *o = json_pack("{s:s,s:I,s:I,s:I}", "kind", pgr_moment_name(m->kind), "at_ns", (json_int_t)m->at_ns, "agent",
                        (json_int_t)m->agent, "key", (json_int_t)m->key);
  if (!o) return NULL;
  if (has_operation(m->kind)) json_object_set_new(o, "operation", json_string(operation_name(s, m->operation)));
  if (has_contest(m->kind)) json_object_set_new(o, "contest", json_integer(m->contest));
  if (has_step(m->kind)) json_object_set_new(o, "step", json_integer(m->step));
  add_what_it_says(s, m, o);
  return o;
}

/* ---- writing ---- */

static int append(const char *text, size_t len_bytes, void *user) {
  pgr_buf *out = user;
  pgr_buf_add(out, text, len_bytes);
  return out->failed ? -1 : 0;
}

bool pgr__site_write(json_t *value, pgr_buf *out) {
  bool written = value && json_dump_callback(value, append, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0 && !out->failed;
  json_decref(value);
  return written;
}
