/* pgrace bench: what the strategies of a scenario cost under load, or what a script of one's own does. */
#include "bench_options.h"
#include "benching.h"
#include "cells.h"
#include "commands.h"
#include "describe.h"
#include "gallery.h"
#include "inputs.h"
#include "outputs.h"
#include "pgr_baseline.h"
#include "pgr_clock.h"
#include "pgr_mem.h"
#include "pgr_race.h"
#include "pgr_threshold.h"
#include "pgr_units.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  DEFAULT_KEYS = 100,         /* where they are given back */
  DEFAULT_KEYS_ONCE = 100000, /* where each is contended for once, */
  DEFAULT_EACH = 8            /* by so many */
};
static const size_t VERIFY_MAX = 4000000; /* operations that are not settled: about 350 MB */
static const size_t BASELINE_BYTES_MAX = 64 << 20;

typedef struct bench {
  pgr_bench_options options;
  pgr_scenario *scenario;
  pgr_define defines[PGR_DEFINES_MAX];
  int define_count;
  int weights[PGR_OPERATIONS_MAX];
  pgr_protocol protocol;
  pgr_keys keys;
  pgr_threshold thresholds[PGR_THRESHOLDS_MAX];
  pgr_baseline *baseline;
  pgr_bench result;
  pgr_benching phases;
  pgr_progress progress;
  pgr_outputs outputs;
  int64_t entered_ns;
} bench;

/* ---- before a server is asked ---- */

static bool read_file(void *user, const char *path, char **text, size_t *len_bytes, char why[128]) {
  size_t most = *(const size_t *)user, len = 0;
  FILE *f = fopen(path, "re");
  char *data = f ? pgr_calloc(most + 2, 1) : NULL;
  if (!data) {
    snprintf(why, 128, "%s", f ? "out of memory" : "no such file, or it cannot be read");
    if (f) fclose(f);
    return false;
  }
  len = fread(data, 1, most + 1, f);
  bool failed = ferror(f);
  fclose(f);
  if (failed || len > most) {
    snprintf(why, 128, "%s", failed ? "it cannot be read" : "it is too long");
    pgr_free(data);
    return false;
  }
  *text = data;
  *len_bytes = len;
  return true;
}

static pgr_code open_scenario(bench *b, pgr_faults *faults, pgr_err *err) {
  const pgr_bench_options *o = &b->options;
  static size_t most = PGR_SQL_BYTES_MAX;
  if (!o->script_count) return pgr_gallery_open(o->scenario ? o->scenario : "claim", &b->scenario, faults, err);
  const pgr_reader reader = {.read = read_file, .user = &most};
  b->scenario = pgr_scenario_bare(o->scripts, o->script_count, o->schema.items, o->schema.count, &reader, faults);
  return b->scenario ? PGR_OK : pgr_faults_first(faults, err);
}

/* How keys are drawn when nobody says: where nothing gives one back, what was done to it stays, and it is of no use for
 * the next. */
static void fill_keys(bench *b) {
  pgr_key_options *k = &b->options.keys;
  bool used_up = !b->options.script_count;
  for (int i = 0; i < b->scenario->operation_count; i++)
    used_up &= b->scenario->operations[i].when != PGR_WHEN_END;
  if (!b->options.spread_given && used_up)
    *k = (pgr_key_options){PGR_SPREAD_ONCE, .count = k->count, .each = DEFAULT_EACH};
  int64_t all = b->scenario->key.last - b->scenario->key.first + 1;
  if (!b->options.count_given) k->count = k->spread == PGR_SPREAD_ONCE ? DEFAULT_KEYS_ONCE : DEFAULT_KEYS;
  if (!b->options.count_given && k->count > all) k->count = all;
}

static pgr_code check_keys(const bench *b, pgr_err *err) {
  int64_t all = b->scenario->key.last - b->scenario->key.first + 1;
  if (b->options.keys.count > all)
    return pgr_fail(err, PGR_EUSAGE, "--keys %lld: %s has %lld", (long long)b->options.keys.count, b->scenario->name,
                    (long long)all);
  return pgr_keys_check(&b->options.keys, err);
}

static pgr_bench_cell cell_of(const pgr_bench_options *o, const pgr_cell *chosen, uint32_t clients) {
  uint32_t connections = clients;
  if (o->connections && o->connections < clients) connections = (uint32_t)o->connections;
  return (pgr_bench_cell){.strategy = chosen->strategy,
                          .isolation = chosen->isolation,
                          .clients = clients,
                          .connections = connections,
                          .threads = o->threads < connections ? (uint32_t)o->threads : connections,
                          .expect = pgr_cell_expect(chosen)};
}

/* Strategies × levels × numbers of clients; a strategy's together. */
static pgr_code fill_cells(bench *b, const pgr_result *chosen, pgr_err *err) {
  const pgr_bench_options *o = &b->options;
  size_t sizes = (size_t)o->client_count, count = chosen->cell_count * sizes;
  b->result.cells = pgr_calloc(count ? count : 1, sizeof *b->result.cells);
  if (!b->result.cells) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; i < count; i++)
    b->result.cells[i] = cell_of(o, &chosen->cells[i / sizes], (uint32_t)o->clients[i % sizes]);
  b->result.cell_count = count;
  for (size_t i = 0; i < chosen->cell_count; i++) {
    pgr_code code = pgr_inputs_check_scripts(b->scenario, chosen->cells[i].strategy, b->protocol, o->allow_shell, err);
    if (code) return code;
  }
  return PGR_OK;
}

static pgr_code choose_cells(bench *b, pgr_err *err) {
  pgr_result *chosen = pgr_calloc(1, sizeof *chosen); /* what a race would find */
  if (!chosen) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  chosen->scenario = b->scenario;
  pgr_code code = pgr_cells_choose(chosen, b->options.strategies, b->options.isolation, NULL, err);
  if (!code) code = fill_cells(b, chosen, err);
  pgr_result_deinit(chosen);
  pgr_free(chosen);
  return code;
}

static pgr_code read_thresholds(bench *b, pgr_err *err) {
  pgr_bench *r = &b->result;
  char where[200];
  r->thresholds = b->thresholds;
  for (int i = 0; i < b->scenario->limit_count + b->options.thresholds.count; i++) {
    bool written = i < b->scenario->limit_count;
    const pgr_limit *limit = &b->scenario->limits[written ? i : 0];
    const char *text = written ? limit->text : b->options.thresholds.items[i - b->scenario->limit_count];
    if (r->threshold_count == PGR_THRESHOLDS_MAX)
      return pgr_fail(err, PGR_EUSAGE, "there are more than %d thresholds", PGR_THRESHOLDS_MAX);
    snprintf(where, sizeof where, "%.150s:%d:%d", b->scenario->source.name, limit->at.line, limit->at.column);
    pgr_code code = pgr_threshold_parse(text, written ? where : "--threshold", &b->thresholds[r->threshold_count], err);
    if (code) return code;
    r->threshold_count++;
  }
  return pgr_threshold_check(r, err);
}

static pgr_code read_baseline(bench *b, pgr_err *err) {
  const char *path = b->options.baseline;
  size_t most = BASELINE_BYTES_MAX, len;
  char *text, why[128];
  if (!path) return PGR_OK;
  if (!read_file(&most, path, &text, &len, why)) return pgr_fail(err, PGR_EUSAGE, "--baseline %.200s: %s", path, why);
  pgr_code code = pgr_baseline_read(text, len, path, &b->baseline, err);
  pgr_free(text);
  return code;
}

static void describe(bench *b) {
  const pgr_bench_options *o = &b->options;
  pgr_bench *r = &b->result;
  r->scenario = b->scenario;
  r->bare = o->script_count > 0;
  r->seed = (uint64_t)o->seed;
  r->settings.threads = (uint32_t)o->threads;
  r->settings.repetitions = (int)o->repetitions;
  r->settings.warmup_ns = o->warmup_ns;
  r->settings.duration_ns = o->transactions ? 0 : o->duration_ns;
  r->settings.transactions = o->transactions;
  r->settings.hold_ns = o->hold_ns;
  r->settings.gap_ns = o->gap_ns;
  r->settings.max_lag_ns = o->max_lag_ns;
  r->settings.open = o->open;
  r->settings.poisson = o->poisson;
  r->settings.verify = o->verify;
  r->settings.durable = o->durable;
  r->settings.rate = o->rate;
  r->settings.keys = o->keys;
  r->settings.protocol = b->protocol;
  r->settings.max_tries = (int)o->max_tries;
  if (o->baseline) snprintf(r->baseline, sizeof r->baseline, "%s", o->baseline);
}

/* Everything that can be found wrong before a server is asked. */
static pgr_code set_up(bench *b, pgr_err *err) {
  pgr_bench_options *o = &b->options;
  int64_t most = 1;
  if (!o->seed_given) o->seed = (int64_t)(pgr_random_entropy() >> 32);
  fill_keys(b);
  pgr_code code = check_keys(b, err);
  if (!code) code = pgr_inputs_protocol(b->scenario, o->protocol, &b->protocol, err);
  if (!code) code = choose_cells(b, err);
  if (!code) code = pgr_inputs_defines(b->scenario, &o->defines, b->defines, &b->define_count, err);
  if (code) return code;
  describe(b);
  code = read_thresholds(b, err);
  if (!code) code = read_baseline(b, err);
  for (size_t i = 0; i < b->result.cell_count; i++)
    if (b->result.cells[i].connections > most) most = b->result.cells[i].connections;
  if (!code) code = pgr_place_raise_descriptors(most, o->threads, err);
  b->outputs = (pgr_outputs){.format = o->format, .verbose = o->verbose};
  if (!code) code = pgr_outputs_check_format(o->format, true, err);
  if (!code && o->out) code = pgr_outdir_open(o->out, &b->outputs.out, err);
  return code;
}

/* ---- the work ---- */

static void plan(bench *b) {
  const pgr_bench_options *o = &b->options;
  pgr_keys_init(&b->keys, &o->keys);
  for (int i = 0; i < o->script_count; i++)
    b->weights[i] = o->weights[i];
  b->phases.options = o;
  b->phases.bench = &b->result;
  b->phases.progress = o->quiet ? NULL : &b->progress;
  b->phases.load = (pgr_load_options){.scenario = b->scenario,
                                      .protocol = b->protocol,
                                      .defines = b->defines,
                                      .define_count = b->define_count,
                                      .weights = o->script_count ? b->weights : NULL,
                                      .threads = (uint32_t)o->threads,
                                      .keys = &b->keys,
                                      .first_key = b->scenario->key.first,
                                      .hold_ns = o->hold_ns,
                                      .gap_ns = o->gap_ns,
                                      .max_tries = (int)o->max_tries,
                                      .open = o->open,
                                      .rate = o->rate,
                                      .poisson = o->poisson,
                                      .max_lag_ns = o->max_lag_ns,
                                      .warmup_ns = o->warmup_ns,
                                      .duration_ns = o->duration_ns,
                                      .transactions = o->transactions,
                                      .verify = o->verify,
                                      .verify_max = VERIFY_MAX,
                                      .seed = (uint64_t)o->seed};
}

/* Evidence that breaks a rule comes before what was slow; what is incomplete, last. */
static int exit_status(const pgr_bench *r) {
  bool broken = false, slow = r->crossing_count > 0, empty = false;
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_bench_cell *c = &r->cells[i];
    const pgr_figure *errors = pgr_bench_figure(c, "errors");
    /* The story may be of a phase that was cut short, which is no repetition. */
    bool wrong = c->all.duplicates > 0 || c->story.duplicates > 0 || c->rows_broken > 0;
    broken |= c->all.unexplained > 0 || c->story.unexplained > 0 || (wrong && c->expect == PGR_EXPECT_SAFE) ||
              (errors && errors->value > 0);
    empty |= c->repetition_count == 0 || c->all.transactions == 0;
    /* Times that leave out the worst cannot have kept to anything. */
    empty |= c->all.arrivals.unsent > 0 && (r->threshold_count > 0 || r->compared);
  }
  for (size_t i = 0; i < r->change_count; i++)
    slow |= r->changes[i].worse;
  if (r->interrupted) return 2;
  if (broken) return 1;
  if (slow) return 3;
  return r->complete && !empty ? 0 : 2;
}

static pgr_code judge(bench *b, pgr_err *err) {
  pgr_bench *r = &b->result;
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < r->cell_count; i++)
    if (pgr_bench_settle(&r->cells[i], b->scenario)) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (!code && pgr_threshold_apply(r)) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  const pgr_floors floors = {.relative = b->options.floor, .absolute_ns = (double)b->options.floor_ns};
  if (!code && b->baseline && pgr_baseline_compare(b->baseline, r, floors))
    code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  r->compared = b->baseline != NULL;
  r->exit_status = exit_status(r);
  return code;
}

/* ---- what comes out ---- */

/* Letters, digits and what is harmless in a file's name. */
static void add_file_name(pgr_buf *name, const char *text) {
  for (; *text; text++)
    pgr_buf_addf(name, "%c", isalnum((unsigned char)*text) || *text == '-' || *text == '_' ? *text : '-');
}

static pgr_code write_histograms(bench *b, const pgr_bench_cell *c, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (int k = 0; !code && k < b->scenario->operation_count; k++)
    for (int o = 0; !code && o < PGR_OUTCOME_COUNT; o++) {
      const pgr_histogram *h = c->all.tally.response[k][o];
      if (!h || pgr_histogram_count(h) == 0) continue;
      pgr_buf text, name, cell;
      pgr_buf_init(&text, 0);
      pgr_buf_init(&name, 0);
      pgr_buf_init(&cell, 0);
      pgr_bench_cell_name(&b->result, c, &cell);
      add_file_name(&name, pgr_buf_text(&cell));
      pgr_buf_adds(&name, ".");
      add_file_name(&name, b->scenario->operations[k].name);
      pgr_buf_addf(&name, ".%s.hgrm", pgr_outcome_name((pgr_outcome)o));
      pgr_bench_hgrm(h, &text);
      code = name.failed || text.failed || cell.failed
                 ? pgr_fail(err, PGR_ENOMEM, "out of memory")
                 : pgr_outdir_write(b->outputs.out, pgr_buf_text(&name), &text, err);
      pgr_buf_deinit(&cell);
      pgr_buf_deinit(&name);
      pgr_buf_deinit(&text);
    }
  return code;
}

/* What only a bench has. */
static pgr_code write_files(bench *b, pgr_err *err) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_bench_csv(&b->result, &text);
  pgr_code code = text.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory")
                              : pgr_outdir_write(b->outputs.out, "series.csv", &text, err);
  pgr_buf_clear(&text);
  pgr_bench_openmetrics(&b->result, &text);
  if (!code) code = pgr_outdir_write(b->outputs.out, "metrics.txt", &text, err);
  pgr_buf_clear(&text);
  if (!code) code = pgr_bench_smaller_is_better(&b->result, &text, err);
  if (!code) code = pgr_outdir_write(b->outputs.out, "benchmark.json", &text, err);
  pgr_buf_deinit(&text);
  for (size_t i = 0; !code && i < b->result.cell_count; i++)
    code = write_histograms(b, &b->result.cells[i], err);
  return code;
}

static pgr_code report(bench *b, pgr_err *err) {
  pgr_err first;
  pgr_code code = b->outputs.out ? write_files(b, &first) : PGR_OK;
  pgr_code written = pgr_outputs_write(&b->outputs, &(pgr_document){.bench = &b->result}, NULL, err);
  if (code) *err = first;
  return code ? code : written;
}

static void print_header(const bench *b) {
  if (b->options.quiet || !pgr_outputs_are_text(&b->outputs)) return;
  pgr_buf line;
  pgr_buf_init(&line, 0);
  pgr_bench_header(&b->result, &line);
  fputs(pgr_buf_text(&line), stdout);
  fflush(stdout);
  pgr_buf_deinit(&line);
}

static int complain(const pgr_err *err) {
  fprintf(stderr, "pgrace: %s\n", err->msg);
  return pgr_exit_status(err->code);
}

static bool has_repetitions(const pgr_bench *r) {
  bool any = false;
  for (size_t i = 0; i < r->cell_count; i++)
    any |= r->cells[i].repetition_count > 0;
  return any;
}

/* Whether there is something to tell after an error: what was measured before it is not lost, and those who asked for a
 * result get one that says what of the environment ended it. */
static bool is_worth_telling(const bench *b, pgr_code ended) {
  return !ended || has_repetitions(&b->result) || (pgr_exit_status(ended) == 5 && pgr_outputs_want_errors(&b->outputs));
}

static pgr_code tell(bench *b, pgr_code ended, const pgr_err *why, pgr_err *err) {
  pgr_bench *r = &b->result;
  if (!is_worth_telling(b, ended)) return PGR_OK;
  bool environment = pgr_exit_status(ended) == 5;
  if (ended) r->complete = false;
  if (ended && !environment) snprintf(r->note, sizeof r->note, "%.190s", why->msg);
  pgr_code code = judge(b, err);
  if (ended && environment) {
    snprintf(r->error, sizeof r->error, "%.290s", why->msg);
    r->exit_status = 5;
  }
  return code ? code : report(b, err);
}

/* The first error counts; of those that follow from it, or come while cleaning up, it is only told. */
static pgr_code work(bench *b, pgr_err *err) {
  pgr_err next = {0};
  pgr_progress_init(&b->progress, stderr);
  plan(b);
  pgr_code code = pgr_benching_open(&b->phases, err);
  bool open = !code;
  if (open) pgr_describe_environment(&b->result.environment, &b->phases.sites[0].place, b->options.dsn);
  if (open && b->baseline && !b->options.compare_anyway) code = pgr_baseline_check(b->baseline, &b->result, err);
  if (!code) print_header(b);
  if (!code) code = pgr_benching_run(&b->phases, err);
  pgr_code closed = open ? pgr_benching_close(&b->phases, &next) : PGR_OK;
  if (closed && code) complain(&next);
  if (closed && !code) *err = next;
  if (!code) code = closed;
  pgr_code told = tell(b, code, err, &next);
  if (told && code) complain(&next);
  if (told && !code) *err = next;
  return code ? code : told;
}

int pgr_cmd_bench(int argc, char **argv) {
  static bench b; /* a place for each strategy */
  pgr_err err = {0};
  pgr_faults faults = {0};
  bool wants_help = false;
  b.entered_ns = pgr_now_ns();
  pgr_code code = pgr_bench_options_parse(&b.options, argc, argv, &wants_help, &err);
  if (wants_help) {
    pgr_bench_help();
    return 0;
  }
  if (!code) code = pgr_bench_options_check(&b.options, &err);
  if (!code) code = open_scenario(&b, &faults, &err);
  /* A script may be for a newer server than the grammar at hand. */
  if (!code && !(b.options.script_count && b.options.dsn)) {
    pgr_scenario_check_sql(b.scenario, &faults);
    code = pgr_faults_first(&faults, &err);
  }
  if (code && faults.count) {
    int status = pgr_gallery_complain(&faults, &err);
    pgr_faults_deinit(&faults);
    pgr_scenario_destroy(b.scenario);
    return status;
  }
  if (!code) code = set_up(&b, &err);
  pgr_outputs_repeat(argc, argv, (uint64_t)b.options.seed, b.options.seed_given, b.result.repeat,
                     sizeof b.result.repeat);
  if (!code) code = work(&b, &err);
  int status = code ? complain(&err) : b.result.exit_status;
  pgr_outdir_close(b.outputs.out);
  pgr_baseline_destroy(b.baseline);
  pgr_bench_deinit(&b.result);
  pgr_scenario_destroy(b.scenario);
  return status;
}
