/* pgrace schema doc: the page that describes the triggers of a folder, for people who were not there when they were
 * made; and decision records to begin with. What is replaced is replaced whole: a file of the user's is never half
 * written. */
#include "pgr_mem.h"
#include "pgr_page.h"
#include "pgr_schema_doc.h"
#include "pgr_utf8.h"
#include "schema_command.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NUMBER_DIGITS = 4, NUMBER_DIGITS_MAX = 8, SLUG_BYTES = 200 };

typedef struct doc_options {
  const char *dir, *format, *out, *adr, *adr_dir;
  bool format_given, out_given;
} doc_options;

static void help(void) {
  fputs("Usage: pgrace schema doc [OPTION …]\n"
        "       pgrace schema doc --adr NAME [--adr-dir DIR]\n\n"
        "Describes the triggers of a folder: what each protects, its rule and transition\n"
        "table, when it fires, what the application sees, its versions, how to change it.\n"
        "The same folder gives the same page, so that it can be kept beside the code and\n"
        "CI can tell when it is old.\n\n"
        "  --dir DIR       the folder (default: schema)\n"
        "  --format F      markdown (default), html, or json, which pgrace report takes\n"
        "                  beside results: one page with both\n"
        "  --out FILE      write it to FILE, over an older one; folders are made\n\n"
        "  --adr NAME      begin the decision record of the trigger NAME, with the next\n"
        "                  number, and write its path into the trigger's trigger.yaml\n"
        "  --adr-dir DIR   where records are (default: docs/adr)\n\n"
        "Exit status: 0 written, 4 usage, or files that cannot be read as what they are,\n"
        "5 a file cannot be written.\n\n"
        "Examples\n"
        "  pgrace schema doc --out docs/database-triggers.md\n"
        "  pgrace schema doc --format json --out triggers.json\n"
        "  pgrace report result.json triggers.json --format html >report.html\n"
        "  pgrace schema doc --adr conversations_texter_id_transition\n",
        stdout);
}

/* ---- files ---- */

static pgr_code cannot_write(const char *path, int error, pgr_err *err) {
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot write %.300s: %s", path, strerror(error));
}

/* What is there and no file, as a pipe or a terminal is, cannot be replaced. */
static pgr_code write_into(const char *path, const pgr_buf *text, pgr_err *err) {
  FILE *f = fopen(path, "we");
  bool ok = f && fwrite(pgr_buf_text(text), 1, text->len, f) == text->len;
  int error = errno;
  if (f && fclose(f) && ok) {
    ok = false;
    error = errno;
  }
  return ok ? PGR_OK : cannot_write(path, error, err);
}

/* fd: taken over. errno says why not. */
static bool fill(int fd, mode_t mode, const pgr_buf *text) {
  FILE *f = fdopen(fd, "w");
  if (!f) {
    close(fd);
    return false;
  }
  bool ok = fchmod(fd, mode) == 0 && fwrite(pgr_buf_text(text), 1, text->len, f) == text->len;
  return fclose(f) == 0 && ok;
}

/* Over an older one, whole or not at all; behind a link the file that it means. A new one with the folders it needs. */
static pgr_code replace(const char *path, const pgr_buf *text, pgr_err *err) {
  char real[PATH_MAX], temporary[PATH_MAX];
  struct stat st;
  if (stat(path, &st)) return pgr_schema_write_new(path, pgr_buf_text(text), text->len, err);
  if (!S_ISREG(st.st_mode)) return write_into(path, text, err);
  if (!realpath(path, real)) return cannot_write(path, errno, err);
  int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", real);
  if (n >= PATH_MAX) return cannot_write(path, ENAMETOOLONG, err);
  int fd = mkstemp(temporary);
  if (fd < 0) return cannot_write(path, errno, err);
  if (fill(fd, st.st_mode & 07777, text) && rename(temporary, real) == 0) return PGR_OK;
  int error = errno;
  unlink(temporary);
  return cannot_write(path, error, err);
}

/* ---- the page ---- */

static pgr_code render_html(const pgr_schema_folder *f, pgr_buf *out, pgr_err *err) {
  pgr_buf json;
  pgr_buf_init(&json, 0);
  pgr_code code = pgr_schema_doc_json(&f->triggers, &f->migrations, &json, err);
  if (!code) code = pgr_page(&json, 1, out, err);
  pgr_buf_deinit(&json);
  return code;
}

static pgr_code render(const doc_options *o, const pgr_schema_folder *f, pgr_buf *out, pgr_err *err) {
  if (strcmp(o->format, "html") == 0) return render_html(f, out, err);
  if (strcmp(o->format, "json") == 0) return pgr_schema_doc_json(&f->triggers, &f->migrations, out, err);
  pgr_schema_doc_markdown(&f->triggers, &f->migrations, out);
  return out->failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}

static pgr_code write_page(const doc_options *o, const pgr_schema_folder *f, pgr_err *err) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_code code = render(o, f, &text, err);
  if (!code && o->out)
    code = replace(o->out, &text, err);
  else if (!code && (fwrite(pgr_buf_text(&text), 1, text.len, stdout) != text.len || fflush(stdout)))
    code = pgr_fail(err, PGR_EENVIRONMENT, "cannot write the page to standard output");
  pgr_buf_deinit(&text);
  return code;
}

/* ---- the record ---- */

/* The number after the greatest of the folder's records, and as many digits as they have. */
static void next_number(const char *folder, int *number, int *digits) {
  DIR *d = opendir(folder);
  int greatest = 0, longest = 0;
  for (const struct dirent *e; d && (e = readdir(d));) {
    int len = (int)strspn(e->d_name, "0123456789");
    if (len == 0 || len > NUMBER_DIGITS_MAX || (e->d_name[len] != '-' && e->d_name[len] != '_')) continue;
    int n = (int)strtol(e->d_name, NULL, 10);
    if (n > greatest) greatest = n;
    if (len > longest) longest = len;
  }
  if (d) closedir(d);
  *number = greatest + 1;
  *digits = longest ? longest : NUMBER_DIGITS;
}

/* "0016-conversations-texter-id-transition.md"; false: too long. */
static bool file_name(const char *trigger, int number, int digits, char out[NAME_MAX + 1]) {
  char slug[SLUG_BYTES];
  size_t len = 0;
  for (const char *p = trigger; *p && len + 1 < sizeof slug; p++) {
    bool letter = isalnum((unsigned char)*p);
    if (letter || (len > 0 && slug[len - 1] != '-')) slug[len++] = letter ? (char)tolower((unsigned char)*p) : '-';
  }
  while (len > 0 && slug[len - 1] == '-')
    len--;
  slug[len] = '\0';
  return snprintf(out, NAME_MAX + 1, "%0*d-%s.md", digits, number, len ? slug : "trigger") <= NAME_MAX;
}

/* As YAML takes it. */
static void add_value(const char *text, pgr_buf *out) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-";
  bool is_plain = isalpha((unsigned char)*text) && text[strspn(text, plain)] == '\0';
  if (!is_plain) pgr_buf_adds(out, "'");
  for (const char *p = text; *p; p++)
    pgr_buf_adds(out, *p == '\'' ? "''" : (char[]){*p, '\0'});
  if (!is_plain) pgr_buf_adds(out, "'");
}

/* The declaration with a line more; its comments and its order stay. out: initialised, PGR_OK only when the file then
 * says what it should, whatever YAML it is written in. */
static pgr_code declare(const pgr_trigger *t, const char *path, pgr_buf *out, pgr_err *err) {
  const pgr_source *before = &t->declaration;
  pgr_faults faults = {0};
  pgr_arena arena = {0};
  pgr_buf_add(out, before->text, before->len_bytes);
  if (before->len_bytes && before->text[before->len_bytes - 1] != '\n') pgr_buf_adds(out, "\n");
  pgr_buf_adds(out, "decision: ");
  add_value(path, out);
  pgr_buf_adds(out, "\n");
  const pgr_source after = {before->name, pgr_buf_text(out), out->len};
  const pgr_rule *rule = pgr_trigger_declaration_read(&after, t->name, &arena, &faults);
  bool good = rule && faults.count == 0 && rule->decision && strcmp(rule->decision, path) == 0;
  pgr_faults_deinit(&faults);
  pgr_arena_deinit(&arena);
  if (out->failed) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (good) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "%.200s: a line at its end would not be read as it should; write it yourself: %s",
                  before->name, strstr(pgr_buf_text(out) + before->len_bytes, "decision: "));
}

/* Both files, or none. */
static pgr_code write_record(const pgr_trigger *t, const char *path, int number, pgr_err *err) {
  pgr_buf record, declaration;
  pgr_buf_init(&record, 0);
  pgr_buf_init(&declaration, 0);
  pgr_schema_doc_adr(t, number, &record);
  pgr_code code = record.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
  if (!code) code = declare(t, path, &declaration, err);
  if (!code) code = pgr_schema_write_new(path, pgr_buf_text(&record), record.len, err);
  if (!code) {
    code = replace(t->declaration.name, &declaration, err);
    if (code) unlink(path);
  }
  if (!code)
    printf("Made    %s\nChanged %s\n\nWhat only you can tell is marked in it: To be written.\n", path,
           t->declaration.name);
  pgr_buf_deinit(&record);
  pgr_buf_deinit(&declaration);
  return code;
}

static pgr_code unknown_trigger(const char *name, const pgr_triggers *all, pgr_err *err) {
  char shown[80], first[80];
  pgr_utf8_copy(shown, sizeof shown, name);
  if (all->count == 0) return pgr_fail(err, PGR_EUSAGE, "--adr: %.200s has no triggers yet", all->folder);
  pgr_utf8_copy(first, sizeof first, all->items[0].name);
  return pgr_fail(err, PGR_EUSAGE, "--adr: there is no trigger '%s' in %.200s, there %s '%s'%s", shown, all->folder,
                  all->count == 1 ? "is" : "are", first, all->count == 1 ? "" : " and others");
}

static pgr_code begin_record(const doc_options *o, const pgr_schema_folder *f, pgr_err *err) {
  char path[PATH_MAX], name[NAME_MAX + 1];
  int number, digits;
  const pgr_trigger *t = pgr_triggers_find(&f->triggers, o->adr);
  if (!t) return unknown_trigger(o->adr, &f->triggers, err);
  if (t->rule.decision)
    return pgr_fail(err, PGR_EUSAGE, "--adr: %.80s has its record, %.300s, as %.200s says", t->name, t->rule.decision,
                    t->declaration.name);
  next_number(o->adr_dir, &number, &digits);
  bool fits = file_name(t->name, number, digits, name);
  size_t len = strlen(o->adr_dir);
  while (len > 1 && o->adr_dir[len - 1] == '/')
    len--;
  int n = snprintf(path, sizeof path, "%.*s/%s", (int)len, o->adr_dir, name);
  if (!fits || n >= PATH_MAX) return pgr_fail(err, PGR_EUSAGE, "--adr-dir: the path is too long");
  return write_record(t, path, number, err);
}

/* ---- the command ---- */

static pgr_code check(const doc_options *o, pgr_err *err) {
  if (o->adr && (o->out_given || o->format_given))
    return pgr_fail(err, PGR_EUSAGE, "--adr begins a record: --format and --out are for the page");
  if (strcmp(o->format, "markdown") != 0 && strcmp(o->format, "json") != 0 && strcmp(o->format, "html") != 0)
    return pgr_fail(err, PGR_EUSAGE, "--format: '%.40s' is unknown, give markdown, json or html", o->format);
  if (strcmp(o->format, "html") == 0 && !pgr_page_is_built())
    return pgr_fail(err, PGR_EUSAGE, "--format html: this pgrace was built without it, build it with -DPGR_HTML=ON");
  for (const char *p = o->adr_dir; *p; p++)
    if ((unsigned char)*p < ' ') return pgr_fail(err, PGR_EUSAGE, "--adr-dir: a path of one line, please");
  return PGR_OK;
}

static pgr_code parse(doc_options *o, int argc, char **argv, bool *wants_help, pgr_err *err) {
  const pgr_option table[] = {{"dir", 0, PGR_OPTION_TEXT, &o->dir, 0, 0, NULL},
                              {"format", 0, PGR_OPTION_TEXT, &o->format, 0, 0, &o->format_given},
                              {"out", 0, PGR_OPTION_TEXT, &o->out, 0, 0, &o->out_given},
                              {"adr", 0, PGR_OPTION_TEXT, &o->adr, 0, 0, NULL},
                              {"adr-dir", 0, PGR_OPTION_TEXT, &o->adr_dir, 0, 0, NULL},
                              {0}};
  int count = 0;
  pgr_code code = pgr_options_parse(table, argc, argv, NULL, 0, &count, wants_help, err);
  return code || *wants_help ? code : check(o, err);
}

int pgr_schema_doc(int argc, char **argv) {
  doc_options o = {.dir = pgr_schema_default_dir, .format = "markdown", .adr_dir = "docs/adr"};
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
    pgr_code code = o.adr ? begin_record(&o, &folder, &err) : write_page(&o, &folder, &err);
    if (code) status = pgr_schema_complain(&err);
  }
  pgr_schema_folder_close(&folder);
  return status;
}
