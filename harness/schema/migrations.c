/* A folder's migrations. Invariant: every file is read by folder_internal.h; a text that was kept has no NUL and is
 * UTF-8. */
#include "pgr_migrations.h"

#include "folder_internal.h"
#include "pgr_statements.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAMES_MAX = 4 * PGR_MIGRATIONS_MAX };

static const char form[] = "a migration is NUMBER_name.up.sql and, to take it back, NUMBER_name.down.sql";
static const char outside_transaction[] = "run it by hand, outside of migrations: each of them is one transaction";
static const char has_no_data[] = "write INSERT INTO … VALUES: a migration has no data to give";
static const char own_transaction[] = "leave it out: pgrace runs a migration in one transaction, with its record";

typedef struct entry {
  const char *file, *name; /* "0002_inbox.up.sql", "inbox" */
  int64_t number;
  int digits;
  bool down;
} entry;

typedef struct reader {
  pgr_migrations *out;
  pgr__folder folder;
  entry *entries;
  size_t entry_count;
  pgr_source *included; /* each file that was included, once */
  size_t included_count, included_room;
  size_t bytes; /* read so far */
  pgr_faults *faults;
  pgr_code code;
  pgr_err *err;
} reader;

static void no_memory(reader *r) {
  if (!r->code) r->code = pgr_fail(r->err, PGR_ENOMEM, "out of memory");
}

const char *pgr_migration_title(const pgr_migration *m, char out[160]) {
  snprintf(out, 160, "%0*lld_%s", m->digits, (long long)m->number, m->name);
  return out;
}

/* ---- names ---- */

static bool ends_in(const char *name, const char *end) {
  size_t len = strlen(name), end_len = strlen(end);
  return len > end_len && strcasecmp(name + len - end_len, end) == 0;
}

/* Names go to shells, into other tools' file names and onto terminals. */
static bool is_name_byte(char c) {
  bool word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  return word || c == '_' || c == '-' || c == '.' || (unsigned char)c >= 0x80;
}

/* The direction that a name ends with; NULL: with none. */
static const char *direction_of(const char *file) {
  static const char *const directions[] = {".up.sql", ".down.sql"};
  size_t len = strlen(file);
  for (size_t i = 0; i < 2; i++) {
    size_t end = strlen(directions[i]);
    if (len > end && strcmp(file + len - end, directions[i]) == 0) return directions[i];
  }
  return NULL;
}

/* What is wrong with a file's name, NULL: nothing. out->name: where it begins in file, its length in *len. */
static const char *parse_name(const char *file, entry *out, size_t *len) {
  size_t digits = strspn(file, "0123456789");
  const char *direction = direction_of(file);
  if (!direction && (ends_in(file, ".up.sql") || ends_in(file, ".down.sql")))
    return "is no migration's name: it ends in .up.sql or .down.sql, in small letters";
  if (!direction) return "is no migration's name: it says neither .up.sql nor .down.sql";
  if (!digits) return "is no migration's name: it begins with a number";
  if (digits > PGR_MIGRATION_DIGITS_MAX) return "its number has more than 18 digits";
  _Static_assert(PGR_MIGRATION_DIGITS_MAX == 18, "the message says so");
  size_t rest = strlen(file) - strlen(direction);
  if (file[digits] != '_' || rest <= digits + 1) return "is no migration's name: after the number come _ and a name";
  *len = rest - digits - 1;
  *out = (entry){.file = file, .name = file + digits + 1, .digits = (int)digits, .down = direction[1] == 'd'};
  out->number = strtoll(file, NULL, 10);
  if (*len > PGR_MIGRATION_NAME_BYTES_MAX) return "its name has more than 120 bytes";
  _Static_assert(PGR_MIGRATION_NAME_BYTES_MAX == 120, "the message says so");
  for (size_t i = 0; i < *len; i++)
    if (!is_name_byte(out->name[i])) return "a migration's name has letters, digits, _ - and . only";
  return NULL;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Both directions of one stand together, up first. */
static int by_number(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->number != y->number) return x->number < y->number ? -1 : 1;
  int order = strcmp(x->name, y->name);
  return order ? order : x->down - y->down;
}

/* Keeps the names that end in .sql, sorted, in the arena. */
static size_t list_names(reader *r, DIR *d, const char **names) {
  size_t count = 0;
  for (const struct dirent *e; !r->code && (errno = 0, e = readdir(d));) {
    if (e->d_name[0] == '.' || !ends_in(e->d_name, ".sql")) continue;
    if (count == NAMES_MAX) {
      r->code = pgr_fail(r->err, PGR_ELIMIT, "%s: more than %d files that end in .sql", r->folder.name, NAMES_MAX);
      break;
    }
    names[count] = pgr_arena_strdup(&r->out->arena, e->d_name);
    if (!names[count++]) no_memory(r);
  }
  if (!r->code && errno) r->code = pgr_fail(r->err, PGR_EENVIRONMENT, "%s: %s", r->folder.name, strerror(errno));
  if (!r->code) qsort(names, count, sizeof *names, by_text);
  return count;
}

static void add_entry(reader *r, const char *file) {
  entry e;
  size_t len;
  const char *wrong = pgr__folder_is_utf8(file) ? parse_name(file, &e, &len) : "its name is not UTF-8";
  if (!wrong) {
    e.name = pgr_arena_printf(&r->out->arena, "%.*s", (int)len, e.name);
    if (!e.name)
      no_memory(r);
    else
      r->entries[r->entry_count++] = e;
    return;
  }
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", r->folder.name, file);
  pgr_faults_add(r->faults, &(pgr_source){.name = path}, (pgr_place_in){0}, form, "%s", wrong);
}

static void list_entries(reader *r) {
  const char **names = pgr_calloc(NAMES_MAX, sizeof *names);
  DIR *d = opendir(*r->folder.real ? r->folder.real : "/");
  if (!d) r->code = pgr_fail(r->err, PGR_EENVIRONMENT, "%s: %s", r->folder.name, strerror(errno));
  if (!names) no_memory(r);
  size_t count = d && names ? list_names(r, d, names) : 0;
  r->entries = r->code ? NULL : pgr_calloc(count, sizeof *r->entries);
  if (!r->entries) no_memory(r);
  for (size_t i = 0; r->entries && !r->code && i < count; i++)
    add_entry(r, names[i]);
  if (r->entries && !r->code) qsort(r->entries, r->entry_count, sizeof *r->entries, by_number);
  if (d) closedir(d);
  pgr_free(names);
}

/* ---- files ---- */

/* What stands in the way when a file cannot be read, and where somebody asked for it. */
typedef struct asker {
  const pgr_source *source;
  pgr_place_in at;
} asker;

/* name: what people call the file; NULL: the folder and where in it the file is. false: there was a fault or an
 * error. */
static bool load(reader *r, const char *relative, const char *name, asker by, pgr_source *out) {
  char why[PGR__WHY_BYTES];
  *out = (pgr_source){.name = name};
  r->code = pgr__folder_file_read(&r->folder, relative, PGR_MIGRATION_BYTES_MAX, out, why, r->faults, r->err);
  if (!r->code && *why && name) pgr_faults_add(r->faults, out, by.at, NULL, "cannot read it: %s", why);
  if (!r->code && *why && !name)
    pgr_faults_add(r->faults, by.source, by.at, NULL, "cannot include %.200s: %s", relative, why);
  r->bytes += out->len_bytes;
  if (!r->code && r->bytes > PGR_MIGRATIONS_BYTES_MAX)
    r->code = pgr_fail(r->err, PGR_ELIMIT, "%s: its migrations have more than %d MiB together", r->folder.name,
                       PGR_MIGRATIONS_BYTES_MAX >> 20);
  return !r->code && out->text;
}

/* ---- include files ---- */

/* A line without its end, and without blanks around it. */
typedef struct line {
  const char *begin;
  size_t len;
  size_t next; /* offset of the line after it */
} line;

static line line_at(const pgr_source *s, size_t offset) {
  const char *begin = s->text + offset;
  size_t whole = strcspn(begin, "\n"), len = whole;
  size_t next = offset + whole + (begin[whole] == '\n');
  size_t blank = strspn(begin, " \t\r");
  if (blank > len) blank = len;
  while (len > blank && strchr(" \t\r", begin[len - 1]))
    len--;
  return (line){begin + blank, len - blank, next};
}

static bool says_something(line l) {
  return l.len > 0 && !(l.len >= 2 && memcmp(l.begin, "--", 2) == 0);
}

/* Whether the first line that says something is psql's, not SQL. offset: of that line, after its blanks. */
static bool is_include(const pgr_source *s, size_t *offset) {
  for (size_t at = 0; at < s->len_bytes;) {
    line l = line_at(s, at);
    *offset = (size_t)(l.begin - s->text);
    if (says_something(l)) return *l.begin == '\\';
    at = l.next;
  }
  return false;
}

/* The path of a line \ir PATH, as psql reads it: bare, or in single quotes. "" and a reason when it is none. */
static void read_path(line l, char path[PATH_MAX], char why[PGR__WHY_BYTES]) {
  size_t used = 0, i = 3;
  *path = *why = '\0';
  if (l.len < 4 || memcmp(l.begin, "\\ir", 3) != 0 || !strchr(" \t", l.begin[3])) {
    snprintf(why, PGR__WHY_BYTES, "%s",
             "write \\ir and the file's path: a file that includes others has nothing but that and -- comments");
    return;
  }
  while (strchr(" \t", l.begin[i]))
    i++;
  bool quoted = l.begin[i] == '\'', closed = !quoted;
  if (quoted) i++;
  for (; i < l.len && used < PATH_MAX - 1; i++) {
    bool twice = quoted && l.begin[i] == '\'' && i + 1 < l.len && l.begin[i + 1] == '\'';
    if (twice) i++;
    if (!twice && quoted && l.begin[i] == '\'') {
      closed = true;
      i++;
      break;
    }
    if (l.begin[i] == '\\' || (!quoted && strchr(" \t'\"`:", l.begin[i]))) break;
    path[used++] = l.begin[i];
  }
  path[used] = '\0';
  if (i == l.len && used > 0 && closed && *path != '/') return;
  snprintf(why, PGR__WHY_BYTES, "%s",
           *path == '/' ? "a path from this file's folder, not from the root"
                        : "the path ends the line; what is not bare letters stands in 'single quotes'");
  *path = '\0';
}

/* A text of SQL, not one that includes. NULL: a fault or an error. */
static const pgr_source *include(reader *r, const char *path, asker by);

static void add_includes(reader *r, pgr_migration_text *t, const pgr_source *file) {
  for (size_t at = 0; !r->code && at < file->len_bytes;) {
    line l = line_at(file, at);
    at = l.next;
    if (!says_something(l)) continue;
    char path[PATH_MAX], why[PGR__WHY_BYTES];
    asker by = {file, pgr_place_at(file, (size_t)(l.begin - file->text))};
    by.at.width = (int)l.len;
    read_path(l, path, why);
    if (*path && t->part_count == PGR_PARTS_MAX) {
      pgr_faults_add(r->faults, file, by.at, "make another migration of the rest", "more than %d includes",
                     PGR_PARTS_MAX);
      return;
    }
    const pgr_source *part = *path ? include(r, path, by) : NULL;
    if (part) t->parts[t->part_count++] = *part;
    if (!*path) pgr_faults_add(r->faults, file, by.at, "for example: \\ir triggers/NAME/v1.sql", "%s", why);
  }
}

/* ---- statements ---- */

/* psql's commands in the midst of SQL: the server would only say that a backslash is wrong. */
static void check_backslashes(reader *r, const pgr_source *source) {
  for (size_t at = 0; at < source->len_bytes;) {
    line l = line_at(source, at);
    at = l.next;
    if (l.len < 2 || *l.begin != '\\') continue;
    pgr_place_in place = pgr_place_at(source, (size_t)(l.begin - source->text));
    place.width = (int)l.len;
    pgr_faults_add(r->faults, source, place, "SQL goes into a file of its own, and a file of \\ir lines includes it",
                   "a command of psql's among SQL");
    return;
  }
}

/* Whether a word stands anywhere that a statement would need to end the transaction, to be refused in one, or to wait
 * for data; or a backslash. Parsing takes a hundred times as long, and few files have to be: a folder of hundreds must
 * be read in no time when there is nothing to do. What this would miss, the server refuses, or the journal notices. */
static bool is_worth_parsing(const pgr_source *source) {
  static const char *const words[] = {"abort",  "begin",        "commit",       "end",      "prepare", "rollback",
                                      "start",  "cluster",      "concurrently", "database", "discard", "reindex",
                                      "system", "subscription", "tablespace",   "vacuum",   "stdin"};
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  for (const char *p = source->text; *p;) {
    size_t len = strspn(p, letters);
    for (size_t i = 0; len > 0 && i < sizeof words / sizeof *words; i++)
      if (strlen(words[i]) == len && strncasecmp(p, words[i], len) == 0) return true;
    if (*p == '\\') return true;
    p += len > 0 ? len : 1;
  }
  return false;
}

/* Text that our parser does not know is no fault here: newer servers know more. */
static void check_statements(reader *r, const pgr_source *source) {
  if (!is_worth_parsing(source)) return;
  pgr_faults unknown = {0};
  pgr_arena arena = {0};
  pgr_sql_statements statements = {0};
  pgr_code code = pgr_statements_read(source, &arena, &statements, &unknown, r->err);
  if (code && !r->code) r->code = code;
  if (unknown.count > 0) check_backslashes(r, source);
  for (size_t i = 0; !code && i < statements.count; i++) {
    const pgr_sql_statement *s = &statements.items[i];
    pgr_place_in at = pgr_place_at(source, s->offset);
    at.width = (int)strcspn(source->text + s->offset, " \t\r\n;");
    if (s->ends_transaction)
      pgr_faults_add(r->faults, source, at, own_transaction, "%s: the transaction is not the migration's to end",
                     s->what);
    else if (s->needs_none)
      pgr_faults_add(r->faults, source, at, outside_transaction, "%s, as it stands here, cannot run in a transaction",
                     s->what);
    else if (s->wants_input)
      pgr_faults_add(r->faults, source, at, has_no_data, "%s … FROM STDIN waits for data", s->what);
  }
  pgr_faults_deinit(&unknown);
  pgr_arena_deinit(&arena);
}

static bool keep_included(reader *r, const pgr_source *source) {
  if (r->included_count == r->included_room) {
    size_t room = r->included_room ? 2 * r->included_room : 64;
    pgr_source *more = pgr_realloc(r->included, room, sizeof *more);
    if (!more) no_memory(r);
    if (!more) return false;
    r->included = more;
    r->included_room = room;
  }
  r->included[r->included_count++] = *source;
  return true;
}

static const pgr_source *include(reader *r, const char *path, asker by) {
  char real[PATH_MAX], why[PGR__WHY_BYTES];
  bool found = pgr__folder_find(&r->folder, path, real, why);
  for (size_t i = 0; found && i < r->included_count; i++)
    if (strcmp(r->included[i].name + strlen(r->folder.name), real + strlen(r->folder.real)) == 0)
      return &r->included[i];
  pgr_source source;
  size_t offset;
  if (!load(r, path, NULL, by, &source)) return NULL;
  if (is_include(&source, &offset)) {
    pgr_faults_add(r->faults, by.source, by.at, "name each file of SQL here",
                   "%.200s includes others itself: one level is enough", source.name);
    return NULL;
  }
  check_statements(r, &source);
  if (r->code || !keep_included(r, &source)) return NULL;
  return &r->included[r->included_count - 1];
}

/* ---- migrations ---- */

static void read_direction(reader *r, const entry *e, pgr_migration_text *t) {
  pgr_source file;
  size_t offset;
  const char *path = pgr_arena_printf(&r->out->arena, "%s/%s", r->folder.name, e->file);
  if (!path) {
    no_memory(r);
    return;
  }
  if (!load(r, e->file, path, (asker){0}, &file)) return;
  t->file = path;
  if (is_include(&file, &offset)) {
    add_includes(r, t, &file);
    return;
  }
  check_statements(r, &file);
  t->parts[t->part_count++] = file;
}

/* Without the CR of a CR LF. */
static bool digest_source(EVP_MD_CTX *digest, const pgr_source *s) {
  const char *p = s->text, *end = p + s->len_bytes;
  while (p < end) {
    const char *stop = strstr(p, "\r\n");
    if (!stop) stop = end;
    if (!EVP_DigestUpdate(digest, p, (size_t)(stop - p))) return false;
    p = stop < end ? stop + 1 : end;
  }
  return true;
}

static void make_checksum(reader *r, EVP_MD_CTX *digest, pgr_migration *m) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  bool ok = EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
  for (size_t i = 0; ok && i < m->up.part_count; i++)
    ok = digest_source(digest, &m->up.parts[i]);
  ok = ok && EVP_DigestFinal_ex(digest, bytes, NULL);
  if (!ok && !r->code) r->code = pgr_fail(r->err, PGR_EENVIRONMENT, "OpenSSL has no SHA-256");
  for (size_t i = 0; ok && i < (PGR_CHECKSUM_BYTES - 1) / 2; i++)
    snprintf(m->checksum + 2 * i, 3, "%02x", bytes[i]);
}

/* Whether the file at i is not the first of its number that is another migration's. */
static bool is_second(const reader *r, size_t i, size_t first) {
  const entry *e = &r->entries[i];
  return i > first && (strcmp(e->name, r->entries[first].name) != 0 || e->down == r->entries[i - 1].down);
}

/* Reads the files of one number, from first up to end. */
static void read_number(reader *r, size_t first, size_t end) {
  pgr_migration m = {.number = r->entries[first].number};
  size_t before = r->faults->count;
  for (size_t i = first; !r->code && i < end; i++) {
    const entry *e = &r->entries[i];
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", r->folder.name, e->file);
    if (is_second(r, i, first)) {
      pgr_faults_add(r->faults, &(pgr_source){.name = path}, (pgr_place_in){0}, "give one of them another number",
                     "number %lld is also that of %.200s", (long long)e->number, r->entries[first].file);
      continue;
    }
    if (e->down && i == first) {
      pgr_faults_add(r->faults, &(pgr_source){.name = path}, (pgr_place_in){0}, form, "there is no %.*s.up.sql",
                     (int)(strlen(e->file) - strlen(".down.sql")), e->file);
      continue;
    }
    if (!e->down) m.digits = e->digits;
    m.name = e->name;
    read_direction(r, e, e->down ? &m.down : &m.up);
  }
  if (!r->code && r->faults->count == before) r->out->items[r->out->count++] = m;
}

static size_t end_of_number(const reader *r, size_t first) {
  size_t end = first + 1;
  while (end < r->entry_count && r->entries[end].number == r->entries[first].number)
    end++;
  return end;
}

static void read_all(reader *r) {
  size_t numbers = 0;
  for (size_t i = 0; i < r->entry_count; i = end_of_number(r, i))
    numbers++;
  if (numbers > PGR_MIGRATIONS_MAX) {
    r->code = pgr_fail(r->err, PGR_ELIMIT, "%s: more than %d migrations", r->folder.name, PGR_MIGRATIONS_MAX);
    return;
  }
  r->out->items = pgr_calloc(numbers, sizeof *r->out->items);
  if (!r->out->items) {
    no_memory(r);
    return;
  }
  for (size_t i = 0; !r->code && i < r->entry_count; i = end_of_number(r, i))
    read_number(r, i, end_of_number(r, i));
  EVP_MD_CTX *digest = r->code ? NULL : EVP_MD_CTX_new();
  if (!digest) no_memory(r);
  for (size_t i = 0; !r->code && i < r->out->count; i++)
    make_checksum(r, digest, &r->out->items[i]);
  EVP_MD_CTX_free(digest);
}

pgr_code pgr_migrations_read(const char *folder, pgr_migrations *out, pgr_faults *faults, pgr_err *err) {
  *out = (pgr_migrations){.folder = folder};
  reader *r = pgr_calloc(1, sizeof *r);
  if (!r) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  r->out = out;
  r->faults = faults;
  r->err = err;
  r->code = pgr__folder_open(folder, &out->arena, &r->folder, err);
  if (!r->code) list_entries(r);
  if (!r->code) read_all(r);
  pgr_code code = r->code;
  pgr_free(r->entries);
  pgr_free(r->included);
  pgr_free(r);
  return code;
}

void pgr_migrations_deinit(pgr_migrations *m) {
  pgr_free(m->items);
  pgr_arena_deinit(&m->arena);
  *m = (pgr_migrations){.folder = m->folder};
}
