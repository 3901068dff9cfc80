/* What a contest is said to have been, from contests made by hand: every rule, and what must not be claimed. */
#include "pgr_test.h"

#include "pgr_cast.h"
#include "pgr_clock.h"
#include "pgr_explain.h"
#include <stdio.h>
#include <string.h>

enum { ADA = 1, BEN = 2, CLAIM = 0, REPLY = 1, RELEASE = 2, MORE = PGR_OUTCOME_COUNT };

static const pgr_scenario scenario = {
    .key = {.name = "conversation", .first = 1, .last = 1000},
    .operations = {{.name = "claim", .after = -1}, {.name = "reply"}, {.name = "release"}},
    .operation_count = 3,
    .ownership = {.declared = true, .name = "one owner", .acquire = CLAIM, .release = RELEASE, .capacity = 1},
    .rejections = {{.sqlstate = "23514",
                    .constraint = "conversation_texter_assignment_constraint",
                    .message = "This conversation is already checked out"},
                   {.sqlstate = "55P03", .message = "Somebody is checking this conversation out right now"}},
    .rejection_count = 2};
static const pgr_strategy read_committed = {.name = "any", .first = PGR_READ_COMMITTED};

/* Times are milliseconds. */
typedef struct line {
  uint32_t agent;
  int sent, answered;
  const char *sql;
  const char *value; /* NULL: no row; "" and rows: none asked for */
  int rows;
  int outcome;
  int waits; /* for the other seat, since then; 0: never */
  const char *sqlstate, *constraint, *error;
  int operation;
} line;

#define READ "SELECT texter_id IS NULL AS free FROM conversations WHERE id = 7"
#define LOCK READ " FOR UPDATE"
#define WRITE_ADA "UPDATE conversations SET texter_id = 1 WHERE id = 7"
#define WRITE_BEN "UPDATE conversations SET texter_id = 2 WHERE id = 7"
#define TRIGGER "23514", "conversation_texter_assignment_constraint", "Conversation is already assigned to a texter."

static pgr_contest contest; /* large */
static pgr_explanation told;

static void set_up(const line *lines, int count, uint32_t doubled) {
  contest = (pgr_contest){.number = 1, .key = 7, .step_count = count, .doubled = doubled};
  for (int i = 0; i < count; i++) {
    const line *l = &lines[i];
    pgr_contest_step *s = &contest.steps[i];
    *s = (pgr_contest_step){.agent = l->agent,
                            .step = (uint32_t)i + 1,
                            .operation = (uint8_t)l->operation,
                            .sent_ns = l->sent * PGR_NS_PER_MS,
                            .answered_ns = l->answered * PGR_NS_PER_MS,
                            .waits_ns = l->waits * PGR_NS_PER_MS,
                            .waits_for = l->waits ? 3 - l->agent : 0,
                            .rows = l->rows,
                            .has_value = l->value != NULL,
                            .outcome = (pgr_outcome)l->outcome};
    snprintf(s->sql, sizeof s->sql, "%s", l->sql);
    if (l->value) snprintf(s->value, sizeof s->value, "%s", l->value);
    if (l->sqlstate) snprintf(s->sqlstate, sizeof s->sqlstate, "%s", l->sqlstate);
    if (l->constraint) snprintf(s->constraint, sizeof s->constraint, "%s", l->constraint);
    if (l->error) snprintf(s->error, sizeof s->error, "%s", l->error);
  }
}

static void explained(const line *lines, int count, uint32_t doubled, const char *title, const char *one,
                      const char *two, const char *three) {
  set_up(lines, count, doubled);
  told = (pgr_explanation){0};
  assert_true(pgr_explain(&contest, &scenario, &read_committed, &told));
  assert_string_equal(told.title, title);
  assert_string_equal(told.sentences[0], one);
  assert_string_equal(told.sentences[1], two);
  assert_string_equal(told.sentences[2], three);
}

/* … with the waits that nobody saw. */
static void inferred(const line *lines, int count, uint32_t doubled, const char *title, int sentence,
                     const char *text) {
  set_up(lines, count, doubled);
  pgr_contest_infer(&contest);
  told = (pgr_explanation){0};
  assert_true(pgr_explain(&contest, &scenario, &read_committed, &told));
  assert_string_equal(told.title, title);
  assert_string_equal(told.sentences[sentence], text);
}

#define INFERRED(lines, doubled, ...) inferred(lines, (int)(sizeof(lines) / sizeof *(lines)), doubled, __VA_ARGS__)

#define EXPLAINED(lines, doubled, ...) explained(lines, (int)(sizeof(lines) / sizeof *(lines)), doubled, __VA_ARGS__)

static const line naive[] = {
    {ADA, 1000, 1001, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
    {BEN, 1312, 1313, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
    {ADA, 3001, 3002, WRITE_ADA, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
    {ADA, 3003, 3004, "INSERT INTO replies VALUES (7, 1)", NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, REPLY},
    {BEN, 3312, 3313, WRITE_BEN, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};

static void both_check_then_both_write(void **state) {
  (void)state;
  EXPLAINED(naive, BEN, "Two agents own conversation 7", "Ada read texter_id of conversation 7 and found it free.",
            "312 ms later, before Ada had written, Ben read it too and found it free as well.",
            "Ben's UPDATE took effect after Ada's and replaced her; both had been told that it is theirs.");
  assert_ptr_equal(told.sql[0], contest.steps[0].sql);
  assert_ptr_equal(told.sql[1], contest.steps[1].sql);
  assert_ptr_equal(told.sql[2], contest.steps[4].sql);
}

static void the_other_way_round(void **state) {
  (void)state;
  const line lines[] = {{BEN, 10, 11, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 12, 13, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 20, 21, WRITE_BEN, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 30, 31, WRITE_ADA, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, ADA, "Two agents own conversation 7", "Ben read texter_id of conversation 7 and found it free.",
            "2.00 ms later, before Ben had written, Ada read it too and found it free as well.",
            "Ada's UPDATE took effect after Ben's and replaced him; both had been told that it is theirs.");
}

/* The order in which answers came is not the order in which the server did it. */
static void no_order_is_claimed_of_writes_under_way_together(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 11, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 10, 12, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 20, 23, WRITE_ADA, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 21, 24, WRITE_BEN, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, BEN, "Two agents own conversation 7", "Ada read texter_id of conversation 7 and found it free.",
            "At the same moment, before Ada had written, Ben read it too and found it free as well.",
            "Ada's and Ben's UPDATE were under way at the same time and both succeeded, so one replaced the other; "
            "both had been told that it is theirs.");
}

static void a_transaction_does_not_help(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 12, 13, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 14, 15, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 20, 21, WRITE_ADA, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 30, 31, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 40, 71, WRITE_BEN, NULL, 1, MORE, 41, NULL, NULL, NULL, CLAIM},
                        {ADA, 70, 71, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 80, 81, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(
      lines, BEN, "Two agents own conversation 7", "Ada read texter_id of conversation 7 and found it free.",
      "16.0 ms later, before Ada had committed, Ben read it too and found it free as well.",
      "At READ COMMITTED Ben's UPDATE waited for Ada's lock, until her COMMIT (31.0 ms in all), found that its WHERE "
      "(id = 7) still held, and replaced her: the row names Ben, but both had been told that it is theirs.");
}

/* A wait too short to be seen: Ada's UPDATE had been answered, her transaction was not over. */
static void transactions_under_way_together(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 14, 15, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 15, 16, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 20, 21, WRITE_ADA, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 22, 24, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 23, 25, WRITE_BEN, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 26, 27, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, BEN, "Two agents own conversation 7", "Ada read texter_id of conversation 7 and found it free.",
            "1.00 ms later, before Ada had written, Ben read it too and found it free as well.",
            "Ada's and Ben's transactions were under way at the same time and both succeeded, so one replaced the "
            "other; both had been told that it is theirs.");
}

static void a_trigger_rejects(void **state) {
  (void)state;
  const line lines[] = {{ADA, 1000, 1001, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 1312, 1313, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 3001, 3002, WRITE_ADA, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 3312, 3313, WRITE_BEN, NULL, -1, PGR_OUTCOME_REJECTED, 0, TRIGGER, CLAIM}};
  EXPLAINED(lines, 0, "The database rejected Ben's claim of conversation 7",
            "Ada read texter_id of conversation 7 and found it free; 312 ms later, before Ada had written, Ben read it "
            "too and found it free as well.",
            "Ada's UPDATE took effect; to Ben's UPDATE the database said no: ERROR 23514 (check violation), constraint "
            "conversation_texter_assignment_constraint, “Conversation is already assigned to a texter”.",
            "The application knows this error by its SQLSTATE and constraint: Ben was shown “This conversation is "
            "already checked out”, and Ada alone was told that it is hers.");
  assert_ptr_equal(told.sql[1], contest.steps[3].sql);
  assert_null(told.sql[2]);
}

static void a_rejection_without_the_other_seat(void **state) {
  (void)state;
  const line lines[] = {{BEN, 1312, 1313, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 3312, 3313, WRITE_BEN, NULL, -1, PGR_OUTCOME_REJECTED, 0, TRIGGER, CLAIM}};
  EXPLAINED(lines, 0, "The database rejected Ben's claim of conversation 7",
            "Ben read texter_id of conversation 7 and found it free.",
            "To Ben's UPDATE the database said no: ERROR 23514 (check violation), constraint "
            "conversation_texter_assignment_constraint, “Conversation is already assigned to a texter”.",
            "The application knows this error by its SQLSTATE and constraint: Ben was shown “This conversation is "
            "already checked out”.");
}

/* Whose statement was sent first need not be who got the lock. */
static void nowait_asked_first(void **state) {
  (void)state;
  const line lines[] = {
      {BEN, 9, 10, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
      {ADA, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
      {BEN, 12, 15, LOCK " NOWAIT", NULL, -1, MORE, 0, "55P03", "", "could not obtain lock on row", CLAIM},
      {ADA, 13, 14, LOCK " NOWAIT", "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
      {BEN, 16, 17, "ROLLBACK", NULL, -1, PGR_OUTCOME_REJECTED, 0, NULL, NULL, NULL, CLAIM},
      {ADA, 30, 31, WRITE_ADA, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
      {ADA, 32, 33, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, 0, "The database rejected Ben's claim of conversation 7",
            "Ada locked the row (SELECT … FOR UPDATE), read texter_id of conversation 7 and found it free.",
            "Ben had asked for that lock, too, with NOWAIT and was answered within 3.00 ms: ERROR 55P03 (lock not "
            "available), “could not obtain lock on row”.",
            "The application knows this error by its SQLSTATE: Ben was shown “Somebody is checking this conversation "
            "out right now”, and Ada alone was told that it is hers.");
}

static void nowait_does_not_wait(void **state) {
  (void)state;
  const line lines[] = {
      {ADA, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
      {ADA, 12, 13, LOCK " NOWAIT", "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
      {BEN, 20, 21, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
      {BEN, 22, 23, LOCK " NOWAIT", NULL, -1, MORE, 0, "55P03", "", "could not obtain lock on row", CLAIM},
      {BEN, 24, 25, "ROLLBACK", NULL, -1, PGR_OUTCOME_REJECTED, 0, NULL, NULL, NULL, CLAIM},
      {ADA, 30, 31, WRITE_ADA, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
      {ADA, 32, 33, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, 0, "The database rejected Ben's claim of conversation 7",
            "Ada locked the row (SELECT … FOR UPDATE), read texter_id of conversation 7 and found it free.",
            "10.0 ms later, while Ada held that lock, Ben asked for it with NOWAIT and was answered within 1.00 ms: "
            "ERROR 55P03 (lock not available), “could not obtain lock on row”.",
            "The application knows this error by its SQLSTATE: Ben was shown “Somebody is checking this conversation "
            "out right now”, and Ada alone was told that it is hers.");
}

static void a_key_allows_one(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 14, "INSERT INTO claims (conversation_id, texter_id) VALUES (7, 1)", NULL, 1,
                         PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 11, 15, "INSERT INTO claims (conversation_id, texter_id) VALUES (7, 2)", NULL, -1,
                         PGR_OUTCOME_REJECTED, 12, "23505", "claims_pkey",
                         "duplicate key value violates unique constraint \"claims_pkey\"", CLAIM}};
  EXPLAINED(
      lines, 0, "The database rejected Ben's claim of conversation 7", "Ada sent an INSERT, which inserted 1 row.",
      "Ben's INSERT waited for Ada's lock (4.00 ms in all); then the database said no: ERROR 23505 (unique violation), "
      "constraint claims_pkey, “duplicate key value violates unique constraint \"claims_pkey\"”.",
      "The application knows this error by its SQLSTATE: Ben was shown “The database did not allow it”, and Ada "
      "alone was told that it is hers.");
}

static void a_row_lock_makes_wait(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 12, 13, LOCK, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 20, 21, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 22, 1033, LOCK, "f", 1, MORE, 33, NULL, NULL, NULL, CLAIM},
                        {ADA, 1030, 1031, WRITE_ADA, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 1032, 1033, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 1040, 1041, "ROLLBACK", NULL, -1, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(
      lines, 0, "Ben waited for Ada, and was refused",
      "Ada locked the row (SELECT … FOR UPDATE), read texter_id of conversation 7 and found it free.",
      "10.0 ms later Ben wanted to lock the same row and waited for Ada's lock, until her COMMIT (1.01 s in all).",
      "Then Ben's SELECT found texter_id taken, so the application refused and wrote nothing.");
}

static void an_advisory_lock_makes_wait(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 12, 13, "SELECT pg_advisory_xact_lock(7)", "", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 14, 15, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 20, 21, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 22, 43, "SELECT pg_advisory_xact_lock(7)", "", 1, MORE, 23, NULL, NULL, NULL, CLAIM},
                        {ADA, 40, 41, WRITE_ADA, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 42, 43, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 50, 51, READ, "f", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 52, 53, "ROLLBACK", NULL, -1, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, 0, "Ben waited for Ada, and was refused", "Ada took an advisory lock.",
            "10.0 ms later Ben asked for the same lock and waited for Ada's lock, until her COMMIT (21.0 ms in all).",
            "Then Ben's SELECT found texter_id taken, so the application refused and wrote nothing.");
}

static void an_update_looks_again_after_waiting(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 14, WRITE_ADA " AND texter_id IS NULL RETURNING id", "7", 1, PGR_OUTCOME_OK, 0, NULL,
                         NULL, NULL, CLAIM},
                        {BEN, 11, 15, WRITE_BEN " AND texter_id IS NULL RETURNING id", NULL, 0, PGR_OUTCOME_REFUSED, 12,
                         NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, 0, "Ben waited for Ada, and was refused", "Ada sent an UPDATE, which changed 1 row.",
            "1.00 ms later Ben sent an UPDATE, which waited for Ada's lock (4.00 ms in all).",
            "Then PostgreSQL looked at its WHERE (id = 7 AND texter_id IS NULL) again, on the row as it was by then: 0 "
            "rows, so the application refused.");
}

static void a_version_that_is_gone(void **state) {
  (void)state;
  const line lines[] = {
      {ADA, 10, 11, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
      {BEN, 12, 13, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
      {ADA, 20, 21, WRITE_ADA " AND version = 0", NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
      {BEN, 22, 23, WRITE_BEN " AND version = 0", NULL, 0, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(
      lines, 0, "Ben was refused",
      "Ada read texter_id of conversation 7 and found it free; 2.00 ms later, before Ada had written, Ben read it "
      "too and found it free as well.",
      "Ada sent an UPDATE, which changed 1 row.",
      "Ben's UPDATE found no row for its WHERE (id = 7 AND version = 0): 0 rows, so the application refused.");
}

/* Whose statement was sent first need not be whose got it. */
static void refused_although_sent_first(void **state) {
  (void)state;
  const line lines[] = {{BEN, 10, 15, WRITE_BEN " AND texter_id IS NULL RETURNING id", NULL, 0, PGR_OUTCOME_REFUSED, 0,
                         NULL, NULL, NULL, CLAIM},
                        {ADA, 12, 14, WRITE_ADA " AND texter_id IS NULL RETURNING id", "7", 1, PGR_OUTCOME_OK, 0, NULL,
                         NULL, NULL, CLAIM}};
  EXPLAINED(lines, 0, "Ben was refused", "Ada sent an UPDATE, which changed 1 row.",
            "2.00 ms earlier, Ben sent an UPDATE.",
            "Ben's UPDATE found no row for its WHERE (id = 7 AND texter_id IS NULL): 0 rows, so the application "
            "refused.");
}

/* ---- waits too short to be seen ---- */

#define ONLY_FREE " AND texter_id IS NULL RETURNING id"

static void an_update_has_probably_waited(void **state) {
  (void)state;
  const line lines[] = {{BEN, 10, 15, WRITE_BEN ONLY_FREE, NULL, 0, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 12, 16, WRITE_ADA ONLY_FREE, "7", 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};
  INFERRED(lines, 0, "Ben was refused", 1,
           "2.00 ms earlier Ben sent an UPDATE, which probably waited for Ada's lock (5.00 ms in all).");
  assert_string_equal(told.sentences[2], "After such a wait PostgreSQL looks at the WHERE (id = 7 AND texter_id IS "
                                         "NULL) again, on the row as it is by then: 0 rows, so the application "
                                         "refused.");
  assert_true(contest.steps[0].inferred && !contest.steps[1].inferred);
  assert_int_equal(contest.steps[0].waits_ns, 12 * PGR_NS_PER_MS); /* nobody held it before */
  assert_int_equal(contest.steps[0].waits_for, ADA);
  assert_int_equal(contest.steps[1].waits_ns, 0);
}

static void a_transaction_was_probably_waited_for(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 14, 15, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 15, 16, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 20, 21, WRITE_ADA, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 20, 25, WRITE_BEN, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 22, 24, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 26, 27, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};
  INFERRED(lines, BEN, "Two agents own conversation 7", 2,
           "At READ COMMITTED Ben's UPDATE probably waited for Ada's lock, until her COMMIT (5.00 ms in all), found "
           "that its WHERE (id = 7) still held, and replaced her: the row names Ben, but both had been told that it "
           "is theirs.");
  assert_false(contest.steps[4].inferred);
}

#define NOT_SERIAL "40001", "", "could not serialize access due to concurrent update"

static void a_commit_that_a_retry_comes_from_is_named(void **state) {
  (void)state;
  line lines[] = {{ADA, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                  {BEN, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                  {ADA, 20, 21, WRITE_ADA, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                  {BEN, 20, 25, WRITE_BEN, NULL, -1, MORE, 0, NOT_SERIAL, CLAIM},
                  {ADA, 22, 24, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                  {BEN, 26, 27, "ROLLBACK", NULL, -1, PGR_OUTCOME_RETRIED, 0, NULL, NULL, NULL, CLAIM},
                  {BEN, 28, 29, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                  {BEN, 30, 31, READ, "f", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                  {BEN, 32, 33, "ROLLBACK", NULL, -1, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM}};
  INFERRED(lines, 0, "Ben had to try again", 1,
           "Ben's UPDATE probably waited for Ada's lock, until her COMMIT (5.00 ms in all); then it failed: ERROR "
           "40001 (serialization failure), “could not serialize access due to concurrent update”.");
  lines[3].sent = lines[4].answered;
  INFERRED(lines, 0, "Ben had to try again", 1,
           "Ada's COMMIT had come meanwhile, so Ben's UPDATE failed: ERROR 40001 (serialization failure), “could not "
           "serialize access due to concurrent update”.");
}

static void no_wait_is_inferred(const line *lines, int count) {
  set_up(lines, count, 0);
  pgr_contest_infer(&contest);
  for (int i = 0; i < count; i++)
    assert_true(!contest.steps[i].inferred && !contest.steps[i].waits_ns);
}

static void nobody_is_said_to_have_waited_for_nothing(void **state) {
  (void)state;
#define HELD                                                                                                           \
  { ADA, 10, 14, WRITE_ADA, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM }
#define BESIDE(sent, answered, sql, rows)                                                                              \
  { BEN, sent, answered, sql, NULL, rows, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM }
  const line pairs[][2] = {{HELD, BESIDE(11, 15, WRITE_BEN, 1)}, /* either may have been the first */
                           {HELD, BESIDE(14, 15, WRITE_BEN, 0)}, /* it was over */
                           {HELD, BESIDE(8, 9, WRITE_BEN, 0)},   /* it had not begun */
                           {HELD, BESIDE(11, 15, "UPDATE others SET a = 1 WHERE id = 7", 0)},
                           {HELD, BESIDE(11, 15, LOCK " NOWAIT", 0)},
                           {HELD, BESIDE(11, 15, LOCK " SKIP LOCKED", 0)},
                           {HELD, BESIDE(11, 15, READ, 0)}};
  for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
    no_wait_is_inferred(pairs[k], 2);
  const line waits[2] = {HELD, BESIDE(11, 15, LOCK, 0)};
  set_up(waits, 2, 0);
  pgr_contest_infer(&contest);
  assert_true(contest.steps[1].inferred);
}

static void what_is_locked_is_skipped(void **state) {
  (void)state;
  static const char skip[] = "UPDATE conversations SET texter_id = 1 WHERE id = (SELECT id FROM conversations WHERE "
                             "id = 7 AND texter_id IS NULL FOR UPDATE SKIP LOCKED)";
  const line lines[] = {{ADA, 10, 14, skip, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 11, 13, skip, NULL, 0, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, 0, "Ben was refused", "Ada sent an UPDATE, which changed 1 row.",
            "1.00 ms later, while Ada's UPDATE was under way, Ben sent an UPDATE.",
            "Ben's UPDATE passed over the row, which Ada was locking or had taken by then (SKIP LOCKED), and changed 0 "
            "rows, so the application refused.");
  const line late[] = {{ADA, 10, 11, skip, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                       {BEN, 12, 13, skip, NULL, 0, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(late, 0, "One after the other", "Ada sent an UPDATE, which changed 1 row, and was told that it is hers.",
            "That had ended 1.00 ms before Ben began: their statements did not overlap.",
            "The row was taken already, so there was nothing to lock or to pass over (SKIP LOCKED): Ben's UPDATE "
            "changed 0 rows, and the application refused.");
  const line held[] = {{ADA, 9, 10, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                       {ADA, 10, 11, skip, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                       {BEN, 12, 13, skip, NULL, 0, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM},
                       {ADA, 14, 15, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(held, 0, "Ben was refused", "Ada sent an UPDATE, which changed 1 row.",
            "3.00 ms later, before Ada had committed, Ben sent an UPDATE.",
            "Ben's UPDATE passed over the row, which Ada had locked (SKIP LOCKED), and changed 0 rows, so the "
            "application refused.");
}

static void an_open_claim_excludes_another(void **state) {
  (void)state;
  static const char insert[] = "INSERT INTO claims (conversation_id, texter_id) VALUES (7, 2) ON CONFLICT DO NOTHING";
  const line lines[] = {{ADA, 10, 14, insert, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 11, 15, insert, NULL, 0, PGR_OUTCOME_REFUSED, 12, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, 0, "Ben waited for Ada, and was refused", "Ada sent an INSERT, which inserted 1 row.",
            "1.00 ms later Ben sent an INSERT, which waited for Ada's lock (4.00 ms in all).",
            "A constraint allows no second such row; told ON CONFLICT DO NOTHING, Ben's INSERT raised no error and "
            "inserted 0 rows, so the application refused.");
}

static void a_serialization_failure_is_retried(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 11, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 12, 13, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 14, 15, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 16, 17, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 20, 21, WRITE_ADA, NULL, 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 22, 34, WRITE_BEN, NULL, -1, MORE, 24, "40001", "",
                         "could not serialize access due to concurrent update", CLAIM},
                        {ADA, 32, 33, "COMMIT", NULL, -1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 35, 36, "ROLLBACK", NULL, -1, PGR_OUTCOME_RETRIED, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 37, 38, "BEGIN", NULL, -1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 39, 40, READ, "f", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 41, 42, "ROLLBACK", NULL, -1, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(
      lines, 0, "Ben had to try again",
      "Ada read texter_id of conversation 7 and found it free; 2.00 ms later, before Ada had written, Ben read it "
      "too and found it free as well.",
      "Ben's UPDATE waited for Ada's lock, until her COMMIT (12.0 ms in all); then it failed: ERROR 40001 "
      "(serialization "
      "failure), “could not serialize access due to concurrent update”.",
      "The application did it again from the start: Ben read texter_id of conversation 7 and found it taken, so "
      "the application refused.");
}

static void one_after_the_other(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 11, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {ADA, 12, 13, WRITE_ADA, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 513, 514, READ, "f", 1, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, 0, "One after the other", "Ada sent an UPDATE, which changed 1 row, and was told that it is hers.",
            "That had ended 500 ms before Ben began: their statements did not overlap.",
            "Ben's SELECT found texter_id taken, so the application refused and wrote nothing.");
}

static void refused_alone(void **state) {
  (void)state;
  const line lines[] = {{BEN, 513, 514, READ, "f", 1, PGR_OUTCOME_REFUSED, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, 0, "Ben was refused", "Ben read texter_id of conversation 7 and found it taken.",
            "Ben's SELECT found texter_id taken, so the application refused and wrote nothing.",
            "Ada sent nothing to conversation 7 meanwhile: nothing raced.");
}

static void an_error_that_nobody_expects(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 11, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 11, 12, READ, NULL, -1, PGR_OUTCOME_FAILED, 0, "42P01", "", "no such table", CLAIM},
                        {ADA, 12, 13, WRITE_ADA, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, 0, "Ben's claim failed", "Ada read texter_id of conversation 7 and found it free.",
            "Ben's SELECT failed: ERROR 42P01, “no such table”.",
            "The application does not expect this error: it is a bug, not a refusal.");
}

static void a_lost_connection(void **state) {
  (void)state;
  const line lines[] = {{ADA, 10, 11, WRITE_ADA, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM},
                        {BEN, 10, 12, WRITE_BEN, NULL, -1, PGR_OUTCOME_UNKNOWN, 0, NULL, NULL, NULL, CLAIM}};
  EXPLAINED(lines, 0, "Nobody knows how Ben's claim ended", "Ada sent an UPDATE, which changed 1 row.",
            "Ben's last statement, UPDATE, was not answered.",
            "The connection was lost: what was sent may have taken effect, or not.");
}

static void nothing_is_said_too_early(void **state) {
  (void)state;
  pgr_explanation out;
  memset(&out, 'x', sizeof out);
  set_up(naive, 4, 0); /* Ben has not written yet */
  assert_false(pgr_explain(&contest, &scenario, &read_committed, &out));
  set_up(naive, 5, BEN);
  contest.steps[4].answered_ns = 0;
  assert_false(pgr_explain(&contest, &scenario, &read_committed, &out));
  set_up(naive + 2, 1, 0); /* Ada got it, and nobody else was there */
  assert_false(pgr_explain(&contest, &scenario, &read_committed, &out));
  contest = (pgr_contest){0};
  assert_false(pgr_explain(&contest, &scenario, &read_committed, &out));
  for (size_t i = 0; i < sizeof out; i++)
    assert_int_equal(((const char *)&out)[i], 'x');
}

/* A message of the server's that is long, and not ours. */
static void long_and_foreign_texts_stay_whole(void **state) {
  (void)state;
  line lines[] = {{ADA, 10, 11, READ, "t", 1, MORE, 0, NULL, NULL, NULL, CLAIM},
                  {BEN, 12, 13, WRITE_BEN, NULL, -1, PGR_OUTCOME_REJECTED, 0, "23514", "c", "", CLAIM},
                  {ADA, 14, 15, WRITE_ADA, NULL, 1, PGR_OUTCOME_OK, 0, NULL, NULL, NULL, CLAIM}};
  set_up(lines, 3, 0);
  for (size_t i = 0; i + 2 < sizeof contest.steps[1].error; i += 2)
    memcpy(contest.steps[1].error + i, "\xC3\xA9", 3); /* é */
  memset(contest.steps[1].constraint, 'c', sizeof contest.steps[1].constraint - 1);
  memset(contest.steps[0].value, 'v', sizeof contest.steps[0].value - 1);
  assert_true(pgr_explain(&contest, &scenario, &read_committed, &told));
  for (int i = 0; i < PGR_SENTENCES; i++) {
    const char *s = told.sentences[i];
    assert_in_range(strlen(s), 10, sizeof told.sentences[i] - 1);
    assert_null(strchr(s, '?')); /* nothing torn */
  }
  assert_non_null(strstr(told.sentences[1], "\xC3\xA9\xC3\xA9"));
}

static void answers_contradict_and_repeat(void **state) {
  (void)state;
  enum { FEW_DOZEN = 36 };
  for (int64_t key = 1; key <= FEW_DOZEN; key++) {
    assert_true(strlen(pgr_cast_question(key)) > 10);
    assert_string_not_equal(pgr_cast_answer(key, ADA), pgr_cast_answer(key, BEN));
    assert_string_equal(pgr_cast_question(key), pgr_cast_question(key + FEW_DOZEN));
    for (int64_t other = key + 1; other <= FEW_DOZEN; other++) {
      assert_string_not_equal(pgr_cast_question(key), pgr_cast_question(other));
      assert_string_not_equal(pgr_cast_customer(key), pgr_cast_customer(other));
    }
  }
  assert_non_null(pgr_cast_question(INT64_MIN)); /* a scenario may begin anywhere */
  assert_non_null(pgr_cast_answer(INT64_MAX, 52));
}

static void names_and_messages(void **state) {
  (void)state;
  char name[PGR_CAST_NAME_BYTES];
  const char *(*message)(const pgr_scenario *, uint8_t, pgr_outcome, const pgr_rejection *) = pgr_cast_message;
  pgr_cast_agent(1, name);
  assert_string_equal(name, "Ada");
  pgr_cast_agent(2, name);
  assert_string_equal(name, "Ben");
  pgr_cast_agent(17, name);
  assert_string_equal(name, "agent 17");
  assert_string_equal(message(&scenario, CLAIM, PGR_OUTCOME_OK, NULL), "Conversation claimed successfully");
  assert_string_equal(message(&scenario, CLAIM, PGR_OUTCOME_REFUSED, NULL), "This conversation is already checked out");
  assert_string_equal(message(&scenario, CLAIM, PGR_OUTCOME_REJECTED, &scenario.rejections[1]),
                      "Somebody is checking this conversation out right now");
  assert_string_not_equal(message(&scenario, REPLY, PGR_OUTCOME_OK, NULL), "Conversation claimed successfully");
  for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
    assert_true(*message(&scenario, RELEASE, (pgr_outcome)o, NULL));
}

static void one_sentence_says_why(void **state) {
  (void)state;
  static const char refused[] = "connection to server at \"127.0.0.1\", port 5432 failed: Connection refused";
  char out[100], text[200];
  snprintf(text, sizeof text, "%s Is the server running on that host and accepting TCP/IP connections?", refused);
  pgr_cast_sentence(out, sizeof out, text);
  assert_string_equal(out, "connection to server at \"127.0.0.1\", port 5432 failed: Connection refused.");
  snprintf(text, sizeof text, "%s.\n\tIs it?", refused);
  pgr_cast_sentence(out, sizeof out, text);
  assert_string_equal(out, "connection to server at \"127.0.0.1\", port 5432 failed: Connection refused.");
  pgr_cast_sentence(out, sizeof out, "it starts DETAIL:  Consistent recovery state has not been yet reached.");
  assert_string_equal(out, "it starts.");
  pgr_cast_sentence(out, 20, "has not been yet reached, or so");
  assert_string_equal(out, "has not been yet…");
  pgr_cast_sentence(out, 12, "ääääääääääää");
  assert_string_equal(out, "ääää…");
  pgr_cast_sentence(out, sizeof out, "");
  assert_string_equal(out, "");
}

static void moments_have_names(void **state) {
  (void)state;
  assert_string_equal(pgr_moment_name(PGR_MOMENT_STARTED), "started");
  assert_string_equal(pgr_moment_name(PGR_MOMENT_WAITS), "waits");
  assert_string_equal(pgr_moment_name(PGR_MOMENT_DOUBLED), "doubled");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(both_check_then_both_write),
                                     cmocka_unit_test(the_other_way_round),
                                     cmocka_unit_test(no_order_is_claimed_of_writes_under_way_together),
                                     cmocka_unit_test(a_transaction_does_not_help),
                                     cmocka_unit_test(transactions_under_way_together),
                                     cmocka_unit_test(a_trigger_rejects),
                                     cmocka_unit_test(a_rejection_without_the_other_seat),
                                     cmocka_unit_test(nowait_asked_first),
                                     cmocka_unit_test(nowait_does_not_wait),
                                     cmocka_unit_test(a_key_allows_one),
                                     cmocka_unit_test(a_row_lock_makes_wait),
                                     cmocka_unit_test(an_advisory_lock_makes_wait),
                                     cmocka_unit_test(an_update_looks_again_after_waiting),
                                     cmocka_unit_test(a_version_that_is_gone),
                                     cmocka_unit_test(refused_although_sent_first),
                                     cmocka_unit_test(an_update_has_probably_waited),
                                     cmocka_unit_test(a_transaction_was_probably_waited_for),
                                     cmocka_unit_test(a_commit_that_a_retry_comes_from_is_named),
                                     cmocka_unit_test(nobody_is_said_to_have_waited_for_nothing),
                                     cmocka_unit_test(what_is_locked_is_skipped),
                                     cmocka_unit_test(an_open_claim_excludes_another),
                                     cmocka_unit_test(a_serialization_failure_is_retried),
                                     cmocka_unit_test(one_after_the_other),
                                     cmocka_unit_test(refused_alone),
                                     cmocka_unit_test(an_error_that_nobody_expects),
                                     cmocka_unit_test(a_lost_connection),
                                     cmocka_unit_test(nothing_is_said_too_early),
                                     cmocka_unit_test(long_and_foreign_texts_stay_whole),
                                     cmocka_unit_test(answers_contradict_and_repeat),
                                     cmocka_unit_test(names_and_messages),
                                     cmocka_unit_test(one_sentence_says_why),
                                     cmocka_unit_test(moments_have_names)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
