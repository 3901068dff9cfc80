/* Columns as array literals. Names and SQLSTATEs are plain words, which quotes keep from being empty or NULL there. */
#include "history_rows.h"

const char pgr__history_rows_table[] = "CREATE TEMPORARY TABLE pgrace_history (round bigint, key bigint, agent int,"
                                       " operation text, attempt int, outcome text, sqlstate text)";
const char pgr__history_rows_insert[] =
    "INSERT INTO pgrace_history SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::text[], $5::int[],"
    " $6::text[], $7::text[])";

void pgr__history_rows_init(pgr__history_rows *r) {
  for (int i = 0; i < PGR__HISTORY_COLUMNS; i++)
    pgr_buf_init(&r->columns[i], 0);
  pgr__history_rows_clear(r);
}

void pgr__history_rows_clear(pgr__history_rows *r) {
  for (int i = 0; i < PGR__HISTORY_COLUMNS; i++) {
    pgr_buf_clear(&r->columns[i]);
    pgr_buf_adds(&r->columns[i], "{");
  }
}

void pgr__history_rows_add(pgr__history_rows *r, const pgr_scenario *s, const pgr_op *op) {
  const char *comma = r->columns[0].len > 1 ? "," : "";
  pgr_buf *c = r->columns;
  pgr_buf_addf(c++, "%s%lld", comma, (long long)op->round);
  pgr_buf_addf(c++, "%s%lld", comma, (long long)op->key);
  pgr_buf_addf(c++, "%s%u", comma, op->agent);
  pgr_buf_addf(c++, "%s\"%s\"", comma, s->operations[op->kind].name);
  pgr_buf_addf(c++, "%s%u", comma, (unsigned)op->attempt);
  pgr_buf_addf(c++, "%s%s", comma, pgr_outcome_name((pgr_outcome)op->outcome));
  pgr_buf_addf(c++, "%s\"%s\"", comma, op->sqlstate);
}

const char *const *pgr__history_rows_values(pgr__history_rows *r) {
  for (int i = 0; i < PGR__HISTORY_COLUMNS; i++) {
    pgr_buf_adds(&r->columns[i], "}");
    if (r->columns[i].failed) return NULL;
    r->values[i] = pgr_buf_text(&r->columns[i]);
  }
  return r->values;
}

void pgr__history_rows_deinit(pgr__history_rows *r) {
  for (int i = 0; i < PGR__HISTORY_COLUMNS; i++)
    pgr_buf_deinit(&r->columns[i]);
}
