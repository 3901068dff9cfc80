/* pgrace schema export: the folder's migrations as other tools apply them. Invariant: no file that is there is ever
 * changed, and when one is in the way none is written. */
#include "pgr_buf.h"
#include "pgr_export.h"
#include "pgr_mem.h"
#include "pgr_utf8.h"
#include "schema_command.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct export_options {
  const char *dir, *to, *out;
  pgr_export_options form;
} export_options;

/* What is to be written into a folder. */
typedef struct export_files {
  const pgr_export_file *items;
  size_t count;
  bool *unchanged; /* of each: it is there and the same */
} export_files;

static void help(void) {
  fputs("Usage: pgrace schema export --to FORM --out DIR [OPTION …]\n\n"
        "Writes the folder's migrations in the form of the tool that applies them, with\n"
        "what they include put in, and prints what the application needs beside them: how\n"
        "a trigger's error comes to be shown at its field. Without --out everything is\n"
        "printed, each file below a line '==> NAME <==', and nothing is written. No file\n"
        "that is there is changed; when one is in the way, none is written.\n\n"
        "  --to FORM      sql     NNNN_name.up.sql, .down.sql (golang-migrate, sqlx)\n"
        "                 flyway  VNNNN__name.sql, UNNNN__name.sql (U: paid editions)\n"
        "                 ecto    for priv/repo/migrations; with --app MyApp\n"
        "                 rails   for db/migrate, Rails 6.1 and later\n"
        "                 django  for an application's migrations; with --app LABEL\n"
        "  --out DIR      where to write them\n"
        "  --from N       only migration N and later ones: others were exported before\n"
        "  --app NAME     the module (ecto) or the label (django) of the application\n"
        "  --after M      django: the migration that the first one depends on; numbers go\n"
        "                 on from there\n"
        "  --stamp TIME   version of the first one, 20261130120000; each further one is a\n"
        "                 second later (default: now; of flyway: the numbers)\n"
        "  --dir DIR      the folder (default: schema)\n\n"
        "Exit status: 0 written, 4 usage, wrong files, a file in the way, 5 cannot write.\n\n"
        "Examples\n"
        "  pgrace schema export --to ecto --app MyApp --out priv/repo/migrations\n"
        "  pgrace schema export --to django --app inbox --after 0007_texters \\\n"
        "    --out inbox/migrations\n",
        stdout);
}

/* ---- options ---- */

static int64_t now(void) {
  char text[32];
  struct tm parts;
  time_t seconds = time(NULL);
  strftime(text, sizeof text, "%Y%m%d%H%M%S", gmtime_r(&seconds, &parts));
  return strtoll(text, NULL, 10);
}

static bool is_stamped(pgr_export_to to) {
  return to == PGR_EXPORT_ECTO || to == PGR_EXPORT_RAILS;
}

static pgr_code check(export_options *o, bool stamp_given, pgr_err *err) {
  static const char words[] = "give sql, flyway, ecto, rails or django";
  int to = o->to ? pgr_export_to_read(o->to) : -1;
  if (!o->to) return pgr_fail(err, PGR_EUSAGE, "schema export: --to is missing, %s", words);
  if (to < 0) return pgr_fail(err, PGR_EUSAGE, "--to: '%.40s' is unknown, %s", o->to, words);
  for (const char *p = o->out ? o->out : ""; *p; p++)
    if ((unsigned char)*p < ' ') return pgr_fail(err, PGR_EUSAGE, "--out: a path of one line, please");
  if (o->out && !*o->out) return pgr_fail(err, PGR_EUSAGE, "--out: name a folder, the one here is '.'");
  o->form.to = (pgr_export_to)to;
  if (!stamp_given && is_stamped(o->form.to)) o->form.first_stamp = now();
  return PGR_OK;
}

static pgr_code parse(export_options *o, int argc, char **argv, bool *wants_help, pgr_err *err) {
  bool stamp_given = false;
  const pgr_option table[] = {{"dir", 0, PGR_OPTION_TEXT, &o->dir, 0, 0, NULL},
                              {"to", 0, PGR_OPTION_TEXT, &o->to, 0, 0, NULL},
                              {"out", 0, PGR_OPTION_TEXT, &o->out, 0, 0, NULL},
                              {"from", 0, PGR_OPTION_INT, &o->form.from, 0, INT64_MAX, NULL},
                              {"app", 0, PGR_OPTION_TEXT, &o->form.app, 0, 0, NULL},
                              {"after", 0, PGR_OPTION_TEXT, &o->form.after, 0, 0, NULL},
                              {"stamp", 0, PGR_OPTION_INT, &o->form.first_stamp, 1, INT64_MAX, &stamp_given},
                              {0}};
  int count = 0;
  pgr_code code = pgr_options_parse(table, argc, argv, NULL, 0, &count, wants_help, err);
  return code || *wants_help ? code : check(o, stamp_given, err);
}

/* ---- what is there ---- */

static pgr_code path_of(const char *dir, const char *name, char out[PATH_MAX], pgr_err *err) {
  size_t len = strlen(dir);
  while (len > 1 && dir[len - 1] == '/')
    len--;
  int n = snprintf(out, PATH_MAX, "%.*s%s%s", (int)len, dir, dir[len - 1] == '/' ? "" : "/", name);
  return n < PATH_MAX ? PGR_OK : pgr_fail(err, PGR_EUSAGE, "--out: the path is too long");
}

static bool holds(const char *path, const pgr_export_file *file) {
  struct stat st;
  if (stat(path, &st) || !S_ISREG(st.st_mode) || (size_t)st.st_size != file->len_bytes) return false;
  char *text = pgr_calloc(file->len_bytes + 1, 1);
  FILE *f = text ? fopen(path, "re") : NULL;
  bool same = f && fread(text, 1, file->len_bytes, f) == file->len_bytes && !memcmp(text, file->text, file->len_bytes);
  if (f) fclose(f);
  pgr_free(text);
  return same;
}

/* What is left of "20261130120000_inbox.exs" without its version; NULL: it has none. */
static const char *without_version(const char *name) {
  size_t digits = strspn(name, "0123456789");
  return digits > 0 && name[digits] == '_' ? name + digits : NULL;
}

/* The file that is the same migration under another version, as an index; count: `there` is none's. */
static size_t twin_of(const char *there, const export_files *files) {
  const char *rest = without_version(there);
  for (size_t i = 0; rest && i < files->count; i++) {
    const char *own = without_version(files->items[i].name);
    if (own && strcmp(own, rest) == 0 && strcmp(files->items[i].name, there) != 0) return i;
  }
  return files->count;
}

/* What was exported under another version before, the tool would run again, or refuse both. Tells the first one. */
static pgr_code check_twins(const export_options *o, const export_files *files, pgr_err *err) {
  char there[NAME_MAX + 1] = "";
  size_t first = files->count;
  DIR *d = opendir(o->out);
  if (!d) return errno == ENOENT ? PGR_OK : pgr_fail(err, PGR_EENVIRONMENT, "%.300s: %s", o->out, strerror(errno));
  for (const struct dirent *e; (e = readdir(d));) {
    size_t twin = twin_of(e->d_name, files);
    if (twin >= first) continue;
    first = twin;
    snprintf(there, sizeof there, "%s", e->d_name);
  }
  closedir(d);
  if (!*there) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "%.160s has %.140s already, this would be it again as %.140s: %s", o->out, there,
                  files->items[first].name,
                  is_stamped(o->form.to) ? "export the rest with --from, or all under the same --stamp"
                                         : "export the rest with --from, and --after the last one that is there");
}

static pgr_code check_files(const export_options *o, export_files *files, pgr_err *err) {
  char path[PATH_MAX];
  struct stat st;
  for (size_t i = 0; i < files->count; i++) {
    pgr_code code = path_of(o->out, files->items[i].name, path, err);
    if (code) return code;
    files->unchanged[i] = holds(path, &files->items[i]);
    if (!files->unchanged[i] && lstat(path, &st) == 0)
      return pgr_fail(err, PGR_EUSAGE, "%.400s is there and says something else: nothing was written", path);
  }
  return PGR_OK;
}

/* ---- writing ---- */

/* All of them, or none. */
static pgr_code write_files(const export_options *o, const export_files *files, pgr_err *err) {
  char path[PATH_MAX];
  pgr_code code = PGR_OK;
  size_t done = 0;
  for (; !code && done < files->count; done++) {
    const pgr_export_file *f = &files->items[done];
    code = path_of(o->out, f->name, path, err);
    if (!code && !files->unchanged[done]) code = pgr_schema_write_new(path, f->text, f->len_bytes, err);
  }
  pgr_err ignored;
  for (size_t i = 0; code && i + 1 < done; i++)
    if (!files->unchanged[i] && !path_of(o->out, files->items[i].name, path, &ignored)) unlink(path);
  return code;
}

static void list_files(const export_options *o, const export_files *files) {
  char path[PATH_MAX], folder[PATH_MAX], name[PGR_SCHEMA_CELL_BYTES];
  pgr_err ignored;
  for (size_t i = 0; i < files->count; i++) {
    if (path_of(o->out, files->items[i].name, path, &ignored)) continue;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    pgr_utf8_copy(folder, sizeof folder, path);
    printf("%s/%s%s\n", folder, pgr_schema_show(slash + 1, name), files->unchanged[i] ? ": unchanged" : "");
  }
}

static void print_files(const export_files *files) {
  char shown[PGR_SCHEMA_CELL_BYTES];
  for (size_t i = 0; i < files->count; i++) {
    printf("%s==> %s <==\n", i > 0 ? "\n" : "", pgr_schema_show(files->items[i].name, shown));
    fwrite(files->items[i].text, 1, files->items[i].len_bytes, stdout);
  }
}

static pgr_code deliver(const export_options *o, export_files *files, const pgr_buf *application, pgr_err *err) {
  bool can_have_twins = is_stamped(o->form.to) || o->form.to == PGR_EXPORT_DJANGO;
  pgr_code code = o->out && can_have_twins ? check_twins(o, files, err) : PGR_OK;
  if (!code && o->out) code = check_files(o, files, err);
  if (!code && o->out) code = write_files(o, files, err);
  if (code) return code;
  if (o->out)
    list_files(o, files);
  else
    print_files(files);
  if (application->len) printf("\n==> for the application <==\n%s", pgr_buf_text(application));
  if (fflush(stdout)) return pgr_fail(err, PGR_EENVIRONMENT, "cannot write to standard output: %s", strerror(errno));
  return PGR_OK;
}

static pgr_code export_folder(const export_options *o, const pgr_schema_folder *folder, pgr_err *err) {
  const pgr_migrations *m = &folder->migrations;
  if (m->count == 0) return pgr_fail(err, PGR_EUSAGE, "%.300s has no migrations", o->dir);
  if (m->items[m->count - 1].number < o->form.from)
    return pgr_fail(err, PGR_EUSAGE, "--from: %.300s has no migration %lld or later", o->dir, (long long)o->form.from);
  pgr_arena arena = {0};
  pgr_buf application;
  export_files files = {0};
  pgr_buf_init(&application, 0);
  pgr_code code = pgr_export(m, &folder->triggers, &o->form, &arena, &files.items, &files.count, &application, err);
  if (!code) files.unchanged = pgr_arena_alloc(&arena, files.count + 1);
  if (!code && files.unchanged)
    code = deliver(o, &files, &application, err);
  else if (!code)
    code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_buf_deinit(&application);
  pgr_arena_deinit(&arena);
  return code;
}

int pgr_schema_export(int argc, char **argv) {
  export_options o = {.dir = pgr_schema_default_dir};
  pgr_schema_folder folder;
  bool wants_help = false;
  int status = 0;
  pgr_err err;
  if (parse(&o, argc, argv, &wants_help, &err)) return pgr_schema_complain(&err);
  if (wants_help) {
    help();
    return 0;
  }
  if (pgr_schema_folder_open(o.dir, &folder, &status)) {
    pgr_code code = export_folder(&o, &folder, &err);
    if (code) status = pgr_schema_complain(&err);
  }
  pgr_schema_folder_close(&folder);
  return status;
}
