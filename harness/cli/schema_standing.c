/* Where a folder and a database's records disagree, in words. Invariant: a command that is advised does no more than
 * the words beside it say. */
#include "schema_standing.h"

#include "pgr_statements.h"
#include <stdio.h>
#include <string.h>

/* How long a list of titles may be in an error; what does not fit is counted. */
enum { TITLES_SHOWN = 3 };

static int digits_of(const pgr_migrations *all) {
  int often[PGR_MIGRATION_DIGITS_MAX + 1] = {0}, best = 4;
  for (size_t i = 0; i < all->count; i++)
    often[all->items[i].digits]++;
  for (int i = 1; i <= PGR_MIGRATION_DIGITS_MAX; i++)
    if (often[i] > often[best]) best = i;
  return best;
}

static const char *title_by_record(const pgr_standing *s, int digits, char out[PGR_STANDING_TITLE_BYTES]) {
  snprintf(out, PGR_STANDING_TITLE_BYTES, "%0*lld_%s", digits, (long long)s->number, s->name);
  return out;
}

const char *pgr_standing_title(const pgr_standing *s, const pgr_migrations *all, char out[PGR_STANDING_TITLE_BYTES]) {
  return s->migration ? pgr_migration_title(s->migration, out) : title_by_record(s, digits_of(all), out);
}

/* ---- redo ---- */

static bool is_drop_of_tables(const char *what) {
  return strcmp(what, "DROP TABLE") == 0 || strcmp(what, "DROP SCHEMA") == 0;
}

bool pgr_standing_drops_tables(const pgr_migration *m) {
  bool drops = false;
  pgr_arena arena = {0};
  for (size_t i = 0; !drops && i < m->down.part_count; i++) {
    pgr_sql_statements statements = {0};
    pgr_faults faults = {0};
    pgr_err ignored;
    pgr_code code = pgr_statements_read(&m->down.parts[i], &arena, &statements, &faults, &ignored);
    for (size_t k = 0; !code && !drops && k < statements.count; k++)
      drops = is_drop_of_tables(statements.items[k].what);
    pgr_faults_deinit(&faults);
  }
  pgr_arena_deinit(&arena);
  return drops;
}

static bool is_applied(const pgr_standing *s) {
  return s->state == PGR_STANDING_APPLIED || s->state == PGR_STANDING_CHANGED;
}

static bool is_recorded(const pgr_standing *s) {
  return s->state != PGR_STANDING_PENDING && s->state != PGR_STANDING_LATE;
}

static void add_later(const pgr_standings *s, size_t at, size_t later, pgr_buf *out) {
  char title[PGR_STANDING_TITLE_BYTES];
  size_t named = 0;
  pgr_buf_adds(out, ", which also takes back and applies again ");
  for (size_t i = at + 1; i < s->count && named < TITLES_SHOWN; i++) {
    if (!is_applied(&s->items[i])) continue;
    pgr_buf_addf(out, "%s%s",
                 named == 0           ? ""
                 : named + 1 == later ? " and "
                                      : ", ",
                 pgr_standing_title(&s->items[i], s->folder, title));
    named++;
  }
  if (named < later) pgr_buf_addf(out, " and %zu more", later - named);
}

bool pgr_standing_redo(const pgr_standings *s, size_t at, pgr_buf *out) {
  size_t count = 0, dropping = 0;
  for (size_t i = at; i < s->count; i++) {
    const pgr_standing *one = &s->items[i];
    if (!is_recorded(one)) continue;
    if (!is_applied(one) || !one->migration->down.file) return false;
    count++;
    dropping += pgr_standing_drops_tables(one->migration);
  }
  pgr_buf_adds(out, "pgrace schema redo");
  if (count > 1) pgr_buf_addf(out, " %zu", count);
  pgr_buf_adds(out, " --changed");
  if (count > 1) add_later(s, at, count - 1, out);
  if (dropping > 0) pgr_buf_addf(out, "%s drops tables: their rows are gone then", count > 1 ? "; it" : ", which");
  return true;
}

/* ---- what is refused ---- */

/* Its own file, or the one that it includes, has another text now. */
static pgr_code refuse_changed(const pgr_standings *s, size_t at, pgr_err *err) {
  const pgr_migration_text *up = &s->items[at].migration->up;
  const char *file = up->part_count == 1 ? up->parts[0].name : up->file;
  pgr_buf redo;
  pgr_buf_init(&redo, 0);
  bool can = pgr_standing_redo(s, at, &redo);
  pgr_fail(err, PGR_EUSAGE,
           "%.160s is not what it was when it was applied (%s): put it back, and the change into a migration of its "
           "own%s%.300s",
           file, s->items[at].applied_at, can ? "; or, where that is allowed, " : "",
           can ? pgr_buf_text(&redo) : "; to take it back is not possible any more");
  pgr_buf_deinit(&redo);
  return PGR_EUSAGE;
}

static pgr_code refuse_missing(const pgr_standings *s, const pgr_standing *one, pgr_err *err) {
  return pgr_fail(err, PGR_EUSAGE,
                  "migration %lld, %.80s, was applied (%s by %.63s), and the folder %.100s has no file of it: get it "
                  "back",
                  (long long)one->number, one->name, one->applied_at, one->applied_by, s->folder->folder);
}

static pgr_code refuse_other(const pgr_standings *s, const pgr_standing *one, pgr_err *err) {
  char title[PGR_STANDING_TITLE_BYTES];
  title_by_record(one, one->migration->digits, title);
  return pgr_fail(
      err, PGR_EUSAGE,
      "the database's record says %.120s (applied %s by %.63s), the folder %.80s says %.160s: is it another "
      "project's database, or another folder? Nothing was changed",
      title, one->applied_at, one->applied_by, s->folder->folder, one->migration->up.file);
}

pgr_code pgr_standing_refuse(const pgr_standings *s, size_t at, pgr_err *err) {
  switch (s->items[at].state) {
  case PGR_STANDING_CHANGED: return refuse_changed(s, at, err);
  case PGR_STANDING_MISSING: return refuse_missing(s, &s->items[at], err);
  case PGR_STANDING_OTHER: return refuse_other(s, &s->items[at], err);
  case PGR_STANDING_APPLIED:
  case PGR_STANDING_PENDING:
  case PGR_STANDING_LATE: break;
  }
  return PGR_OK;
}

pgr_code pgr_standing_refuse_others(const pgr_standings *s, pgr_err *err) {
  for (size_t i = 0; i < s->count; i++)
    if (s->items[i].state == PGR_STANDING_OTHER) return pgr_standing_refuse(s, i, err);
  return PGR_OK;
}
