/* A result of any command, for renderers that serve them all. */
#include "report_internal.h"

#include "pgr_document.h"
#include "pgr_suite.h"
#include <string.h>

const pgr_scenario *pgr_document_scenario(const pgr_document *d) {
  return d->run ? d->run->scenario : d->bench->scenario;
}

const char *pgr_document_command(const pgr_document *d) {
  return d->run ? d->run->command : "bench";
}

/* The same cases as the formats for CI systems have: none is to say "not ok" beside an exit status of 0. */
static int status_by_cases(const pgr_document *d) {
  pgr_suite s = {0};
  pgr_code code = pgr_suite_make(d, &s, NULL);
  int status = code ? pgr_exit_status(code) : s.failed ? 1 : s.errors ? pgr_exit_status(PGR_EENVIRONMENT) : 0;
  pgr_suite_deinit(&s);
  return status;
}

int pgr_document_exit_status(const pgr_document *d) {
  int said = d->run ? d->run->exit_status : d->bench->exit_status;
  return said ? said : status_by_cases(d);
}

const char *pgr_document_repeat(const pgr_document *d) {
  return d->run ? d->run->repeat : d->bench->repeat;
}

/* ---- an exploration's text ---- */

static bool is_exploration(const pgr_document *d) {
  return d->run && strcmp(d->run->command, "explore") == 0;
}

static void add_exploration_header(const pgr_result *r, pgr_buf *out) {
  const pgr_environment *e = &r->environment;
  pgr_buf_addf(out, "pgrace " PGR_VERSION " · %s PostgreSQL %s · exploring with %u worker%s · seed %llu\n",
               e->private_server ? "private" : "your", e->server_version, r->settings.threads,
               r->settings.threads == 1 ? "" : "s", (unsigned long long)r->seed);
}

/* Whose witness is told: of the first cell that is not what the scenario says, else of the first that has one. */
static const pgr_cell *choose_told(const pgr_result *r) {
  const pgr_cell *chosen = NULL;
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    if (c->proof.witness && (!chosen || (chosen->judgement.as_expected && !c->judgement.as_expected))) chosen = c;
  }
  return chosen;
}

/* As the command shows it while it explores, cell by cell. */
static void add_exploration(const pgr_result *r, unsigned style, pgr_buf *out) {
  bool colour = style & PGR_STYLE_COLOUR;
  const pgr_cell *told = choose_told(r);
  pgr_buf_adds(out, "\n");
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    if (!c->evidence.ran) continue;
    pgr_report_proof(r, c, colour, out);
    if (c != told && !(c->proof.witness && style & PGR_STYLE_VERBOSE)) continue;
    pgr_report_witness(c, PGR__COLUMNS, colour, out);
    pgr_buf_adds(out, "\n");
  }
  pgr_report_proofs(r, colour, out);
}

/* ---- all of it ---- */

void pgr_document_header(const pgr_document *d, pgr_buf *out) {
  if (d->bench)
    pgr_bench_header(d->bench, out);
  else if (is_exploration(d))
    add_exploration_header(d->run, out);
  else
    pgr_report_header(d->run, out);
}

/* A bench says it in its note. */
static void add_error(const pgr_result *r, pgr_buf *out) {
  if (!*r->error || *r->note) return;
  size_t from = out->len;
  pgr_buf_addf(out, "It ended with an error: %s\n", r->error);
  pgr__wrap(out, from);
}

void pgr_document_text(const pgr_document *d, unsigned style, pgr_buf *out) {
  if (d->bench)
    pgr_bench_text(d->bench, style, out);
  else if (is_exploration(d))
    add_exploration(d->run, style, out);
  else
    pgr_report_text(d->run, style, out);
  if (d->run) add_error(d->run, out);
}

pgr_code pgr_document_json(const pgr_document *d, pgr_buf *out, pgr_err *err) {
  return d->run ? pgr_report_json(d->run, out, err) : pgr_bench_json(d->bench, out, err);
}
