#include "pgr_schema.h"

#include "pgr_buf.h"
#include "pgr_embedded.h"
#include <stdio.h>
#include <string.h>

extern const pgr_embedded pgr_embedded_migrations[];

static const char *find(const char *name, const char *direction) {
  char file[128];
  snprintf(file, sizeof file, "%s.%s.sql", name, direction);
  for (const pgr_embedded *m = pgr_embedded_migrations; m->name; m++)
    if (strcmp(m->name, file) == 0) return m->data;
  return NULL;
}

static pgr_code apply(pgr_db *db, const char *name, const char *direction, pgr_err *err) {
  const char *sql = find(name, direction);
  if (!sql) return pgr_fail(err, PGR_EUSAGE, "there is no migration schema/%s.%s.sql", name, direction);
  pgr_buf script;
  pgr_buf_init(&script, 0);
  /* One simple-protocol message is one transaction already; BEGIN … COMMIT says so where a file forgets. */
  pgr_buf_addf(&script, "BEGIN;\n%s\nCOMMIT;", sql);
  pgr_err reason;
  pgr_code code =
      script.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : pgr_db_exec(db, pgr_buf_text(&script), &reason);
  pgr_buf_deinit(&script);
  if (!code || code == PGR_ENOMEM) return code;
  pgr_err ignored;
  pgr_code rolled_back = pgr_db_exec(db, "ROLLBACK", &ignored);
  (void)rolled_back; /* the reason is what matters */
  return pgr_fail(err, code, "schema/%s.%s.sql: %s", name, direction, reason.msg);
}

pgr_code pgr_schema_up(pgr_db *db, const char *name, pgr_err *err) {
  return apply(db, name, "up", err);
}

pgr_code pgr_schema_down(pgr_db *db, const char *name, pgr_err *err) {
  return apply(db, name, "down", err);
}
