/* Exported migrations: what a form's reader makes of its file is byte for byte what was in the folder, cut into all of
 * its statements; names collide with nothing; nothing that somebody wrote can end what it is written into. */
#include "pgr_test.h"

#include "pgr_export.h"
#include "pgr_random.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 8 };
static const int64_t stamp = 20261130120000;

/* One folder of the tests, and what became of it. */
typedef struct exported {
  pgr_migration items[NAMES_MAX];
  pgr_migrations migrations;
  pgr_trigger trigger;
  pgr_triggers triggers;
  pgr_arena arena;
  pgr_buf application;
  const pgr_export_file *files;
  size_t count;
  pgr_err err;
} exported;

static pgr_source source_of(const char *text) {
  return (pgr_source){"part.sql", text, strlen(text)};
}

static void init(exported *e) {
  *e = (exported){.trigger = {.name = "rule", .rule = {.name = "rule", .table = "t", .sqlstate = "23514"}}};
  e->migrations.items = e->items;
  e->triggers.items = &e->trigger;
  pgr_buf_init(&e->application, 0);
}

/* down NULL: none */
static pgr_migration *add(exported *e, const char *name, const char *up, const char *down) {
  pgr_migration *m = &e->items[e->migrations.count++];
  *m = (pgr_migration){.number = (int64_t)e->migrations.count, .digits = 4, .name = name};
  m->up = (pgr_migration_text){.file = "x.up.sql", .part_count = 1, .parts = {source_of(up)}};
  if (down) m->down = (pgr_migration_text){.file = "x.down.sql", .part_count = 1, .parts = {source_of(down)}};
  return m;
}

static pgr_code try_export(exported *e, pgr_export_options options) {
  pgr_arena_deinit(&e->arena);
  pgr_buf_clear(&e->application);
  e->application.failed = false;
  e->files = NULL;
  e->count = 0;
  return pgr_export(&e->migrations, &e->triggers, &options, &e->arena, &e->files, &e->count, &e->application, &e->err);
}

static pgr_export_options options_of(pgr_export_to to) {
  pgr_export_options o = {.to = to};
  if (to == PGR_EXPORT_ECTO || to == PGR_EXPORT_RAILS) o.first_stamp = stamp;
  if (to == PGR_EXPORT_ECTO) o.app = "MyApp";
  if (to == PGR_EXPORT_DJANGO) o.app = "inbox";
  return o;
}

static void export_as(exported *e, pgr_export_options options) {
  if (try_export(e, options)) fail_msg("%s", e->err.msg);
}

static void done(exported *e) {
  pgr_arena_deinit(&e->arena);
  pgr_buf_deinit(&e->application);
}

static const pgr_export_file *file(const exported *e, const char *name) {
  for (size_t i = 0; i < e->count; i++)
    if (strcmp(e->files[i].name, name) == 0) return &e->files[i];
  pgr_buf all;
  pgr_buf_init(&all, 0);
  for (size_t i = 0; i < e->count; i++)
    pgr_buf_addf(&all, " %s", e->files[i].name);
  fail_msg("there is no %s, but%s", name, pgr_buf_text(&all));
  return NULL;
}

static void says(const char *text, const char *what) {
  if (!strstr(text, what)) fail_msg("it does not say\n%s\nbut\n%s", what, text);
}

static void is_silent(const char *text, const char *what) {
  if (strstr(text, what)) fail_msg("it says\n%s\nin\n%s", what, text);
}

/* ---- reading a form's strings as its language does ---- */

static void add_unescaped(const char *text, size_t len, bool interpolates, pgr_buf *out) {
  for (size_t i = 0; i < len; i++) {
    if (text[i] != '\\') {
      assert_false(interpolates && text[i] == '#' && i + 1 < len && strchr("{$@", text[i + 1]));
      pgr_buf_add(out, text + i, 1);
    } else if (text[++i] == 'u') {
      char digits[5] = {0};
      memcpy(digits, text + i + 1, 4);
      unsigned long c = strtoul(digits, NULL, 16);
      i += 4;
      if (c >= 0x800)
        pgr_buf_addf(out, "%c%c%c", (int)(0xE0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3F)), (int)(0x80 | (c & 0x3F)));
      else if (c >= 0x80)
        pgr_buf_addf(out, "%c%c", (int)(0xC0 | c >> 6), (int)(0x80 | (c & 0x3F)));
      else
        pgr_buf_addf(out, "%c", (int)c);
    } else {
      assert_true(strchr("\\\"#", text[i]));
      pgr_buf_add(out, text + i, 1);
    }
  }
}

/* Lines without their indent; an empty one has none. */
static void add_unindented(const char *text, size_t len, size_t indent, pgr_buf *out) {
  for (size_t at = 0; at < len;) {
    size_t line = strcspn(text + at, "\n") + 1, blank = strspn(text + at, " ");
    assert_true(line == 1 || (blank >= indent && line > indent + 1));
    size_t skipped = line > 1 ? indent : 0;
    pgr_buf_add(out, text + at + skipped, line - skipped);
    at += line;
  }
}

/* How a form opens and ends the string of a statement. */
typedef struct quoting {
  const char *opens, *opens_raw, *ends;
  size_t indent;
} quoting;

static quoting quoting_of(pgr_export_to to) {
  if (to == PGR_EXPORT_ECTO) return (quoting){"execute \"\"\"\n", "execute ~S\"\"\"\n", "    \"\"\"\n", 4};
  if (to == PGR_EXPORT_RAILS) return (quoting){"execute <<~SQL\n", "execute <<~'SQL'\n", "    SQL\n", 6};
  return (quoting){"                \"\"\"\n", "                r\"\"\"\n", "\"\"\",\n", 0};
}

/* Appends what the language reads of the first string in *text, and moves behind it. false: there is none. */
static bool read_string(const char **text, pgr_export_to to, pgr_buf *out) {
  const quoting q = quoting_of(to);
  const char *plain = strstr(*text, q.opens), *raw = strstr(*text, q.opens_raw);
  bool is_raw = raw && (!plain || raw < plain);
  if (!plain && !raw) return false;
  const char *begin = is_raw ? raw + strlen(q.opens_raw) : plain + strlen(q.opens), *end = begin;
  /* The first line that ends it, as the language sees it. */
  while (strncmp(end, q.ends, strlen(q.ends)) != 0)
    end += strcspn(end, "\n") + 1;
  pgr_buf lines;
  pgr_buf_init(&lines, 0);
  add_unindented(begin, (size_t)(end - begin), q.indent, &lines);
  if (is_raw && to != PGR_EXPORT_RAILS) assert_null(strstr(lines.data, "\"\"\""));
  if (is_raw)
    pgr_buf_add(out, lines.data, lines.len);
  else
    add_unescaped(lines.data, lines.len, to != PGR_EXPORT_DJANGO, out);
  *text = end + strlen(q.ends);
  pgr_buf_deinit(&lines);
  return true;
}

/* Every string of a file, and how many. */
static int read_strings(const exported *e, pgr_export_to to, pgr_buf *out) {
  const char *text = e->files[0].text;
  int count = 0;
  while (read_string(&text, to, out))
    count++;
  return count;
}

/* Statements are cut off each other at white space, which is all that may get lost. */
static void same_but_for_space(const char *got, const char *expected) {
  const char *g = got, *x = expected;
  for (;;) {
    while (isspace((unsigned char)*g))
      g++;
    while (isspace((unsigned char)*x))
      x++;
    if (*g != *x) fail_msg("got\n%s\nexpected\n%s\nthey part at\n%.40s\n%.40s", got, expected, g, x);
    if (!*g) return;
    g++;
    x++;
  }
}

static const pgr_export_to codes[] = {PGR_EXPORT_ECTO, PGR_EXPORT_RAILS, PGR_EXPORT_DJANGO};

/* ---- tests ---- */

static void words(void **state) {
  (void)state;
  assert_int_equal(pgr_export_to_read("sql"), PGR_EXPORT_SQL);
  assert_int_equal(pgr_export_to_read("flyway"), PGR_EXPORT_FLYWAY);
  assert_int_equal(pgr_export_to_read("ecto"), PGR_EXPORT_ECTO);
  assert_int_equal(pgr_export_to_read("rails"), PGR_EXPORT_RAILS);
  assert_int_equal(pgr_export_to_read("django"), PGR_EXPORT_DJANGO);
  assert_int_equal(pgr_export_to_read("Ecto"), -1);
  assert_int_equal(pgr_export_to_read(""), -1);
}

static void times(void **state) {
  (void)state;
  const int64_t good[] = {19700101000000, 20240229235959, 20000229000000, 99991231235959};
  const int64_t bad[] = {0,
                         -20261130120000,
                         20261130,
                         20260229000000,
                         21000229000000,
                         20261301000000,
                         20260001000000,
                         20260100000000,
                         20260431000000,
                         20260101240000,
                         20260101006000,
                         20260101000060,
                         99991231235960,
                         202611301200000};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_true(pgr_export_stamp_is_valid(good[i]));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(pgr_export_stamp_is_valid(bad[i]));
  const struct {
    int64_t first;
    const char *second;
  } steps[] = {{20261130120000, "20261130120001_b.exs"}, {20261130120059, "20261130120100_b.exs"},
               {20261130235959, "20261201000000_b.exs"}, {20261231235959, "20270101000000_b.exs"},
               {20240228235959, "20240229000000_b.exs"}, {20230228235959, "20230301000000_b.exs"}};
  exported e;
  init(&e);
  add(&e, "a", "SELECT 1", NULL);
  add(&e, "b", "SELECT 1", NULL);
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    pgr_export_options o = options_of(PGR_EXPORT_ECTO);
    o.first_stamp = steps[i].first;
    export_as(&e, o);
    assert_non_null(file(&e, steps[i].second));
  }
  done(&e);
}

static void names_of_files(void **state) {
  (void)state;
  exported e;
  init(&e);
  add(&e, "inbox", "SELECT 1", "SELECT 2");
  add(&e, "two", "SELECT 3", NULL);
  e.items[1].number = 12;
  export_as(&e, options_of(PGR_EXPORT_SQL));
  assert_int_equal(e.count, 3);
  assert_string_equal(file(&e, "0001_inbox.up.sql")->text, "SELECT 1\n");
  assert_string_equal(file(&e, "0001_inbox.down.sql")->text, "SELECT 2\n");
  assert_string_equal(file(&e, "0012_two.up.sql")->text, "SELECT 3\n");
  export_as(&e, options_of(PGR_EXPORT_FLYWAY));
  assert_int_equal(e.count, 3);
  assert_string_equal(file(&e, "U0001__inbox.sql")->text, "SELECT 2\n");
  assert_string_equal(file(&e, "V0012__two.sql")->text, "SELECT 3\n");
  export_as(&e, (pgr_export_options){.to = PGR_EXPORT_FLYWAY, .first_stamp = stamp, .from = 12});
  assert_int_equal(e.count, 1);
  assert_non_null(file(&e, "V20261130120000__two.sql"));
  export_as(&e, options_of(PGR_EXPORT_RAILS));
  says(file(&e, "20261130120000_add_inbox.rb")->text, "class AddInbox < ActiveRecord::Migration[6.1]\n");
  says(file(&e, "20261130120001_add_two.rb")->text, "raise ActiveRecord::IrreversibleMigration");
  is_silent(file(&e, "20261130120000_add_inbox.rb")->text, "IrreversibleMigration");
  export_as(&e, options_of(PGR_EXPORT_ECTO));
  says(file(&e, "20261130120000_inbox.exs")->text, "defmodule MyApp.Repo.Migrations.Inbox do\n");
  says(file(&e, "20261130120001_two.exs")->text, "raise Ecto.MigrationError");
  is_silent(file(&e, "20261130120000_inbox.exs")->text, "raise");
  pgr_export_options o = options_of(PGR_EXPORT_ECTO);
  o.app = "My.Repo";
  export_as(&e, o);
  says(e.files[0].text, "defmodule My.Repo.Migrations.Inbox do\n");
  done(&e);
}

static void chain_of_django(void **state) {
  (void)state;
  exported e;
  init(&e);
  add(&e, "a", "SELECT 1", "SELECT 2");
  add(&e, "b", "SELECT 3", NULL);
  add(&e, "c", "SELECT 4", NULL);
  e.items[2].number = 7;
  pgr_export_options o = options_of(PGR_EXPORT_DJANGO);
  export_as(&e, o);
  says(file(&e, "0001_a.py")->text, "dependencies = []\n");
  says(file(&e, "0001_a.py")->text, "reverse_sql=[");
  says(file(&e, "0002_b.py")->text, "dependencies = [(\"inbox\", \"0001_a\")]\n");
  is_silent(file(&e, "0002_b.py")->text, "reverse_sql");
  says(file(&e, "0007_c.py")->text, "dependencies = [(\"inbox\", \"0002_b\")]\n");
  o.after = "0041_texters";
  o.from = 2;
  export_as(&e, o);
  assert_int_equal(e.count, 2);
  says(file(&e, "0042_b.py")->text, "dependencies = [(\"inbox\", \"0041_texters\")]\n");
  says(file(&e, "0043_c.py")->text, "dependencies = [(\"inbox\", \"0042_b\")]\n");
  o.after = "initial";
  export_as(&e, o);
  says(file(&e, "0002_b.py")->text, "dependencies = [(\"inbox\", \"initial\")]\n");
  done(&e);
}

static void names_collide_with_nothing(void **state) {
  (void)state;
  exported e;
  init(&e);
  add(&e, "Texter-inbox", "SELECT 1", NULL);
  add(&e, "texter_inbox", "SELECT 1", NULL);
  add(&e, "texter.inbox_2", "SELECT 1", NULL); /* what the one before would be called */
  add(&e, "a_1b", "SELECT 1", NULL);
  add(&e, "a1b", "SELECT 1", NULL);
  add(&e, "2fa", "SELECT 1", NULL);
  add(&e, "\xF0\x9F\x90\x98", "SELECT 1", NULL);
  add(&e, "create__Users_", "SELECT 1", NULL);
  static const char *const modules[] = {"TexterInbox", "TexterInbox2", "TexterInbox23", "A1b",
                                        "A1b5",        "Migration2fa", "Migration",     "CreateUsers"};
  static const char *const snakes[] = {"texter_inbox", "texter_inbox_2", "texter_inbox_2_3", "a_1b",
                                       "a1b_5",        "migration_2fa",  "migration",        "create_users"};
  for (int64_t from = 0; from <= NAMES_MAX; from++) {
    pgr_export_options o = options_of(PGR_EXPORT_ECTO);
    o.from = from;
    export_as(&e, o);
    size_t first = from > 1 ? (size_t)from - 1 : 0;
    assert_int_equal(e.count, NAMES_MAX - first);
    for (size_t i = first; i < NAMES_MAX; i++) {
      char line[200], name[200];
      snprintf(line, sizeof line, "defmodule MyApp.Repo.Migrations.%s do\n", modules[i]);
      snprintf(name, sizeof name, "%lld_%s.exs", (long long)stamp + (long long)(i - first), snakes[i]);
      says(file(&e, name)->text, line);
    }
  }
  export_as(&e, options_of(PGR_EXPORT_RAILS));
  says(file(&e, "20261130120000_add_texter_inbox.rb")->text, "class AddTexterInbox < ");
  says(file(&e, "20261130120005_add_2fa.rb")->text, "class Add2fa < ");
  says(file(&e, "20261130120006_add_migration.rb")->text, "class AddMigration < ");
  says(file(&e, "20261130120007_create_users.rb")->text, "class CreateUsers < ");
  done(&e);
}

static const char hostile[] =
    "-- #{raise 1} %s %% ''' \"\"\" \\\n"
    "CREATE TABLE \"a\"\"b\"\"\"\"c\" (t text);\n"
    "  INSERT INTO x VALUES ('#{System.halt(1)} #$x #@y %(a)s {0} ${z} \\n \\\\ \\\"\"\" ''', E'\\'\\\\');\n"
    "\n"
    "DO $$ BEGIN\n"
    "    SQL\n"
    "SQL\n"
    "\"\"\"\n"
    "    \"\"\"\n"
    "'''\n"
    "  \n"
    "\tEOS\r\n"
    "; /* ; /* nested ; */ ; */ END $$ ; -- behind; it\n"
    "SELECT 'x\x01\xC2\x85\xE2\x80\xA8\xE2\x80\xAE\xE2\x81\xA6 \xF0\x9F\x90\x98 \xC3\xA9\x7F' -- open\n"
    "  /* ; */ ; ;\n"
    "SELECT '\\'  \n";

static void hostile_texts(void **state) {
  (void)state;
  exported e;
  init(&e);
  add(&e, "hostile", hostile, hostile);
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    pgr_buf twice, got;
    pgr_buf_init(&twice, 0);
    pgr_buf_init(&got, 0);
    pgr_buf_addf(&twice, "%s%s", hostile, hostile);
    export_as(&e, options_of(codes[i]));
    if (codes[i] == PGR_EXPORT_RAILS) {
      says(e.files[0].text, "execute <<~SQL1\n"); /* the text has a line SQL */
    } else {
      assert_int_equal(read_strings(&e, codes[i], &got), 10);
      same_but_for_space(pgr_buf_text(&got), pgr_buf_text(&twice));
    }
    pgr_buf_deinit(&twice);
    pgr_buf_deinit(&got);
  }
  done(&e);
}

/* A statement that any text is part of, byte for byte: what is between the quotes is never white space's. */
static void any_text_arrives(void **state) {
  (void)state;
  static const char *const pieces[] = {"\"\"\"", "'''",  "\\",   "#{", "#",  "$",        "%",
                                       "SQL",    "\n",   "\n  ", "\r", "\t", "\xC2\x85", "\xE2\x80\xAE",
                                       "    ",   "EOS;", "\"",   "--", "/*", "\x7F",     "\xF0\x9F\x90\x98"};
  pgr_random random;
  pgr_random_init(&random, 7, 1);
  for (int round = 0; round < 400; round++) {
    pgr_buf up;
    pgr_buf_init(&up, 0);
    pgr_buf_adds(&up, "SELECT $tag$");
    for (uint64_t left = pgr_random_below(&random, 12); left > 0; left--)
      pgr_buf_adds(&up, pieces[pgr_random_below(&random, sizeof pieces / sizeof *pieces)]);
    pgr_buf_adds(&up, "$tag$;");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
      exported e;
      pgr_buf got;
      init(&e);
      pgr_buf_init(&got, 0);
      add(&e, "any", pgr_buf_text(&up), NULL);
      export_as(&e, options_of(codes[i]));
      bool renamed = strstr(e.files[0].text, "SQL1");
      if (!renamed) {
        assert_int_equal(read_strings(&e, codes[i], &got), 1);
        pgr_buf_adds(&up, "\n");
        assert_string_equal(pgr_buf_text(&got), pgr_buf_text(&up));
        up.data[--up.len] = '\0';
      }
      pgr_buf_deinit(&got);
      done(&e);
    }
    pgr_buf_deinit(&up);
  }
}

/* Ruby takes as much white space from each line as the line with the least of it has: that must be the indent alone. */
static void indented_texts(void **state) {
  (void)state;
  exported e;
  pgr_buf got;
  init(&e);
  pgr_buf_init(&got, 0);
  add(&e, "indented", "\n\n   SELECT $$\n     a\n   b$$;\n   SELECT 1\n  ", NULL);
  export_as(&e, options_of(PGR_EXPORT_RAILS));
  assert_int_equal(read_strings(&e, PGR_EXPORT_RAILS, &got), 1);
  assert_string_equal(pgr_buf_text(&got), "SELECT $$\n     a\n   b$$;\n   SELECT 1\n");
  says(e.files[0].text, "\n      SELECT $$\n");
  pgr_buf_deinit(&got);
  done(&e);
}

static void every_statement(void **state) {
  (void)state;
  static const char *const pieces[] = {
      "SELECT 1", "SELECT ';' -- ;\n",    "-- only ; a comment\n", "/* ; /* ; */ */",   ";", " ; -- of it\n",
      "\n\n",     "SELECT $a$;$$;$a$;\n", "CREATE TABLE t();",     "SELECT E'\\';' ;\n"};
  static const int statements[] = {1, 1, 0, 0, 0, 0, 0, 1, 1, 1};
  static const bool closes[] = {false, false, false, false, true, true, false, true, true, true};
  pgr_random random;
  pgr_random_init(&random, 7, 2);
  for (int round = 0; round < 300; round++) {
    pgr_buf up;
    pgr_buf_init(&up, 0);
    int expected = 0;
    bool open = false;
    for (int i = 0; i < 8; i++) {
      size_t which = pgr_random_below(&random, sizeof pieces / sizeof *pieces);
      if (statements[which] && open) pgr_buf_adds(&up, ";");
      pgr_buf_adds(&up, pieces[which]);
      expected += statements[which];
      open = closes[which] ? false : open || statements[which];
    }
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
      if (codes[i] == PGR_EXPORT_RAILS) continue;
      exported e;
      pgr_buf got;
      init(&e);
      pgr_buf_init(&got, 0);
      add(&e, "any", pgr_buf_text(&up), NULL);
      export_as(&e, options_of(codes[i]));
      assert_int_equal(read_strings(&e, codes[i], &got), expected);
      if (expected > 0) same_but_for_space(pgr_buf_text(&got), pgr_buf_text(&up));
      pgr_buf_deinit(&got);
      done(&e);
    }
    pgr_buf_deinit(&up);
  }
}

static void nothing_to_do(void **state) {
  (void)state;
  exported e;
  init(&e);
  add(&e, "empty", "-- nothing\n", "");
  export_as(&e, options_of(PGR_EXPORT_ECTO));
  says(e.files[0].text, "  def up do\n    :ok\n  end\n\n  def down do\n    :ok\n  end\n");
  export_as(&e, options_of(PGR_EXPORT_DJANGO));
  says(e.files[0].text, "sql=[\n            ],\n            reverse_sql=[\n            ],\n");
  export_as(&e, options_of(PGR_EXPORT_SQL));
  assert_string_equal(e.files[0].text, "-- nothing\n");
  assert_string_equal(e.files[1].text, "");
  done(&e);
}

static void parts_stay_apart(void **state) {
  (void)state;
  static const char *const firsts[] = {"SELECT 1",    "SELECT 1 -- ;",    "SELECT 1; -- x",
                                       "-- SELECT 1", "SELECT 1 /* ; */", "SELECT 1;\n"};
  static const char *const together[] = {"SELECT 1\n;\n\nSELECT 2\n",         "SELECT 1 -- ;\n;\n\nSELECT 2\n",
                                         "SELECT 1; -- x\n\nSELECT 2\n",      "-- SELECT 1\n\nSELECT 2\n",
                                         "SELECT 1 /* ; */\n;\n\nSELECT 2\n", "SELECT 1;\n\nSELECT 2\n"};
  for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
    exported e;
    pgr_buf got;
    init(&e);
    pgr_buf_init(&got, 0);
    pgr_migration *m = add(&e, "parts", firsts[i], NULL);
    m->up.parts[1] = source_of("SELECT 2");
    m->up.part_count = 2;
    export_as(&e, options_of(PGR_EXPORT_SQL));
    assert_string_equal(e.files[0].text, together[i]);
    export_as(&e, options_of(PGR_EXPORT_ECTO));
    assert_int_equal(read_strings(&e, PGR_EXPORT_ECTO, &got), i == 3 ? 1 : 2);
    pgr_buf_clear(&got);
    export_as(&e, options_of(PGR_EXPORT_RAILS));
    assert_int_equal(read_strings(&e, PGR_EXPORT_RAILS, &got), 2);
    pgr_buf_deinit(&got);
    done(&e);
  }
}

/* What PostgreSQL 15's grammar does not know goes where nobody needs to cut it, and nowhere else. */
static void syntax_of_later(void **state) {
  (void)state;
  exported e;
  init(&e);
  pgr_migration *m = add(&e, "later", "SELECT 1 SELECTED 2 THREE", NULL);
  m->up.parts[1] = source_of("SELECT 2");
  m->up.part_count = 2;
  export_as(&e, options_of(PGR_EXPORT_SQL));
  assert_string_equal(e.files[0].text, "SELECT 1 SELECTED 2 THREE\n;\n\nSELECT 2\n");
  export_as(&e, options_of(PGR_EXPORT_RAILS));
  says(e.files[0].text, "SELECT 1 SELECTED 2 THREE\n");
  assert_int_equal(try_export(&e, options_of(PGR_EXPORT_ECTO)), PGR_EUSAGE);
  says(e.err.msg, "cannot be cut into statements: part.sql:1:");
  assert_int_equal(try_export(&e, options_of(PGR_EXPORT_DJANGO)), PGR_EUSAGE);
  done(&e);
}

static void placeholders_of_flyway(void **state) {
  (void)state;
  exported e;
  init(&e);
  add(&e, "a", "SELECT '${x}'", "SELECT 1");
  add(&e, "b", "SELECT '$x'", "SELECT '${'");
  export_as(&e, options_of(PGR_EXPORT_FLYWAY));
  assert_int_equal(e.count, 6);
  assert_string_equal(file(&e, "V0001__a.sql.conf")->text, "placeholderReplacement=false\n");
  assert_string_equal(file(&e, "U0002__b.sql.conf")->text, "placeholderReplacement=false\n");
  export_as(&e, options_of(PGR_EXPORT_SQL));
  assert_int_equal(e.count, 4);
  done(&e);
}

static void options_that_mean_nothing(void **state) {
  (void)state;
  const struct {
    pgr_export_options options;
    const char *why;
  } wrong[] = {
      {{.to = PGR_EXPORT_SQL, .app = "x"}, "--app"},
      {{.to = PGR_EXPORT_SQL, .after = "x"}, "--after"},
      {{.to = PGR_EXPORT_SQL, .first_stamp = 20261130120000}, "--stamp: sql"},
      {{.to = PGR_EXPORT_FLYWAY, .app = "x"}, "--app"},
      {{.to = PGR_EXPORT_FLYWAY, .first_stamp = 1}, "--stamp: 1 is no time"},
      {{.to = PGR_EXPORT_ECTO, .first_stamp = 20261130120000}, "--app MyApp"},
      {{.to = PGR_EXPORT_ECTO, .app = "MyApp"}, "--stamp: 0 is no time"},
      {{.to = PGR_EXPORT_ECTO, .app = "MyApp", .after = "x", .first_stamp = 20261130120000}, "--after"},
      {{.to = PGR_EXPORT_ECTO, .app = "myapp", .first_stamp = 20261130120000}, "'myapp'"},
      {{.to = PGR_EXPORT_ECTO, .app = "My.", .first_stamp = 20261130120000}, "'My.'"},
      {{.to = PGR_EXPORT_ECTO, .app = "My App", .first_stamp = 20261130120000}, "'My App'"},
      {{.to = PGR_EXPORT_ECTO, .app = "A do; end", .first_stamp = 20261130120000}, "is no module"},
      {{.to = PGR_EXPORT_RAILS, .app = "x", .first_stamp = 20261130120000}, "--app"},
      {{.to = PGR_EXPORT_RAILS, .after = "x", .first_stamp = 20261130120000}, "--after"},
      {{.to = PGR_EXPORT_DJANGO}, "--app inbox"},
      {{.to = PGR_EXPORT_DJANGO, .app = "my-app"}, "'my-app'"},
      {{.to = PGR_EXPORT_DJANGO, .app = "1app"}, "'1app'"},
      {{.to = PGR_EXPORT_DJANGO, .app = ""}, "''"},
      {{.to = PGR_EXPORT_DJANGO, .app = "inbox", .after = "a\")"}, "--after"},
      {{.to = PGR_EXPORT_DJANGO, .app = "inbox", .first_stamp = 20261130120000}, "--stamp: django"},
  };
  exported e;
  init(&e);
  add(&e, "a", "SELECT 1", NULL);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_equal(try_export(&e, wrong[i].options), PGR_EUSAGE);
    says(e.err.msg, wrong[i].why);
  }
  done(&e);
}

/* ---- for the application ---- */

static const char *application(exported *e, pgr_export_to to) {
  export_as(e, options_of(to));
  return pgr_buf_text(&e->application);
}

static void declared_trigger(void **state) {
  (void)state;
  exported e;
  init(&e);
  add(&e, "a", "SELECT 1", NULL);
  assert_string_equal(application(&e, PGR_EXPORT_ECTO), ""); /* no trigger is declared */
  e.triggers.count = 1;
  e.trigger.rule.name = "conversation_texter_assignment_constraint";
  e.trigger.rule.table = "conversations";
  e.trigger.rule.field = "texter_id";
  e.trigger.rule.shown = "This conversation is already checked out";
  assert_string_equal(application(&e, PGR_EXPORT_ECTO),
                      "# In the changeset of conversations:\n"
                      "|> check_constraint(:texter_id, name: :conversation_texter_assignment_constraint, message: "
                      "\"This conversation is already checked out\")\n");
  says(application(&e, PGR_EXPORT_RAILS), "    \"conversation_texter_assignment_constraint\" => [:texter_id, "
                                          "\"This conversation is already checked out\"],\n");
  says(application(&e, PGR_EXPORT_DJANGO), "    \"conversation_texter_assignment_constraint\": (\"texter_id\", "
                                           "\"This conversation is already checked out\"),\n");
  assert_string_equal(application(&e, PGR_EXPORT_SQL), "");
  assert_string_equal(application(&e, PGR_EXPORT_FLYWAY), "");
  done(&e);
}

static void what_is_not_declared(void **state) {
  (void)state;
  exported e;
  init(&e);
  add(&e, "a", "SELECT 1", NULL);
  e.triggers.count = 1;
  pgr_rule *rule = &e.trigger.rule;
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    says(application(&e, codes[i]), "# rule: its trigger.yaml does not say where it is shown");
  rule->column_count = 2;
  rule->columns[0].name = "status";
  rule->columns[1].name = "owner";
  says(application(&e, PGR_EXPORT_ECTO), "check_constraint(:status, name: :rule, message: \"is invalid\")");
  rule->message = "";
  says(application(&e, PGR_EXPORT_RAILS), "\"rule\" => [:status, \"is invalid\"]");
  rule->message = "No.";
  says(application(&e, PGR_EXPORT_DJANGO), "\"rule\": (\"status\", \"No.\")");
  rule->field = "state";
  says(application(&e, PGR_EXPORT_ECTO), "check_constraint(:state, name: :rule, message: \"No.\")");
  done(&e);
}

static void sqlstates_of_ecto(void **state) {
  (void)state;
  static const char *const known[][2] = {{"23514", "|> check_constraint(:f,"},
                                         {"23505", "|> unique_constraint(:f,"},
                                         {"23503", "|> foreign_key_constraint(:f,"},
                                         {"23P01", "|> exclusion_constraint(:f,"},
                                         {"23000", "# rule: no changeset takes SQLSTATE 23000"}};
  exported e;
  init(&e);
  add(&e, "a", "SELECT 1", NULL);
  e.triggers.count = 1;
  e.trigger.rule.field = "f";
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    snprintf(e.trigger.rule.sqlstate, sizeof e.trigger.rule.sqlstate, "%s", known[i][0]);
    says(application(&e, PGR_EXPORT_ECTO), known[i][1]);
  }
  done(&e);
}

static void hostile_names(void **state) {
  (void)state;
  exported e;
  init(&e);
  add(&e, "a\xE2\x80\xA8raise", "SELECT 1", NULL);
  e.triggers.count = 1;
  pgr_rule *rule = &e.trigger.rule;
  rule->name = "a\"b\\#{c}\n\xE2\x80\xAE";
  rule->table = "t\nraise\xE2\x80\xA8raise";
  rule->field = "Odd \"field\"";
  rule->shown = "50% \xC3\xA9\t'quoted' #{x}";
  static const char name[] = "\"a\\\"b\\\\\\#{c}\\n\\u202E\"", message[] = "\"50% \xC3\xA9\\t'quoted' \\#{x}\"";
  char expected[400];
  snprintf(
      expected, sizeof expected,
      "# In the changeset of t?raise?raise:\n|> check_constraint(:\"Odd \\\"field\\\"\", name: :%s, message: %s)\n",
      name, message);
  assert_string_equal(application(&e, PGR_EXPORT_ECTO), expected);
  snprintf(expected, sizeof expected, "    # t?raise?raise\n    %s => [:\"Odd \\\"field\\\"\", %s],\n", name, message);
  says(application(&e, PGR_EXPORT_RAILS), expected);
  says(application(&e, PGR_EXPORT_DJANGO), "    # t?raise?raise\n    \"a\\\"b\\\\#{c}\\n\\u202E\": (\"Odd "
                                           "\\\"field\\\"\", \"50% \xC3\xA9\\t'quoted' #{x}\"),\n");
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    export_as(&e, options_of(codes[i]));
    says(e.files[0].text, "# Made by pgrace schema export of 0001_a?raise.\n");
  }
  done(&e);
}

static void without_memory(void **state) {
  (void)state;
  for (pgr_export_to to = PGR_EXPORT_SQL; to <= PGR_EXPORT_DJANGO; to++) {
    pgr_code code = PGR_ENOMEM;
    for (unsigned long nth = 1; code; nth++) {
      exported e;
      init(&e);
      e.triggers.count = 1;
      e.trigger.rule.field = "f";
      pgr_migration *m = add(&e, "a", "SELECT '\x01${'; SELECT 2", "SELECT 3");
      m->up.parts[1] = source_of("SELECT 4");
      m->up.part_count = 2;
      pgr_mem_fail_nth(nth);
      code = try_export(&e, options_of(to));
      pgr_mem_fail_nth(0);
      if (code) assert_int_equal(code, PGR_ENOMEM);
      done(&e);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words),
      cmocka_unit_test(times),
      cmocka_unit_test(names_of_files),
      cmocka_unit_test(chain_of_django),
      cmocka_unit_test(names_collide_with_nothing),
      cmocka_unit_test(hostile_texts),
      cmocka_unit_test(any_text_arrives),
      cmocka_unit_test(indented_texts),
      cmocka_unit_test(every_statement),
      cmocka_unit_test(nothing_to_do),
      cmocka_unit_test(parts_stay_apart),
      cmocka_unit_test(syntax_of_later),
      cmocka_unit_test(placeholders_of_flyway),
      cmocka_unit_test(options_that_mean_nothing),
      cmocka_unit_test(declared_trigger),
      cmocka_unit_test(what_is_not_declared),
      cmocka_unit_test(sqlstates_of_ecto),
      cmocka_unit_test(hostile_names),
      cmocka_unit_test(without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
