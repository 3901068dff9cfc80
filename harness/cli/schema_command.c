/* What the subcommands of pgrace schema share: the folder, the database, the question, the file. Invariant: no
 * connection string is in anything that is printed. */
#include "schema_command.h"

#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_journal.h"
#include "pgr_mem.h"
#include "pgr_utf8.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

const char pgr_schema_default_dir[] = "schema";

enum {
  CONNECTIONS_OURS = 4, /* of a throw-away server: our own, and those that a migration opens by dblink */
  ANSWER_BYTES = 256,
  TERMINAL_COLUMNS = 80,
  BETWEEN_COLUMNS = 2,
  NARROWEST_COLUMN = 6,
  FOLDER_MODE = 0777,
  FILE_MODE = 0666
};

int pgr_schema_complain(const pgr_err *err) {
  fflush(stdout);
  fprintf(stderr, "pgrace: %s\n", err->msg);
  return pgr_exit_status(err->code);
}

/* ---- the folder ---- */

static int complain_of_faults(const pgr_faults *faults) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_faults_print(faults, &text);
  fputs(pgr_buf_text(&text), stderr);
  pgr_buf_deinit(&text);
  return pgr_exit_status(PGR_EUSAGE);
}

bool pgr_schema_folder_open(const char *dir, pgr_schema_folder *out, int *status) {
  pgr_faults faults = {0};
  pgr_err err;
  *out = (pgr_schema_folder){0};
  pgr_code code = pgr_migrations_read(dir, &out->migrations, &faults, &err);
  if (!code) code = pgr_triggers_read(dir, &out->triggers, &faults, &err);
  if (code == PGR_EUSAGE && strstr(dir, "://"))
    pgr_fail(&err, code, "--dir: there is no such folder (not shown: it may hold a password)");
  if (faults.count > 0)
    *status = complain_of_faults(&faults);
  else if (code)
    *status = pgr_schema_complain(&err);
  bool good = !code && faults.count == 0;
  pgr_faults_deinit(&faults);
  return good;
}

void pgr_schema_folder_close(pgr_schema_folder *f) {
  pgr_triggers_deinit(&f->triggers);
  pgr_migrations_deinit(&f->migrations);
}

/* ---- the database ---- */

static pgr_code install_all(pgr_db *db, const pgr_schema_folder *folder, pgr_err *err) {
  pgr_journal *journal = NULL;
  pgr_code code = pgr_journal_open(db, &(pgr_journal_options){.changes = true}, &journal, err);
  for (size_t i = 0; !code && i < folder->migrations.count; i++)
    code = pgr_journal_up(journal, &folder->migrations.items[i], &folder->triggers, err);
  pgr_journal_close(journal);
  return code;
}

pgr_code pgr_schema_database_open(const char *dsn, const pgr_schema_folder *install, pgr_schema_database *out,
                                  pgr_err *err) {
  *out = (pgr_schema_database){.ours = !dsn};
  pgr_place_options options = {.dsn = dsn, .as_is = true, .connections = dsn ? 0 : CONNECTIONS_OURS};
  pgr_code code = pgr_place_open(&out->place, &options, err);
  if (code) {
    out->ours = false;
    return code;
  }
  if (!dsn && install) code = install_all(out->place.db, install, err);
  if (!code) return PGR_OK;
  pgr_err ignored;
  if (pgr_schema_database_close(out, &ignored)) fprintf(stderr, "pgrace: %s\n", ignored.msg);
  return code;
}

pgr_code pgr_schema_database_close(pgr_schema_database *d, pgr_err *err) {
  pgr_code code = pgr_place_close(&d->place, err);
  *d = (pgr_schema_database){0};
  return code;
}

int pgr_schema_finish(pgr_schema_folder *f, pgr_schema_database *d, int status) {
  pgr_err err;
  pgr_code code = pgr_schema_database_close(d, &err);
  pgr_schema_folder_close(f);
  if (!code && (fflush(stdout) || ferror(stdout)))
    code = pgr_fail(&err, PGR_EENVIRONMENT, "cannot write to standard output");
  if (!code) return status;
  int left = pgr_schema_complain(&err);
  return status ? status : left;
}

/* ---- the question ---- */

/* A line from the terminal, without its end. An interrupt ends the wait. */
static pgr_code read_answer(char answer[ANSWER_BYTES], pgr_err *err) {
  struct pollfd waits[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = pgr_interrupt_fd(), .events = POLLIN}};
  *answer = '\0';
  while (poll(waits, 2, -1) < 0 && errno == EINTR && !pgr_interrupt_pending())
    continue;
  ssize_t len = pgr_interrupt_pending() ? -1 : read(STDIN_FILENO, answer, ANSWER_BYTES - 1);
  if (len < 0) {
    fputc('\n', stderr);
    return pgr_fail(err, PGR_EINTERRUPTED, "interrupted, nothing was changed");
  }
  answer[len] = '\0';
  answer[strcspn(answer, "\r\n")] = '\0';
  return PGR_OK;
}

pgr_code pgr_schema_confirm(bool yes, const char *question, const char *expected, pgr_err *err) {
  char answer[ANSWER_BYTES], shown[ANSWER_BYTES];
  if (yes) return PGR_OK;
  if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
    return pgr_fail(err, PGR_EUSAGE,
                    "this asks before it changes anything, and there is no terminal to ask on: "
                    "give --yes");
  pgr_utf8_copy(shown, sizeof shown, expected);
  fflush(stdout);
  fprintf(stderr, "%s\nType the database's name, %s, to go on: ", question, shown);
  fflush(stderr);
  pgr_code code = read_answer(answer, err);
  if (code) return code;
  if (strcmp(answer, expected) == 0) return PGR_OK;
  return pgr_fail(err, PGR_EINTERRUPTED, "that is not its name; nothing was changed");
}

/* ---- columns of text ---- */

static bool continues(char byte) {
  return ((unsigned char)byte & 0xC0) == 0x80;
}

static int width_of(const char *text) {
  int width = 0;
  for (; *text; text++)
    width += !continues(*text);
  return width;
}

/* U+0080 to U+009F, which terminals obey as they do what is below a space. */
static bool moves_cursor(const char *c) {
  return c[0] == '\xC2' && (unsigned char)c[1] < 0xA0;
}

/* U+202A to U+202E, U+2066 to U+2069: what follows would be shown the other way round. */
static bool turns_direction(const char *c) {
  const unsigned char *byte = (const unsigned char *)c;
  return byte[0] == 0xE2 && ((byte[1] == 0x80 && byte[2] >= 0xAA && byte[2] <= 0xAE) ||
                             (byte[1] == 0x81 && byte[2] >= 0xA6 && byte[2] <= 0xA9));
}

const char *pgr_schema_show(const char *text, char out[PGR_SCHEMA_CELL_BYTES]) {
  pgr_utf8_copy(out, PGR_SCHEMA_CELL_BYTES, text);
  for (char *c = out; *c; c++) {
    if (moves_cursor(c)) memset(c, '?', 2);
    if (turns_direction(c)) memset(c, '?', 3);
  }
  return out;
}

void pgr_schema_columns_measure(pgr_schema_columns *c, const char *const *cells, size_t rows) {
  char shown[PGR_SCHEMA_CELL_BYTES];
  for (size_t i = 0; i < rows * c->count; i++) {
    int width = cells[i] ? width_of(pgr_schema_show(cells[i], shown)) : 0;
    if (width > c->widths[i % c->count]) c->widths[i % c->count] = width;
  }
}

/* Of the terminal; 0: it is none, then nothing is cut, for a file or a job's log is searched, not looked at. */
static int terminal_columns(void) {
  struct winsize size = {0};
  if (!isatty(STDOUT_FILENO)) return 0;
  bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= TERMINAL_COLUMNS / 2;
  return known ? size.ws_col : TERMINAL_COLUMNS;
}

void pgr_schema_columns_fit(pgr_schema_columns *c) {
  int room = terminal_columns();
  while (room > 0) {
    size_t widest = c->cut ? c->cut - 1 : 0;
    int all = c->indent;
    for (size_t i = 0; i < c->count; i++) {
      all += c->widths[i] + (i > 0 ? BETWEEN_COLUMNS : 0);
      if (!c->cut && c->widths[i] > c->widths[widest]) widest = i;
    }
    if (all <= room || c->widths[widest] <= NARROWEST_COLUMN) return;
    c->widths[widest]--;
  }
}

/* Bytes of the first `width` characters. */
static size_t bytes_of(const char *text, int width) {
  size_t len = 0;
  for (int seen = 0; text[len]; len++)
    if (!continues(text[len]) && seen++ == width) break;
  return len;
}

/* width: characters of text. Of a text that is cut in the middle both ends stay: a schema and a table. */
static void print_cut(const char *text, int width, int room, bool middle) {
  int tail = middle ? (room - 1) / 2 : 0;
  printf("%.*s…%s", (int)bytes_of(text, room - 1 - tail), text, text + bytes_of(text, width - tail));
}

void pgr_schema_columns_print(const pgr_schema_columns *c, const char *const *cells, size_t rows) {
  char shown[PGR_SCHEMA_CELL_BYTES] = "";
  for (size_t row = 0; row < rows; row++) {
    int owed = c->indent; /* spaces before the next text: none at a line's end */
    for (size_t i = 0; i < c->count; i++) {
      const char *cell = cells[row * c->count + i];
      int room = c->widths[i], width = cell ? width_of(pgr_schema_show(cell, shown)) : 0;
      if (width > 0) printf("%*s", owed, "");
      if (width > room)
        print_cut(shown, width, room, c->cut == i + 1);
      else if (width > 0)
        fputs(shown, stdout);
      if (width > room) width = room;
      owed = (width > 0 ? 0 : owed) + room - width + BETWEEN_COLUMNS;
    }
    putchar('\n');
  }
}

void pgr_schema_print_wrapped(const char *text, int indent) {
  char word[PGR_SCHEMA_CELL_BYTES], shown[PGR_SCHEMA_CELL_BYTES];
  int column = 0;
  for (const char *p = text + strspn(text, " \n"); *p; p += strspn(p, " \n")) {
    size_t len = strcspn(p, " \n");
    snprintf(word, sizeof word, "%.*s", (int)len, p);
    int width = width_of(pgr_schema_show(word, shown));
    bool fits = column > 0 && column + 1 + width <= TERMINAL_COLUMNS;
    if (fits)
      printf(" %s", shown);
    else
      printf("%s%*s%s", column > 0 ? "\n" : "", indent, "", shown);
    column = (fits ? column + 1 : indent) + width;
    p += len;
  }
  if (column > 0) putchar('\n');
}

/* Appends where the connection is, as psql's \conninfo has it; an address only where the host does not say it. */
static void add_host(const PGconn *conn, pgr_buf *out) {
  const char *host = PQhost(conn), *address = PQhostaddr(conn), *port = PQport(conn);
  bool socket = host && (*host == '/' || *host == '@');
  if (socket)
    pgr_buf_addf(out, "socket in %s, port %s", host, port);
  else if (host && *host && address && *address && strcmp(host, address) != 0)
    pgr_buf_addf(out, "%s (%s), port %s", host, address, port);
  else
    pgr_buf_addf(out, "%s, port %s", host && *host ? host : address, port);
}

const char *pgr_schema_where(const pgr_schema_database *d, char out[PGR_SCHEMA_CELL_BYTES]) {
  const PGconn *conn = pgr_db_raw(d->place.db);
  pgr_buf text;
  pgr_buf_init(&text, 0);
  add_host(conn, &text);
  pgr_buf_addf(&text, ", user %s", PQuser(conn));
  pgr_schema_show(pgr_buf_text(&text), out);
  pgr_buf_deinit(&text);
  return out;
}

void pgr_schema_print_verdict(const pgr_schema_database *d, const char *dir, const char *verdict) {
  char name[PGR_SCHEMA_CELL_BYTES], where[PGR_SCHEMA_CELL_BYTES] = "";
  pgr_buf line;
  pgr_buf_init(&line, 0);
  pgr_schema_show(d ? PQdb(pgr_db_raw(d->place.db)) : dir, name);
  if (d) pgr_schema_where(d, where);
  pgr_buf_addf(&line, "%s: %s", name, verdict);
  static const char between[] = " · ";
  bool fits = width_of(pgr_buf_text(&line)) + width_of(between) + width_of(where) <= TERMINAL_COLUMNS;
  if (d && fits) pgr_buf_addf(&line, "%s%s", between, where);
  pgr_schema_print_wrapped(pgr_buf_text(&line), 0);
  if (d && !fits) printf("  %s\n", where);
  pgr_buf_deinit(&line);
}

/* ---- the file ---- */

/* Every folder on the way to the file. errno says why not. */
static bool make_folders(const char *path) {
  char folder[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", path);
  for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(folder, FOLDER_MODE) && errno != EEXIST) return false;
    *slash = '/';
  }
  return true;
}

static bool write_all(const char *path, const char *text, size_t len) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
  if (fd < 0) return false;
  FILE *f = fdopen(fd, "w");
  if (!f) {
    close(fd);
    return false;
  }
  bool written = fwrite(text, 1, len, f) == len;
  return fclose(f) == 0 && written;
}

/* Puts the whole text where nothing is. A link, not a rename: it never replaces what is there. Some file systems have
 * none: there the file is written in its place. errno says why not. */
static bool put(const char *temporary, const char *path, const char *text, size_t len) {
  if (link(temporary, path) == 0) return true;
  if (errno == EEXIST) return false;
  if (access(path, F_OK) == 0) {
    errno = EEXIST;
    return false;
  }
  if (write_all(path, text, len)) return true;
  int error = errno;
  if (error != EEXIST) unlink(path);
  errno = error;
  return false;
}

pgr_code pgr_schema_write_new(const char *path, const char *text, size_t len, pgr_err *err) {
  char temporary[PATH_MAX];
  const char *slash = strrchr(path, '/');
  int folder_len = slash ? (int)(slash - path) + 1 : 0;
  int room = snprintf(temporary, sizeof temporary, "%.*s.pgrace-%d", folder_len, path, (int)getpid());
  if (room < 0 || room >= (int)sizeof temporary || strlen(path) >= PATH_MAX)
    return pgr_fail(err, PGR_EUSAGE, "the path %.80s… is too long", path);
  bool written = make_folders(path) && write_all(temporary, text, len) && put(temporary, path, text, len);
  int error = errno;
  unlink(temporary);
  if (written) return PGR_OK;
  if (error == EEXIST) return pgr_fail(err, PGR_EUSAGE, "%.400s exists already, it was not changed", path);
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot write %.400s: %s", path, strerror(error));
}
