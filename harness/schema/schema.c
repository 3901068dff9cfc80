/* One simple-protocol message is one transaction already; BEGIN … COMMIT says so where a file forgets. */
#include "pgr_schema.h"

#include "pgr_buf.h"
#include <string.h>

static const char opening[] = "BEGIN;\n";

/* The server counts characters from 1, the file's place is counted in bytes. before: characters sent before the file's
 * first one. */
static pgr_place_in place_of(const pgr_source *file, size_t before, int position) {
  size_t left = position > 0 ? (size_t)position - 1 : 0, offset = 0;
  if (position <= 0 || left < before) return (pgr_place_in){0};
  left -= before;
  while (left > 0 && offset < file->len_bytes) {
    offset++;
    while (((unsigned char)file->text[offset] & 0xC0) == 0x80)
      offset++;
    left--;
  }
  return pgr_place_at(file, offset);
}

/* What the last statement failed with, at its place in the file. */
static pgr_code blame(const pgr_db *db, const pgr_source *file, size_t before, pgr_code code, const pgr_err *reason,
                      pgr_err *err) {
  pgr_place_in at = place_of(file, before, pgr_db_error_position(db));
  bool denied = strcmp(pgr_db_sqlstate(db), "42501") == 0; /* another role may run the same text */
  if (code == PGR_EDATABASE && pgr_db_blames_sql(db) && !denied) code = PGR_EUSAGE;
  if (at.line) return pgr_fail(err, code, "%s:%d:%d: %s", file->name, at.line, at.column, reason->msg);
  return pgr_fail(err, code, "%s: %s", file->name, reason->msg);
}

pgr_code pgr_schema_apply(pgr_db *db, const pgr_source *file, pgr_err *err) {
  pgr_buf script;
  pgr_buf_init(&script, 0);
  pgr_buf_adds(&script, opening);
  pgr_buf_add(&script, file->text, file->len_bytes);
  pgr_buf_adds(&script, "\n;COMMIT"); /* the file may end without a semicolon, in a comment */
  pgr_err reason;
  pgr_code code =
      script.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : pgr_db_exec(db, pgr_buf_text(&script), &reason);
  pgr_buf_deinit(&script);
  if (!code || code == PGR_ENOMEM) return code;
  code = blame(db, file, strlen(opening), code, &reason, err);
  pgr_err ignored;
  pgr_code rolled_back = pgr_db_exec(db, "ROLLBACK", &ignored);
  (void)rolled_back; /* the reason is what matters */
  return code;
}

pgr_code pgr_schema_apply_within(pgr_db *db, const pgr_source *files, size_t count, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < count; i++) {
    pgr_err reason;
    code = pgr_db_exec(db, files[i].text, &reason);
    if (code) code = blame(db, &files[i], 0, code, &reason, err);
  }
  return code;
}
