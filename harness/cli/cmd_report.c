/* pgrace report: results once more, in any form; and the history beside one of them, in the forms of other checkers. It
 * asks no server, and finds nothing new: verdicts and exit status are those of the documents. */
#include "commands.h"
#include "options.h"
#include "outdir.h"
#include "outputs.h"
#include "pgr_history_export.h"
#include "pgr_report.h"
#include "pgr_units.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t HISTORY_MAX_OPS = 20000000; /* as of pgrace run */

typedef struct report_options {
  const char *format, *strategy, *isolation, *out;
  int64_t gap_ns;
  bool gap_given, quiet, verbose;
  const char *files[PGR_DOCUMENTS_MAX];
  int file_count;
} report_options;

typedef struct report {
  report_options options;
  pgr_outputs outputs;
  pgr_buf texts[PGR_DOCUMENTS_MAX];
  pgr_archive *archives[PGR_DOCUMENTS_MAX];
  pgr_document documents[PGR_DOCUMENTS_MAX];
  int count;
  pgr_buf triggers[PGR_DOCUMENTS_MAX]; /* documents of pgrace schema doc, shown on the page behind the results */
  int trigger_count;
} report;

static void help(void) {
  fputs("Usage: pgrace report RESULT.json … [OPTION …]\n\n"
        "Shows results of pgrace run, explore, demo and bench once more, in any form.\n"
        "RESULT.json is what --format json printed, or a folder of --out, or - for standard\n"
        "input. Beside results the page (html) also shows what pgrace schema doc --format json\n"
        "printed.\n\n"
        "  --format F         text (default), json, junit, tap, markdown, github, html, trace;\n"
        "                     of one result of pgrace bench also openmetrics. Several results\n"
        "                     become one report, but not with json\n"
        "  --out DIR          also write junit.xml, summary.md, trace.json, report.html, and\n"
        "                     of a single result result.json, into DIR\n"
        "  -q, --quiet        no header\n"
        "  -v, --verbose      all there is\n\n"
        "Of one cell of the history.csv that lies beside a result\n"
        "  --format edn           for Jepsen's checkers\n"
        "  --format history-json  the same as JSON\n"
        "  --strategy S, --isolation L, --gap D   which cell, where there are several\n\n"
        "Exit status: that of the result, of several the worst: 5 4 1 3 2 0; of a history 0.\n"
        "Also 4 usage, or a file that is no result; 5 a file cannot be read or written.\n\n"
        "Examples\n"
        "  pgrace report race-report\n"
        "  pgrace report race-report --format junit >junit.xml\n"
        "  pgrace report claim/result.json stock/result.json --out summary\n"
        "  pgrace run --format json | pgrace report - --format markdown\n"
        "  pgrace report race-report --format edn --strategy naive >history.edn\n",
        stdout);
}

static bool is_of_history(const char *format) {
  return strcmp(format, "edn") == 0 || strcmp(format, "history-json") == 0;
}

static pgr_code check(const report_options *o, pgr_err *err) {
  bool history = is_of_history(o->format);
  if (o->file_count == 0) return pgr_fail(err, PGR_EUSAGE, "name a result: pgrace report RESULT.json");
  if (!history && (o->strategy || o->isolation || o->gap_given))
    return pgr_fail(err, PGR_EUSAGE,
                    "--strategy, --isolation and --gap choose from a history: --format edn or "
                    "history-json");
  if (history && o->file_count > 1)
    return pgr_fail(err, PGR_EUSAGE, "--format %s: one history at a time, not %d", o->format, o->file_count);
  if (history && strcmp(o->files[0], "-") == 0)
    return pgr_fail(err, PGR_EUSAGE, "--format %s: name the folder in which history.csv lies", o->format);
  if (history && o->out) return pgr_fail(err, PGR_EUSAGE, "--out: a history goes to standard output only");
  if (strcmp(o->format, "json") == 0 && o->file_count > 1)
    return pgr_fail(err, PGR_EUSAGE, "--format json: one result at a time, not %d", o->file_count);
  return history ? PGR_OK : pgr_outputs_check_format(o->format, true, err);
}

static pgr_code parse(report_options *o, int argc, char **argv, bool *wants_help, pgr_err *err) {
  const pgr_option table[] = {{"format", 0, PGR_OPTION_TEXT, &o->format, 0, 0, NULL},
                              {"out", 0, PGR_OPTION_TEXT, &o->out, 0, 0, NULL},
                              {"strategy", 0, PGR_OPTION_TEXT, &o->strategy, 0, 0, NULL},
                              {"isolation", 0, PGR_OPTION_TEXT, &o->isolation, 0, 0, NULL},
                              {"gap", 0, PGR_OPTION_DURATION, &o->gap_ns, 0, 0, &o->gap_given},
                              {"quiet", 'q', PGR_OPTION_FLAG, &o->quiet, 0, 0, NULL},
                              {"verbose", 'v', PGR_OPTION_FLAG, &o->verbose, 0, 0, NULL},
                              {0}};
  pgr_code code = pgr_options_parse(table, argc, argv, o->files, PGR_DOCUMENTS_MAX, &o->file_count, wants_help, err);
  return code || *wants_help ? code : check(o, err);
}

/* ---- reading ---- */

static bool is_folder(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static pgr_code cannot_read(const char *path, pgr_err *err) {
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot read %.200s: %s", path, strerror(errno));
}

/* One byte past the limit is enough to be told that it is too long. */
static pgr_code read_all(FILE *f, const char *path, pgr_buf *out, pgr_err *err) {
  char part[1 << 16];
  while (out->len <= PGR_DOCUMENT_BYTES_MAX && !out->failed) {
    size_t n = fread(part, 1, sizeof part, f);
    if (n == 0) break;
    pgr_buf_add(out, part, n);
  }
  if (ferror(f)) return cannot_read(path, err);
  return out->failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}

static pgr_code read_file(const char *operand, pgr_buf *out, char *name, size_t name_bytes, pgr_err *err) {
  bool standard = strcmp(operand, "-") == 0;
  snprintf(name, name_bytes, "%s%s", standard ? "standard input" : operand, is_folder(operand) ? "/result.json" : "");
  FILE *f = standard ? stdin : fopen(name, "re");
  if (!f) return cannot_read(name, err);
  pgr_code code = read_all(f, name, out, err);
  if (!standard) fclose(f);
  return code;
}

/* One that describes triggers is put aside. */
static pgr_code read_result(report *r, const char *operand, pgr_err *err) {
  char name[4096];
  bool of_triggers = false;
  pgr_buf *text = &r->texts[r->count];
  pgr_buf_init(text, PGR_DOCUMENT_BYTES_MAX + (1 << 17));
  pgr_code code = read_file(operand, text, name, sizeof name, err);
  if (!code)
    code = pgr_archive_read_any(name, pgr_buf_text(text), text->len, &r->archives[r->count], &of_triggers, err);
  if (!code && of_triggers && !r->options.out && strcmp(r->options.format, "html") != 0)
    code = pgr_fail(err, PGR_EUSAGE,
                    "%.200s: this describes triggers, and --format %s has no form for it; --format html has, and "
                    "pgrace schema doc writes Markdown",
                    name, r->options.format);
  if (code) {
    pgr_buf_deinit(text);
  } else if (of_triggers) {
    r->triggers[r->trigger_count++] = *text;
  } else {
    r->documents[r->count] = pgr_archive_document(r->archives[r->count]);
    r->count++;
  }
  return code;
}

static pgr_code read_results(report *r, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (int i = 0; i < r->options.file_count && !code; i++)
    code = read_result(r, r->options.files[i], err);
  if (!code && r->count == 0 && (r->options.out || strcmp(r->options.format, "html") != 0))
    return pgr_fail(err, PGR_EUSAGE,
                    "none of the documents is a result: they describe triggers, which --format html shows");
  return code;
}

/* ---- what comes out ---- */

/* For people, one after the other, each with its header. */
static pgr_code print_texts(const report *r, pgr_err *err) {
  bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
  unsigned style = (colour ? PGR_STYLE_COLOUR : 0) | (r->options.verbose ? PGR_STYLE_VERBOSE : 0);
  pgr_buf text;
  pgr_code code = PGR_OK;
  for (int i = 0; i < r->count && !code; i++) {
    pgr_buf_init(&text, 0);
    if (i > 0) pgr_buf_adds(&text, "\n");
    if (!r->options.quiet) pgr_document_header(&r->documents[i], &text);
    pgr_document_text(&r->documents[i], style, &text);
    if (text.failed)
      code = pgr_fail(err, PGR_ENOMEM, "out of memory");
    else if (fwrite(pgr_buf_text(&text), 1, text.len, stdout) != text.len || fflush(stdout))
      code = pgr_fail(err, PGR_EENVIRONMENT, "cannot write the report to standard output");
    pgr_buf_deinit(&text);
  }
  return code;
}

/* The first error is told, and keeps nothing else from being written. */
static pgr_code write_all(report *r, pgr_err *err) {
  pgr_err next = {0};
  bool text = strcmp(r->options.format, "text") == 0;
  r->outputs = (pgr_outputs){.keeps_history = true,
                             .format = text ? NULL : r->options.format,
                             .verbose = r->options.verbose,
                             .beside = r->triggers,
                             .beside_count = (size_t)r->trigger_count};
  pgr_code code = r->options.out ? pgr_outdir_open(r->options.out, &r->outputs.out, err) : PGR_OK;
  if (code) return code;
  if (text) code = print_texts(r, err);
  pgr_code written = pgr_outputs_write_all(&r->outputs, r->documents, r->texts, (size_t)r->count, &next);
  if (written && !code) *err = next;
  return code ? code : written;
}

/* What says most about what to do: the environment, then usage, broken, slow, inconclusive. */
static int worst_status(const report *r) {
  static const int order[] = {5, 4, 1, 3, 2};
  for (size_t k = 0; k < sizeof order / sizeof *order; k++)
    for (int i = 0; i < r->count; i++)
      if (pgr_document_exit_status(&r->documents[i]) == order[k]) return order[k];
  return 0;
}

/* ---- histories ---- */

static bool is_chosen(const report_options *o, const pgr_history_rows *rows) {
  return (!o->strategy || strcmp(o->strategy, rows->strategy) == 0) &&
         (!o->isolation || strcmp(o->isolation, rows->isolation) == 0) && (!o->gap_given || o->gap_ns == rows->gap_ns);
}

/* "naive/serializable, gap 5.00 ms" */
static void add_cell(const pgr_history_rows *rows, bool swept, pgr_buf *out) {
  char gap[PGR_TEXT_BYTES];
  pgr_buf_addf(out, "%s%s/%s", out->len ? "; " : "", rows->strategy, rows->isolation);
  if (swept) pgr_buf_addf(out, ", gap %s", pgr_format_duration(gap, rows->gap_ns));
}

/* cells: those that were chosen, or all when none was. */
static pgr_code complain_of_choice(const report_options *o, const pgr_history_file *f, size_t chosen, const char *path,
                                   pgr_err *err) {
  bool swept = false;
  pgr_buf cells;
  pgr_buf_init(&cells, 0);
  for (size_t i = 1; i < f->count; i++)
    swept |= f->cells[i].gap_ns != f->cells[0].gap_ns;
  for (size_t i = 0; i < f->count; i++)
    if (chosen == 0 || is_chosen(o, &f->cells[i])) add_cell(&f->cells[i], swept, &cells);
  pgr_code code =
      f->count == 0 ? pgr_fail(err, PGR_EUSAGE, "%.200s: holds no operation", path)
      : chosen == 0
          ? pgr_fail(err, PGR_EUSAGE, "%.200s: there is no such cell, it holds %s", path, pgr_buf_text(&cells))
          : pgr_fail(err, PGR_EUSAGE, "%.200s: choose one of %zu cells with --strategy, --isolation and --gap: %s",
                     path, chosen, pgr_buf_text(&cells));
  pgr_buf_deinit(&cells);
  return code;
}

static pgr_code export_chosen(const report_options *o, const pgr_history_file *f, const char *path, pgr_err *err) {
  const pgr_history_rows *found = NULL;
  size_t chosen = 0;
  for (size_t i = 0; i < f->count; i++) {
    if (!is_chosen(o, &f->cells[i])) continue;
    found = &f->cells[i];
    chosen++;
  }
  if (chosen != 1) return complain_of_choice(o, f, chosen, path, err);
  pgr_code code = strcmp(o->format, "edn") == 0 ? pgr_history_write_edn(found, stdout, err)
                                                : pgr_history_write_json(found, stdout, err);
  if (!code && fflush(stdout)) code = pgr_fail(err, PGR_EENVIRONMENT, "cannot write the history to standard output");
  return code;
}

/* The operand is a folder, the history itself, or a file beside it. */
static void find_history(const char *operand, char *path, size_t bytes) {
  const char *slash = strrchr(operand, '/');
  size_t len = strlen(operand);
  if (is_folder(operand))
    snprintf(path, bytes, "%s/history.csv", operand);
  else if (len > 4 && strcmp(operand + len - 4, ".csv") == 0)
    snprintf(path, bytes, "%s", operand);
  else
    snprintf(path, bytes, "%.*shistory.csv", slash ? (int)(slash - operand) + 1 : 0, operand);
}

static pgr_code export_history(const report_options *o, pgr_err *err) {
  char path[4096];
  pgr_history_file cells = {0};
  find_history(o->files[0], path, sizeof path);
  FILE *f = fopen(path, "re");
  if (!f) return cannot_read(path, err);
  pgr_code code = pgr_history_read_csv(f, path, HISTORY_MAX_OPS, &cells, err);
  fclose(f);
  if (code) return code;
  code = export_chosen(o, &cells, path, err);
  pgr_history_file_deinit(&cells);
  return code;
}

/* ---- the command ---- */

int pgr_cmd_report(int argc, char **argv) {
  static report r;
  pgr_err err = {0};
  bool wants_help = false;
  int status = 0;
  r.options = (report_options){.format = "text"};
  pgr_code code = parse(&r.options, argc, argv, &wants_help, &err);
  if (wants_help) {
    help();
    return 0;
  }
  if (!code && is_of_history(r.options.format)) {
    code = export_history(&r.options, &err);
  } else if (!code) {
    code = read_results(&r, &err);
    if (!code) code = write_all(&r, &err);
    status = code ? 0 : worst_status(&r);
  }
  pgr_outdir_close(r.outputs.out);
  for (int i = 0; i < r.count; i++) {
    pgr_archive_close(r.archives[i]);
    pgr_buf_deinit(&r.texts[i]);
  }
  for (int i = 0; i < r.trigger_count; i++)
    pgr_buf_deinit(&r.triggers[i]);
  if (!code) return status;
  fprintf(stderr, "pgrace: %s\n", err.msg);
  return pgr_exit_status(code);
}
