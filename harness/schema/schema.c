/* One simple-protocol message is one transaction already; BEGIN … COMMIT says so where a file forgets. */
#include "pgr_schema.h"

#include "pgr_buf.h"
#include <string.h>

static const char opening[] = "BEGIN;\n";

/* The server counts characters from 1, the file's place is counted in bytes. */
static pgr_place_in place_of(const pgr_source *file, int position) {
  size_t left = position > 0 ? (size_t)position - 1 : 0, offset = 0;
  if (left < strlen(opening)) return (pgr_place_in){0};
  left -= strlen(opening);
  while (left > 0 && offset < file->len_bytes) {
    offset++;
    while (((unsigned char)file->text[offset] & 0xC0) == 0x80)
      offset++;
    left--;
  }
  return pgr_place_at(file, offset);
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
  pgr_place_in at = place_of(file, pgr_db_error_position(db));
  if (pgr_db_blames_sql(db)) code = PGR_EUSAGE;
  pgr_err ignored;
  pgr_code rolled_back = pgr_db_exec(db, "ROLLBACK", &ignored);
  (void)rolled_back; /* the reason is what matters */
  if (at.line) return pgr_fail(err, code, "%s:%d:%d: %s", file->name, at.line, at.column, reason.msg);
  return pgr_fail(err, code, "%s: %s", file->name, reason.msg);
}
