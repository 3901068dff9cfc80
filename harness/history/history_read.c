/* history.csv back into operations, a line at a time: what stays in memory is the operations themselves. The file may
 * come from anybody. Invariant: an operation is appended only when all of its line was found good, so whoever exports
 * it may rely on times in order, known outcomes and names that are safe to print as they are. */
#include "pgr_history_export.h"

#include "pgr_mem.h"
#include "pgr_utf8.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
  LINE_BYTES = 4096, /* of ours: less than 400 */
  FIELDS_MAX = 64,
  NAME_BYTES_MAX = 63,
  CELLS_MAX = 1024,
  AGENTS_MAX = 100000,
  SQLSTATE_BYTES = 5
};

typedef enum column {
  STRATEGY,
  ROUND,
  KEY,
  AGENT,
  OPERATION,
  ATTEMPT,
  OUTCOME,
  SQLSTATE,
  INTENDED_NS,
  CALL_NS,
  RETURN_NS,
  POOL_WAIT_NS,
  ISOLATION,
  GAP_NS, /* older files have none */
  COLUMN_COUNT
} column;

static const struct {
  const char *name;
  bool is_number;
  int64_t low, high;
} columns[COLUMN_COUNT] = {
    [STRATEGY] = {"strategy", false, 0, 0},
    [ROUND] = {"round", true, 1, INT64_MAX},
    [KEY] = {"key", true, INT64_MIN, INT64_MAX},
    [AGENT] = {"agent", true, 1, AGENTS_MAX},
    [OPERATION] = {"operation", false, 0, 0},
    [ATTEMPT] = {"attempt", true, 1, UINT16_MAX},
    [OUTCOME] = {"outcome", false, 0, 0},
    [SQLSTATE] = {"sqlstate", false, 0, 0},
    [INTENDED_NS] = {"intended_ns", true, 0, INT64_MAX},
    [CALL_NS] = {"call_ns", true, 0, INT64_MAX},
    [RETURN_NS] = {"return_ns", true, 0, INT64_MAX},
    [POOL_WAIT_NS] = {"pool_wait_ns", true, 0, INT64_MAX},
    [ISOLATION] = {"isolation", false, 0, 0},
    [GAP_NS] = {"gap_ns", true, 0, INT64_MAX},
};

typedef struct reader {
  FILE *in;
  const char *name;
  pgr_history_file *file;
  size_t cell_cap, max_ops, op_count;
  pgr_history_rows *cell;  /* of the line before; NULL at first */
  int place[COLUMN_COUNT]; /* which field of a line it is; -1: not there */
  int width;               /* fields of the header */
  long long line_number;
  int field_count;
  char *fields[FIELDS_MAX]; /* of this line, in `line` */
  char line[LINE_BYTES];
  pgr_err *err;
} reader;

/* at: in r->line. */
static pgr_code fault(const reader *r, const char *at, const char *fmt, ...) PGR_PRINTF(3, 4);
static pgr_code fault(const reader *r, const char *at, const char *fmt, ...) {
  char what[256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  return pgr_fail(r->err, PGR_EUSAGE, "%s:%lld:%d: %s", r->name, r->line_number, (int)(at - r->line) + 1, what);
}

static pgr_code out_of_memory(const reader *r) {
  return pgr_fail(r->err, PGR_ENOMEM, "out of memory");
}

/* ---- lines ---- */

/* *more: false at the end of the file. A line without its end was cut short, and with it perhaps a number. */
static pgr_code next_line(reader *r, bool *more) {
  *more = fgets(r->line, sizeof r->line, r->in) != NULL;
  if (ferror(r->in)) return pgr_fail(r->err, PGR_EENVIRONMENT, "%s: cannot be read: %s", r->name, strerror(errno));
  if (!*more) return PGR_OK;
  r->line_number++;
  size_t len = strlen(r->line);
  if (len > 0 && r->line[len - 1] == '\n') {
    r->line[len - 1] = '\0';
    return PGR_OK;
  }
  if (len == sizeof r->line - 1) return fault(r, r->line, "is longer than %d bytes", LINE_BYTES - 2);
  if (feof(r->in)) return fault(r, r->line + len, "the file ends within a line: it was cut short");
  return fault(r, r->line + len, "a NUL byte");
}

static pgr_code split(reader *r) {
  char *at = r->line;
  r->field_count = 0;
  for (;;) {
    if (r->field_count == FIELDS_MAX) return fault(r, at, "more than %d fields", FIELDS_MAX);
    r->fields[r->field_count++] = at;
    if (!(at = strchr(at, ','))) return PGR_OK;
    *at++ = '\0';
  }
}

/* ---- the header ---- */

static bool is_column_name(const char *text) {
  return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static pgr_code read_header(reader *r) {
  bool more;
  pgr_code code = next_line(r, &more);
  if (!code && !more) {
    r->line_number = 1;
    return fault(r, r->line, "is empty; a history begins with the names of its columns");
  }
  if (!code) code = split(r);
  for (int c = 0; c < COLUMN_COUNT; c++)
    r->place[c] = -1;
  for (int i = 0; !code && i < r->field_count; i++) {
    if (!is_column_name(r->fields[i])) code = fault(r, r->fields[i], "no name of a column of a history");
    for (int c = 0; !code && c < COLUMN_COUNT; c++) {
      if (strcmp(columns[c].name, r->fields[i]) != 0) continue;
      if (r->place[c] >= 0) code = fault(r, r->fields[i], "a second column %s", columns[c].name);
      r->place[c] = i;
    }
  }
  for (int c = 0; !code && c < GAP_NS; c++)
    if (r->place[c] < 0) code = fault(r, r->line, "has no column %s", columns[c].name);
  r->width = r->field_count;
  return code;
}

/* ---- fields ---- */

static const char *field(const reader *r, column c) {
  return r->fields[r->place[c]];
}

/* As pgrace writes them: digits, a minus sign before them at most. */
static bool parse_number(const char *text, int64_t *out) {
  bool negative = *text == '-';
  int64_t n = 0;
  text += negative;
  if (!*text) return false;
  for (; *text; text++) {
    if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, 10, &n)) return false;
    int digit = *text - '0';
    if (__builtin_add_overflow(n, negative ? -digit : digit, &n)) return false;
  }
  *out = n;
  return true;
}

static pgr_code read_number(const reader *r, column c, int64_t *out) {
  const char *text = field(r, c), *name = columns[c].name;
  int64_t low = columns[c].low, high = columns[c].high;
  if (!parse_number(text, out)) {
    char shown[32];
    pgr_utf8_copy(shown, sizeof shown, text);
    return fault(r, text, "%s: '%s' is no whole number", name, shown);
  }
  if (*out >= low && *out <= high) return PGR_OK;
  if (high == INT64_MAX) return fault(r, text, "%s: must be at least %lld, not %s", name, (long long)low, text);
  return fault(r, text, "%s: must be %lld … %lld, not %s", name, (long long)low, (long long)high, text);
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* A name as scenarios have them; of a level, words. */
static pgr_code read_name(const reader *r, column c, const char **out) {
  const char *text = field(r, c);
  bool words = c == ISOLATION;
  size_t len = 0;
  for (; text[len]; len++) {
    bool plain = is_letter(text[len]) || (!words && is_digit(text[len]));
    if (!plain && (len == 0 || !strchr(words ? " " : "_.-", text[len]))) break;
  }
  if (text[len] || len == 0 || len > NAME_BYTES_MAX)
    return fault(r, text + (text[len] ? len : 0), "%s: no name of one", columns[c].name);
  *out = text;
  return PGR_OK;
}

static pgr_code read_outcome(const reader *r, uint8_t *out) {
  const char *text = field(r, OUTCOME);
  for (int o = 0; o < PGR_OUTCOME_COUNT; o++) {
    if (strcmp(pgr_outcome_name((pgr_outcome)o), text) != 0) continue;
    *out = (uint8_t)o;
    return PGR_OK;
  }
  char shown[32];
  pgr_utf8_copy(shown, sizeof shown, text);
  return fault(r, text, "outcome: '%s' is none", shown);
}

static pgr_code read_sqlstate(const reader *r, char out[SQLSTATE_BYTES + 1]) {
  const char *text = field(r, SQLSTATE);
  size_t len = 0;
  while (is_digit(text[len]) || (is_letter(text[len]) && text[len] < 'a'))
    len++;
  if (text[len] || (len != 0 && len != SQLSTATE_BYTES))
    return fault(r, text, "sqlstate: five digits or capital letters, or nothing");
  memcpy(out, text, len + 1);
  return PGR_OK;
}

/* ---- cells ---- */

static bool is_cell(const pgr_history_rows *cell, const char *strategy, const char *isolation, int64_t gap_ns) {
  return cell->gap_ns == gap_ns && strcmp(cell->strategy, strategy) == 0 && strcmp(cell->isolation, isolation) == 0;
}

static pgr_code add_cell(reader *r, const char *strategy, const char *isolation, int64_t gap_ns) {
  pgr_history_file *f = r->file;
  if (f->count == CELLS_MAX)
    return fault(r, r->line, "more than %d combinations of a strategy, an isolation level and a gap", CELLS_MAX);
  if (f->count == r->cell_cap) {
    size_t cap = r->cell_cap ? r->cell_cap * 2 : 8;
    pgr_history_rows *cells = pgr_realloc(f->cells, cap, sizeof *cells);
    if (!cells) return out_of_memory(r);
    f->cells = cells;
    r->cell_cap = cap;
  }
  r->cell = &f->cells[f->count++];
  *r->cell = (pgr_history_rows){.strategy = pgr_strdup(strategy),
                                .isolation = pgr_strdup(isolation),
                                .gap_ns = gap_ns,
                                .history = pgr_history_create(r->max_ops)};
  return r->cell->strategy && r->cell->isolation && r->cell->history ? PGR_OK : out_of_memory(r);
}

/* Makes it r->cell; the lines of one stand together, mostly. */
static pgr_code find_cell(reader *r, int64_t gap_ns) {
  const char *strategy = "", *isolation = "";
  pgr_code code = read_name(r, STRATEGY, &strategy);
  if (!code) code = read_name(r, ISOLATION, &isolation);
  if (code || (r->cell && is_cell(r->cell, strategy, isolation, gap_ns))) return code;
  for (size_t i = 0; i < r->file->count; i++) {
    if (!is_cell(&r->file->cells[i], strategy, isolation, gap_ns)) continue;
    r->cell = &r->file->cells[i];
    return PGR_OK;
  }
  return add_cell(r, strategy, isolation, gap_ns);
}

static pgr_code find_kind(reader *r, uint8_t *out) {
  const char *name = "";
  pgr_history_rows *cell = r->cell;
  pgr_code code = read_name(r, OPERATION, &name);
  if (code) return code;
  int k = 0;
  while (k < cell->kind_count && strcmp(cell->kinds[k], name) != 0)
    k++;
  if (k == PGR_KINDS_MAX) return fault(r, name, "operation: more than %d different ones", PGR_KINDS_MAX);
  if (k == cell->kind_count) {
    if (!(cell->kinds[k] = pgr_strdup(name))) return out_of_memory(r);
    cell->kind_count++;
  }
  *out = (uint8_t)k;
  return PGR_OK;
}

/* ---- operations ---- */

static pgr_code check_times(const reader *r, const pgr_op *op) {
  if (op->call_ns < op->intended_ns) return fault(r, field(r, CALL_NS), "call_ns: is before intended_ns");
  if (op->return_ns < op->call_ns) return fault(r, field(r, RETURN_NS), "return_ns: is before call_ns");
  return PGR_OK;
}

static pgr_code read_op(reader *r) {
  int64_t n[COLUMN_COUNT] = {0};
  pgr_code code = split(r);
  if (!code && r->field_count != r->width)
    code = fault(r, r->line, "has %d fields, the header has %d", r->field_count, r->width);
  for (int c = 0; !code && c < COLUMN_COUNT; c++)
    if (columns[c].is_number && r->place[c] >= 0) code = read_number(r, (column)c, &n[c]);
  if (code) return code;
  pgr_op op = {.intended_ns = n[INTENDED_NS],
               .call_ns = n[CALL_NS],
               .return_ns = n[RETURN_NS],
               .pool_wait_ns = n[POOL_WAIT_NS],
               .key = n[KEY],
               .round = n[ROUND],
               .agent = (uint32_t)n[AGENT],
               .attempt = (uint16_t)n[ATTEMPT]};
  code = check_times(r, &op);
  if (!code) code = read_outcome(r, &op.outcome);
  if (!code) code = read_sqlstate(r, op.sqlstate);
  if (!code && r->op_count == r->max_ops)
    return pgr_fail(r->err, PGR_ELIMIT, "%s:%lld: more than %zu operations", r->name, r->line_number, r->max_ops);
  if (!code) code = find_cell(r, n[GAP_NS]);
  if (!code) code = find_kind(r, &op.kind);
  if (!code && pgr_history_append(r->cell->history, &op)) code = out_of_memory(r);
  r->op_count++;
  return code;
}

pgr_code pgr_history_read_csv(FILE *in, const char *name, size_t max_ops, pgr_history_file *out, pgr_err *err) {
  reader r = {.in = in, .name = name, .file = out, .max_ops = max_ops, .err = err};
  bool more = true;
  pgr_code code = read_header(&r);
  while (!code && more) {
    code = next_line(&r, &more);
    if (!code && more) code = read_op(&r);
  }
  if (code) pgr_history_file_deinit(out);
  return code;
}

void pgr_history_file_deinit(pgr_history_file *f) {
  for (size_t i = 0; i < f->count; i++) {
    pgr_history_rows *cell = &f->cells[i];
    for (int k = 0; k < cell->kind_count; k++)
      pgr_free(cell->kinds[k]);
    pgr_free(cell->strategy);
    pgr_free(cell->isolation);
    pgr_history_destroy(cell->history);
  }
  pgr_free(f->cells);
  *f = (pgr_history_file){0};
}
