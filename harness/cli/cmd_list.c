/* pgrace list: what scenarios there are, or what one of them is about. */
#include "commands.h"
#include "gallery.h"
#include "options.h"
#include "pgr_units.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, NAME_COLUMN_MAX = 22 };

static void help(void) {
  fputs("Usage: pgrace list [SCENARIO] [--format text|json]\n\n"
        "Without SCENARIO: the gallery, each scenario with the strategies that race and\n"
        "those that are safe. With one: what it teaches, what its agents do, what must\n"
        "hold, and every strategy with its isolation levels and what is expected there.\n\n"
        "A SCENARIO is a name of the gallery, a folder NAME that holds NAME.yaml, or the\n"
        "path of a YAML file.\n\n"
        "Exit status: 0, or 4 when there is no such scenario or it is wrong.\n\n"
        "Examples\n"
        "  pgrace list\n"
        "  pgrace list claim\n"
        "  pgrace list --format json\n",
        stdout);
}

/* ---- text ---- */

static size_t width_of(const char *text, size_t bytes) {
  size_t n = 0;
  for (size_t i = 0; i < bytes; i++)
    n += ((unsigned char)text[i] & 0xC0) != 0x80;
  return n;
}

/* Prints words from `column` on, and where the line ends goes on below, at `indent`. Ends the line. */
static void wrap(const char *text, size_t column, size_t indent) {
  for (bool first = true; *text; first = false) {
    size_t bytes = strcspn(text, " \n"), width = width_of(text, bytes);
    if (!first && column + 1 + width > WIDTH) {
      printf("\n%*s", (int)indent, "");
      column = indent;
      first = true;
    }
    printf("%s%.*s", first ? "" : " ", (int)bytes, text);
    column += width + !first;
    text += bytes;
    text += strspn(text, " \n");
  }
  putchar('\n');
}

/* "label", padded, then wrapped text. */
static void row(const char *label, size_t column, const char *text) {
  size_t width = width_of(label, strlen(label));
  if (width >= column) {
    printf("%s\n%*s", label, (int)column, "");
  } else {
    printf("%s%*s", label, (int)(column - width), "");
  }
  wrap(text, column, column);
}

static const char *expect_text(pgr_expect e) {
  const char *name = pgr_expect_name(e);
  return name ? name : "unsaid";
}

/* The strategies of which `expect` is expected at the level they list first. false: there are none. */
static bool strategies_that(const pgr_scenario *s, pgr_expect expect, pgr_buf *out) {
  pgr_buf_clear(out);
  for (int i = 0; i < s->strategy_count; i++)
    if (s->strategies[i].at[s->strategies[i].first].expect == expect)
      pgr_buf_addf(out, "%s%s", out->len ? ", " : "", s->strategies[i].name);
  return out->len > 0;
}

static void print_short(const pgr_scenario *s, size_t column) {
  static const struct {
    pgr_expect expect;
    const char *label;
  } groups[] = {{PGR_EXPECT_RACE, "races:"}, {PGR_EXPECT_SAFE, "safe:"}, {PGR_EXPECT_NOTHING, "unsaid:"}};
  pgr_buf names;
  pgr_buf_init(&names, 0);
  row(s->name, column, s->title);
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
    if (!strategies_that(s, groups[i].expect, &names)) continue;
    printf("%*s%-8s", (int)column, "", groups[i].label);
    wrap(pgr_buf_text(&names), column + 8, column + 8);
  }
  pgr_buf_deinit(&names);
}

static void print_operations(const pgr_scenario *s) {
  for (int i = 0; i < s->operation_count; i++) {
    const pgr_operation *o = &s->operations[i];
    const char *after = o->after >= 0 ? s->operations[o->after].name : NULL;
    char text[200];
    if (o->when == PGR_WHEN_START)
      snprintf(text, sizeof text, "%s: at the start of a round", o->name);
    else if (o->when == PGR_WHEN_AFTER)
      snprintf(text, sizeof text, "%s: right after %s", o->name, after ? after : "?");
    else if (after)
      snprintf(text, sizeof text, "%s: at the end of a round, by whose %s went well", o->name, after);
    else
      snprintf(text, sizeof text, "%s: once, at the end of a round", o->name);
    row(i ? "" : "operations", 14, text);
  }
}

static void print_rules(const pgr_scenario *s) {
  const char *label = "must hold";
  char text[400], capacity[PGR_TEXT_BYTES];
  if (s->ownership.declared) {
    const pgr_ownership *o = &s->ownership;
    snprintf(text, sizeof text, "%s (from what agents are told: %s acquires%s%s; at most %s at once)", o->name,
             s->operations[o->acquire].name, o->release >= 0 ? ", releases: " : "",
             o->release >= 0 ? s->operations[o->release].name : "", pgr_format_count(capacity, o->capacity));
    row(label, 14, text);
    label = "";
  }
  for (int i = 0; i < s->invariant_count; i++, label = "") {
    snprintf(text, sizeof text, "%s (from the rows%s)", s->invariants[i].name,
             s->invariants[i].needs_history ? ", and from what agents are told" : "");
    row(label, 14, text);
  }
}

static void print_errors(const pgr_scenario *s) {
  const char *label = "rejections";
  for (int i = 0; i < s->rejection_count; i++, label = "") {
    const pgr_rejection *r = &s->rejections[i];
    char text[400];
    snprintf(text, sizeof text, "%s%s%s%s%s", r->sqlstate, r->constraint ? " " : "", r->constraint ? r->constraint : "",
             r->message ? ": " : "", r->message ? r->message : "");
    row(label, 14, text);
  }
}

/* "race at read committed; safe at serializable", the level listed first first. */
static void add_levels(const pgr_strategy *g, pgr_expect expect, pgr_buf *out) {
  int fit = 0, listed = 0;
  for (int level = 0; level < PGR_ISOLATION_COUNT; level++)
    fit += g->at[level].runs && g->at[level].expect == expect;
  if (!fit) return;
  pgr_buf_addf(out, "%s%s at ", out->len ? "; " : "", expect_text(expect));
  if (fit == PGR_ISOLATION_COUNT) {
    pgr_buf_adds(out, "every isolation level");
    return;
  }
  for (int k = 0; k < PGR_ISOLATION_COUNT; k++) {
    int level = (g->first + k) % PGR_ISOLATION_COUNT;
    if (!g->at[level].runs || g->at[level].expect != expect) continue;
    pgr_buf_addf(out, "%s%s", listed++ ? ", " : "", pgr_isolation_name((pgr_isolation)level));
  }
}

static void print_strategy(const pgr_scenario *s, const pgr_strategy *g, size_t column) {
  const pgr_expect expects[] = {g->at[g->first].expect, PGR_EXPECT_RACE, PGR_EXPECT_SAFE, PGR_EXPECT_NOTHING};
  char label[80];
  bool compared = false;
  pgr_buf levels;
  pgr_buf_init(&levels, 0);
  for (int i = 0; i < s->compare_count; i++)
    compared = compared || &s->strategies[s->compare[i]] == g;
  snprintf(label, sizeof label, "%s %s", compared ? "*" : " ", g->name);
  row(label, column, g->summary);
  for (int i = 0; i < 4; i++)
    if (i == 0 || expects[i] != expects[0]) add_levels(g, expects[i], &levels);
  if (g->sampled_rarely) pgr_buf_adds(&levels, "; the race lies inside one statement, pgrace run rarely sees it");
  row("", column, pgr_buf_text(&levels));
  pgr_buf_deinit(&levels);
}

static void print_long(const pgr_scenario *s) {
  char first[PGR_TEXT_BYTES], last[PGR_TEXT_BYTES], text[200];
  size_t column = 0;
  printf("%s: ", s->name);
  wrap(s->title, strlen(s->name) + 2, 2);
  printf("\n  ");
  wrap(s->lesson, 2, 2);
  if (s->broken) row("", 2, s->broken);
  if (s->see) row("", 2, s->see);
  putchar('\n');
  snprintf(text, sizeof text, "%.100s, %s to %s", s->key.name, pgr_format_count(first, s->key.first),
           pgr_format_count(last, s->key.last));
  row("contested", 14, text);
  print_operations(s);
  print_rules(s);
  print_errors(s);
  for (int i = 0; i < s->strategy_count; i++) {
    size_t width = strlen(s->strategies[i].name) + 4;
    if (width > column && width <= NAME_COLUMN_MAX) column = width;
  }
  puts("\nstrategies (* those that pgrace run compares)");
  for (int i = 0; i < s->strategy_count; i++)
    print_strategy(s, &s->strategies[i], column ? column : NAME_COLUMN_MAX);
}

/* ---- JSON ---- */

static json_t *operations_json(const pgr_scenario *s) {
  static const char *const whens[] = {"start", "after", "end"}; /* as in pgr_when */
  json_t *list = json_array();
  for (int i = 0; i < s->operation_count; i++) {
    const pgr_operation *o = &s->operations[i];
    json_array_append_new(list, json_pack("{s:s, s:s, s:s?}", "name", o->name, "when", whens[o->when], "after",
                                          o->after >= 0 ? s->operations[o->after].name : NULL));
  }
  return list;
}

static json_t *ownership_json(const pgr_scenario *s) {
  const pgr_ownership *o = &s->ownership;
  if (!o->declared) return json_null();
  return json_pack("{s:s, s:s, s:s?, s:I}", "rule", o->name, "acquire", s->operations[o->acquire].name, "release",
                   o->release >= 0 ? s->operations[o->release].name : NULL, "capacity", (json_int_t)o->capacity);
}

static json_t *invariants_json(const pgr_scenario *s) {
  json_t *list = json_array();
  for (int i = 0; i < s->invariant_count; i++)
    json_array_append_new(list, json_string(s->invariants[i].name));
  return list;
}

static json_t *rejections_json(const pgr_scenario *s) {
  json_t *list = json_array();
  for (int i = 0; i < s->rejection_count; i++) {
    const pgr_rejection *r = &s->rejections[i];
    json_array_append_new(list, json_pack("{s:s, s:s?, s:s?, s:s?}", "sqlstate", r->sqlstate, "constraint",
                                          r->constraint, "field", r->field, "message", r->message));
  }
  return list;
}

static json_t *strategies_json(const pgr_scenario *s) {
  json_t *list = json_array();
  for (int i = 0; i < s->strategy_count; i++) {
    const pgr_strategy *g = &s->strategies[i];
    json_t *levels = json_object();
    for (int k = 0; k < PGR_ISOLATION_COUNT; k++) {
      const char *expect = pgr_expect_name(g->at[k].expect);
      if (!g->at[k].runs) continue;
      json_object_set_new(levels, pgr_isolation_name((pgr_isolation)k), expect ? json_string(expect) : json_null());
    }
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:b}", "name", g->name, "summary", g->summary,
                                          "default_isolation", pgr_isolation_name(g->first), "isolation", levels,
                                          "sampled_rarely", g->sampled_rarely));
  }
  return list;
}

static json_t *scenario_json(const pgr_scenario *s) {
  json_t *compare = json_array();
  for (int i = 0; i < s->compare_count; i++)
    json_array_append_new(compare, json_string(s->strategies[s->compare[i]].name));
  return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:{s:s, s:I, s:I}, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                   s->name, "title", s->title, "lesson", s->lesson, "see", s->see, "broken", s->broken, "key", "name",
                   s->key.name, "first", (json_int_t)s->key.first, "last", (json_int_t)s->key.last, "protocol",
                   pgr_protocol_name(s->protocol), "pool_mode", pgr_pool_mode_name(s->pool_mode), "operations",
                   operations_json(s), "ownership", ownership_json(s), "invariants", invariants_json(s), "rejections",
                   rejections_json(s), "strategies", strategies_json(s), "compare", compare);
}

/* ---- the command ---- */

typedef struct list {
  const char *format;
  json_t *scenarios; /* NULL: text */
  bool one;
  size_t column; /* of titles */
} list;

/* Returns the exit status. */
static int show(list *l, const char *name) {
  pgr_scenario *s = NULL;
  pgr_faults faults = {0};
  pgr_err err;
  int status = 0;
  if (pgr_gallery_open(name, &s, &faults, &err))
    status = pgr_gallery_complain(&faults, &err);
  else if (l->scenarios)
    json_array_append_new(l->scenarios, scenario_json(s));
  else if (l->one)
    print_long(s);
  else
    print_short(s, l->column);
  pgr_scenario_destroy(s);
  pgr_faults_deinit(&faults);
  return status;
}

static int show_all(list *l) {
  char name[PGR_GALLERY_NAME_BYTES];
  int status = 0;
  for (size_t i = 0; pgr_gallery_name(i, name); i++)
    if (strlen(name) + 2 > l->column && strlen(name) + 2 <= NAME_COLUMN_MAX) l->column = strlen(name) + 2;
  for (size_t i = 0; pgr_gallery_name(i, name); i++) {
    int one = show(l, name);
    if (status == 0) status = one;
  }
  if (!l->scenarios) puts("\npgrace list NAME tells more about one, pgrace run NAME races it.");
  return status;
}

static int finish(const list *l, int status) {
  bool ok = true;
  if (l->scenarios && status == 0) {
    json_t *document = json_pack("{s:i, s:O}", "format", 1, "scenarios", l->scenarios);
    ok = document && json_dumpf(document, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF;
    json_decref(document);
  }
  if (fflush(stdout) == 0 && !ferror(stdout) && ok) return status;
  fputs("pgrace: cannot write the list\n", stderr);
  return pgr_exit_status(PGR_EENVIRONMENT);
}

int pgr_cmd_list(int argc, char **argv) {
  list l = {.format = "text"};
  const pgr_option table[] = {{"format", 0, PGR_OPTION_TEXT, &l.format, 0, 0, NULL}, {0}};
  const char *name = NULL;
  int count = 0;
  bool wants_help = false;
  pgr_err err;
  pgr_code code = pgr_options_parse(table, argc, argv, &name, 1, &count, &wants_help, &err);
  if (!code && wants_help) {
    help();
    return 0;
  }
  bool json = strcmp(l.format, "json") == 0;
  if (!code && !json && strcmp(l.format, "text") != 0)
    code = pgr_fail(&err, PGR_EUSAGE, "--format: '%.40s' is unknown, give text or json", l.format);
  if (code) {
    fprintf(stderr, "pgrace: %s\n", err.msg);
    return pgr_exit_status(code);
  }
  if (json) l.scenarios = json_array();
  l.one = count > 0;
  int status = finish(&l, l.one ? show(&l, name) : show_all(&l));
  json_decref(l.scenarios);
  return status;
}
