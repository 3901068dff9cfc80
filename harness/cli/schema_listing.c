/* What a migration's statements lock, as a table for people. */
#include "schema_listing.h"

#include "pgr_names.h"
#include "pgr_statements.h"
#include <stdio.h>

static const char *const headings[PGR_SCHEMA_LISTING_COLUMNS] = {"statement", "on", "lock", "keeps waiting"};

void pgr_schema_listing_begin(pgr_schema_columns *columns) {
  *columns = (pgr_schema_columns){.count = PGR_SCHEMA_LISTING_COLUMNS, .indent = 2, .cut = 2};
  pgr_schema_columns_measure(columns, headings, 1);
}

static const char *object_of(const pgr_sql_statement *s) {
  return s->object ? s->object : "";
}

/* What the ith lock is on. Some are not told by name: only the catalogs know where a foreign key or an index leads. */
static const char *relation_of(const pgr_sql_statement *s, size_t i, pgr_arena *arena) {
  const pgr_lock *lock = &s->locks[i];
  if (!lock->relation && lock->mode == PGR_LOCK_UNKNOWN && s->lock_count == 1) return object_of(s);
  if (!lock->relation) return s->lock_count > 1 ? "and tables not named here" : "a table not named here";
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr_sql_qualified(lock->schema, lock->relation, &name);
  const char *kept = pgr_arena_strdup(arena, pgr_buf_text(&name));
  pgr_buf_deinit(&name);
  return kept ? kept : "";
}

static void add_row(pgr_schema_listing *l, const char *what, const char *on, const char *lock, const char *waiting) {
  const char **row = l->cells + l->rows++ * PGR_SCHEMA_LISTING_COLUMNS;
  row[0] = what;
  row[1] = on;
  row[2] = lock;
  row[3] = waiting;
}

static void add_statement(pgr_schema_listing *l, const pgr_sql_statement *s, pgr_arena *arena) {
  if (s->lock_count == 0) add_row(l, s->what, object_of(s), "none", "nobody");
  for (size_t i = 0; i < s->lock_count; i++) {
    const char *what = i == 0 ? s->what : "", *on = relation_of(s, i, arena);
    pgr_lock_mode mode = s->locks[i].mode;
    if (mode == PGR_LOCK_UNKNOWN)
      add_row(l, what, on, "unknown", "whoever it meets");
    else
      add_row(l, what, on, pgr_lock_mode_name(mode), pgr_lock_mode_blocks(mode));
  }
}

static size_t rows_of(const pgr_sql_statements *s) {
  size_t rows = 1; /* for what cannot be parsed */
  for (size_t i = 0; i < s->count; i++)
    rows += s->items[i].lock_count ? s->items[i].lock_count : 1;
  return rows;
}

/* What the grammar of pgrace does not know is said in a row, the server may know it. */
pgr_code pgr_schema_list(const pgr_migration_text *text, pgr_schema_columns *columns, pgr_arena *arena,
                         pgr_schema_listing *out, pgr_err *err) {
  pgr_sql_statements parts[PGR_PARTS_MAX];
  bool understood[PGR_PARTS_MAX];
  size_t rows = 0;
  for (size_t i = 0; i < text->part_count; i++) {
    pgr_faults faults = {0};
    pgr_code code = pgr_statements_read(&text->parts[i], arena, &parts[i], &faults, err);
    understood[i] = faults.count == 0;
    pgr_faults_deinit(&faults);
    if (code) return code;
    rows += rows_of(&parts[i]);
  }
  out->cells = pgr_arena_alloc(arena, (rows + 1) * PGR_SCHEMA_LISTING_COLUMNS * sizeof *out->cells);
  if (!out->cells) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; i < text->part_count; i++) {
    for (size_t k = 0; k < parts[i].count; k++)
      add_statement(out, &parts[i].items[k], arena);
    if (!understood[i]) add_row(out, "not understood", text->parts[i].name, "unknown", "whoever it meets");
  }
  pgr_schema_columns_measure(columns, out->cells, out->rows);
  return PGR_OK;
}

void pgr_schema_listing_print(const pgr_schema_listing *l, const pgr_schema_columns *columns, bool *headed) {
  if (!*headed && l->rows > 0) pgr_schema_columns_print(columns, headings, 1);
  *headed |= l->rows > 0;
  pgr_schema_columns_print(columns, l->cells, l->rows);
  if (l->rows == 0) puts("  no statements");
}
