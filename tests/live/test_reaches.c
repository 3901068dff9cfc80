/* What statements may reach, by what they say and what the catalogs tie to it. First by a schema that holds everything
 * of the kind; then the duty that a reduced search rests on: whatever the server locks for a statement of the gallery
 * is in its reach. */
#include "pgr_gallery_test.h"
#include "pgr_live.h"

#include "pgr_interp.h"
#include "pgr_mem.h"
#include "pgr_reaches.h"
#include "pgr_scenario.h"
#include "pgr_stage.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static void exec(fixture *f, const char *sql) {
  pgr_err err;
  must(pgr_db_exec(f->db, sql, &err), &err);
}

static void begin_anew(fixture *f) {
  exec(f, "ROLLBACK; RESET ROLE"); /* what a test that failed left */
  exec(f, "DROP SCHEMA IF EXISTS other CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
          " GRANT ALL ON SCHEMA public TO PUBLIC");
}

static pgr_reaches *learn(fixture *f) {
  pgr_reaches *r = NULL;
  pgr_err err;
  must(pgr_reaches_learn(f->db, &r, &err), &err);
  return r;
}

static pgr_reach reach(pgr_reaches *r, const char *sql) {
  pgr_reach out = {.level = 99};
  assert_int_equal(pgr_reaches_of(r, sql, &out), PGR_OK);
  assert_true(((out.reads | out.writes | out.shares | out.appends) & PGR_REACH_TRACKING) == 0);
  assert_true(((out.writes | out.keys) & ~out.reads) == 0 && ((out.shares | out.appends) & out.writes) == 0);
  assert_true((out.keys & ~out.writes) == 0 && (out.adds & ~(out.writes | out.appends)) == 0);
  return out;
}

/* "reads a, b; writes c": what is written is not named among what is read. "changes" is written, but not its keys;
 * "inserts" the same where keys may be added. */
static void write_down(pgr_reaches *r, const pgr_reach *reach, pgr_buf *out) {
  static const char *const kinds[] = {"nothing", "query", "end", "undo", "part end", "everything"};
  pgr_buf_init(out, 0);
  if (reach->kind != PGR_REACH_QUERY) {
    pgr_buf_adds(out, kinds[reach->kind]);
    return;
  }
  const uint64_t mild = reach->writes & ~reach->keys;
  const struct {
    const char *what;
    uint64_t mask;
  } parts[] = {{"reads", reach->reads & ~reach->writes}, {"writes", reach->keys},   {"inserts", mild & reach->adds},
               {"changes", mild & ~reach->adds},         {"shares", reach->shares}, {"adds", reach->appends}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (!parts[i].mask) continue;
    pgr_buf_addf(out, "%s%s ", out->len ? "; " : "", parts[i].what);
    pgr_reaches_names(r, parts[i].mask, out);
  }
}

typedef struct example {
  const char *sql, *expected;
} example;

static void check(pgr_reaches *r, const example *examples, size_t count) {
  int wrong = 0;
  for (size_t i = 0; i < count; i++) {
    pgr_reach reached = reach(r, examples[i].sql);
    pgr_buf line;
    write_down(r, &reached, &line);
    if (strcmp(pgr_buf_text(&line), examples[i].expected) != 0) {
      print_error("%s\n is   %s\n not  %s\n", examples[i].sql, pgr_buf_text(&line), examples[i].expected);
      wrong++;
    }
    pgr_buf_deinit(&line);
  }
  assert_int_equal(wrong, 0);
}

#define CHECK(r, examples) check(r, examples, sizeof(examples) / sizeof *(examples))

/* A schema that holds everything ------------------------------------------------------------------------------------
 */

/* Relations are named in the order in which they are made, views last. */
static const char schema[] =
    "CREATE TABLE alone (id bigint PRIMARY KEY);"
    "CREATE TABLE parent (id bigint PRIMARY KEY);"
    "CREATE TABLE child (id bigint PRIMARY KEY, parent_id bigint REFERENCES parent);"
    "CREATE TABLE grandchild (child_id bigint REFERENCES child ON DELETE CASCADE);"
    "CREATE TABLE audit (what text);"
    "CREATE TABLE audited (id bigint);"
    "CREATE SEQUENCE ticket;"
    "CREATE SEQUENCE \"My Seq\";"
    "CREATE TABLE numbered (a bigint DEFAULT nextval('ticket'), b bigint DEFAULT nextval('\"My Seq\"'));"
    "CREATE TABLE identified (id bigint GENERATED ALWAYS AS IDENTITY);"
    "CREATE TABLE parts (k bigint) PARTITION BY RANGE (k);"
    "CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);"
    "CREATE TABLE allowed (id bigint);"
    "CREATE TABLE guarded (id bigint);"
    "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;"
    "CREATE TABLE checked (id bigint);"
    "CREATE TABLE ruled (id bigint);"
    "CREATE TABLE \"Odd\"\"Name\" (id bigint);"
    "CREATE TABLE indexed (id bigint);"
    "CREATE MATERIALIZED VIEW stored AS SELECT * FROM alone;"
    "CREATE VIEW seen AS SELECT p.id FROM parent p JOIN alone USING (id);"
    "CREATE VIEW locking AS SELECT id FROM alone FOR UPDATE;"
    "CREATE VIEW simple AS SELECT id FROM audited;"

    "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN INSERT INTO audit VALUES (TG_OP); RETURN NEW; END $$;"
    "CREATE TRIGGER note AFTER INSERT OR UPDATE ON audited FOR EACH ROW EXECUTE FUNCTION note();"
    "CREATE TRIGGER note AFTER UPDATE ON part_1 FOR EACH ROW EXECUTE FUNCTION note();"
    "CREATE POLICY visible ON guarded USING (EXISTS (SELECT FROM allowed WHERE allowed.id = guarded.id));"
    "CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO audit VALUES ('ruled');"

    "CREATE FUNCTION is_even(n int) RETURNS bool LANGUAGE plpgsql AS"
    " $$ BEGIN IF n = 0 THEN RETURN EXISTS (SELECT FROM alone); END IF; RETURN IS_ODD(n - 1); END $$;"
    "CREATE FUNCTION is_odd(n int) RETURNS bool LANGUAGE sql AS"
    " $$ SELECT CASE WHEN n = 0 THEN EXISTS (SELECT FROM public.\"Odd\"\"Name\") ELSE is_even(n - 1) END $$;"
    "CREATE FUNCTION runs(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE what; END $$;"
    "CREATE FUNCTION makes() RETURNS void LANGUAGE sql AS $$ SELECT 1 AS a INTO made $$;"
    "CREATE FUNCTION adds() RETURNS void LANGUAGE sql AS $$ INSERT INTO alone VALUES (1) $$;"
    "CREATE FUNCTION atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM audit; END;"
    "CREATE FUNCTION defaulted(a bigint DEFAULT nextval('ticket')) RETURNS bigint LANGUAGE sql AS 'SELECT a';"
    "CREATE FUNCTION looks() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM pg_locks';"
    "CREATE FUNCTION escaped() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM U&\"\\0061udit\"';"
    "CREATE FUNCTION locks() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock(1)';"
    "CREATE FUNCTION pure(a bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS"
    " $$ SELECT round(a + extract(year FROM now()))::bigint -- it says \"nothing $$;"
    "CREATE FUNCTION of_row(a alone) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM audit';"
    "CREATE FUNCTION peeks(a bigint) RETURNS bool LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM allowed)';"
    "CREATE FUNCTION lies(a bigint) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS"
    " $$ BEGIN RETURN EXISTS (SELECT FROM allowed); END $$;"
    "CREATE FUNCTION adds_up(a bigint, b bigint) RETURNS bigint LANGUAGE sql AS 'SELECT a + count(*) FROM allowed';"
    "CREATE AGGREGATE total (bigint) (SFUNC = adds_up, STYPE = bigint, INITCOND = '0');"
    "CREATE FUNCTION other_c(text) RETURNS text LANGUAGE internal AS 'lower' IMMUTABLE;"
    "CREATE FUNCTION stable_c(text) RETURNS text LANGUAGE internal AS 'lower' STABLE;"
    "CREATE FUNCTION volatile_c(text) RETURNS text LANGUAGE internal AS 'lower';"
    "ALTER TABLE checked ADD CHECK (peeks(id));"
    "CREATE INDEX ON indexed (id) WHERE lies(id);"
    "CREATE TABLE whenever (id bigint);"
    "CREATE TRIGGER sometimes BEFORE UPDATE ON whenever FOR EACH ROW WHEN (peeks(NEW.id))"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger();";

/* The same continued: where keys may change. */
static const char keys[] =
    "CREATE TABLE wide (id bigint PRIMARY KEY, \"B\" int, c int[], d int, e int, UNIQUE (\"B\", c));"
    "CREATE INDEX ON wide (e);"
    "CREATE TABLE computed (id int UNIQUE, x int, y int GENERATED ALWAYS AS (x + 1) STORED UNIQUE);"
    "CREATE TABLE set_before (id int UNIQUE, x tsvector);"
    "CREATE TRIGGER sets BEFORE UPDATE ON set_before FOR EACH ROW"
    " EXECUTE FUNCTION tsvector_update_trigger(x, 'pg_catalog.simple', x);"
    "CREATE TABLE excluded (id int, x int, EXCLUDE USING btree (id WITH =));"
    "CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree, x int);";

static void texts_and_catalogs(void **state) {
  fixture *f = *state;
  static const example examples[] = {
      {"SELECT 1", ""},
      {"SELECT * FROM alone", "reads alone"},
      {"SELECT * FROM public.ALONE WHERE id = $1", "reads alone"},
      {"SELECT * FROM alone FOR UPDATE", "writes alone"},
      {"UPDATE alone SET id = 1 WHERE id IN (SELECT id FROM audit)", "reads audit; writes alone"},
      {"WITH alone AS (SELECT 1) SELECT * FROM alone", "reads alone"},
      {"WITH x AS (SELECT * FROM audit) SELECT * FROM x", "reads audit"},
      {"WITH x AS (SELECT 1) SELECT * FROM other.x", "everything"},
      {"SELECT * FROM nowhere", "everything"},
      {"SELECT * FROM pg_class", "everything"},
      {"SELECT * FROM pg_catalog.pg_locks", "everything"},
      {"SELECT * FROM information_schema.tables", "everything"},
      {"SELECT * FROM \"Odd\"\"Name\"", "reads \"Odd\"\"Name\""},
      {"SELECT * FROM stored", "reads stored"},
      /* foreign keys */
      {"SELECT * FROM child", "reads child"},
      {"SELECT * FROM child FOR UPDATE", "writes child"},
      {"SELECT * FROM parent FOR UPDATE", "writes parent"},
      {"DELETE FROM parent", "writes parent, child"},
      {"INSERT INTO child VALUES (1, 1)", "inserts child; shares parent"},
      {"INSERT INTO child VALUES (1, 1) ON CONFLICT DO NOTHING", "writes child, grandchild; shares parent"},
      {"DELETE FROM child", "writes child, grandchild; shares parent"},
      {"INSERT INTO parent VALUES (1)", "inserts parent"},
      {"INSERT INTO grandchild VALUES (1)", "shares child; adds grandchild"},
      {"UPDATE grandchild SET child_id = 1", "changes grandchild; shares child"},
      /* Which columns an UPDATE sets. */
      {"UPDATE wide SET d = 1, e = 2", "changes wide"},
      {"UPDATE wide SET id = 1", "writes wide"},
      {"UPDATE wide SET d = 1, \"B\" = 2", "writes wide"},
      {"UPDATE wide SET b = 2", "changes wide"},
      {"UPDATE wide SET c[1] = 2", "writes wide"},
      {"UPDATE wide SET (d, e) = (SELECT 1, 2)", "changes wide"},
      {"UPDATE wide SET (d, id) = (SELECT 1, 2)", "writes wide"},
      {"UPDATE wide SET d = 1 WHERE id IN (SELECT id FROM wide FOR NO KEY UPDATE)", "writes wide"},
      {"WITH x AS (UPDATE wide SET id = 1) UPDATE wide SET d = 1", "writes wide"},
      {"INSERT INTO wide VALUES (1) ON CONFLICT (id) DO UPDATE SET d = 1", "writes wide"},
      {"MERGE INTO wide USING audit ON true WHEN MATCHED THEN UPDATE SET d = 1", "reads audit; writes wide"},
      {"UPDATE computed SET x = 1", "writes computed"},
      {"UPDATE set_before SET x = NULL", "writes set_before"},
      {"UPDATE excluded SET x = 1", "changes excluded"},
      {"UPDATE excluded SET id = 1", "writes excluded"},
      {"INSERT INTO excluded VALUES (1)", "inserts excluded"},
      {"UPDATE tree SET x = 1", "changes tree"},
      {"UPDATE seen SET id = 1", "writes alone, parent, child, seen"},
      {"UPDATE guarded SET id = 1", "reads allowed; writes guarded"},
      {"UPDATE ruled SET id = 1", "writes audit, ruled"},
      /* triggers, rules, policies */
      {"SELECT * FROM audited FOR UPDATE", "writes audited"},
      {"UPDATE audited SET id = 1", "writes audit; changes audited"},
      {"INSERT INTO ruled VALUES (1)", "writes audit, ruled"},
      {"SELECT * FROM ruled", "reads ruled"},
      {"SELECT * FROM guarded", "reads allowed, guarded"},
      {"DELETE FROM guarded", "reads allowed; writes guarded"},
      {"INSERT INTO guarded VALUES (1)", "reads allowed; writes guarded"},
      /* A function's words are read and written, whatever it does with them. */
      {"SELECT * FROM checked", "reads checked; writes allowed"},
      {"INSERT INTO checked VALUES (1)", "writes allowed; adds checked"},
      {"SELECT * FROM indexed", "reads indexed; writes allowed"},
      {"SELECT * FROM whenever", "reads whenever"},
      {"INSERT INTO whenever VALUES (1)", "writes allowed; adds whenever"},
      /* views */
      {"SELECT * FROM seen", "reads alone, parent, seen"},
      {"SELECT * FROM seen FOR SHARE", "writes alone, parent, seen"},
      {"SELECT * FROM locking", "reads locking; writes alone"},
      {"INSERT INTO simple VALUES (1)", "writes audit, audited, simple"},
      /* sequences */
      {"INSERT INTO numbered DEFAULT VALUES", "changes ticket, \"My Seq\"; adds numbered"},
      {"SELECT * FROM numbered", "reads numbered"},
      {"INSERT INTO identified DEFAULT VALUES", "changes identified_id_seq; adds identified"},
      {"SELECT last_value FROM ticket", "changes ticket"},
      {"SELECT nextval('ticket')", "changes ticket, \"My Seq\", identified_id_seq, advisory locks"},
      {"SELECT setval('ticket', 1)", "changes ticket, \"My Seq\", identified_id_seq, advisory locks"},
      {"SELECT defaulted()", "changes ticket"},
      /* partitions */
      {"SELECT * FROM parts", "reads parts, part_1, part_2"},
      {"SELECT * FROM part_2", "reads parts, part_2"},
      {"UPDATE part_2 SET k = 1", "reads parts; writes part_2"},
      {"UPDATE parts SET k = 1", "writes audit, parts, part_1, part_2"},
      /* functions */
      {"SELECT is_even(3)", "writes alone, \"Odd\"\"Name\""},
      {"SELECT * FROM is_odd(3)", "writes alone, \"Odd\"\"Name\""},
      {"SELECT runs('SELECT 1')", "everything"},
      {"SELECT makes()", "everything"},
      {"SELECT adds()", "writes alone"},
      {"SELECT atomic()", "writes audit"},
      {"SELECT looks()", "everything"},
      {"SELECT escaped()", "everything"},
      {"SELECT locks()", "changes advisory locks"},
      {"SELECT pure(1)", ""},
      {"SELECT (a).of_row FROM alone a", "reads alone; writes audit"},
      {"SELECT total(id) FROM alone", "reads alone; writes allowed"},
      {"SELECT other_c('A') FROM alone", "reads alone"},
      {"SELECT volatile_c('A')", "everything"},
      {"SELECT no_such_function()", "everything"},
      {"SELECT count(*), now(), random(), json_agg(id), pg_sleep(0), coalesce(max(id), 0), 'a' LIKE 'b' FROM alone",
       "reads alone"},
      {"SELECT pg_advisory_lock(1)", "changes advisory locks"},
      {"SELECT pg_try_advisory_xact_lock_shared(1) FROM alone", "reads alone; changes advisory locks"},
      {"SELECT pg_notify('a', 'b')", "everything"},
      {"SELECT pg_current_xact_id()", ""},
      {"SELECT set_config('a.b', 'c', true)", "everything"},
      {"SELECT query_to_xml('SELECT 1', true, true, '')", "everything"},
      {"SELECT age(xmin) FROM alone", "everything"},
      {"SELECT lo_get(1)", "everything"},
      {"SELECT U&\"of_r\\006Fw\" FROM alone", "everything"},
      /* not queries */
      {"BEGIN", "nothing"},
      {"SAVEPOINT a", "nothing"},
      {"SET LOCAL lock_timeout = 1", "nothing"},
      {"COMMIT", "end"},
      {"ROLLBACK", "undo"},
      {"ROLLBACK TO a", "part end"},
      {"LOCK alone", "everything"},
      {"SET default_transaction_isolation = serializable", "everything"},
      {"SELECT 1; SELECT 2", "everything"},
      {"not SQL", "everything"},
  };
  begin_anew(f);
  exec(f, schema);
  exec(f, keys);
  pgr_reaches *r = learn(f);
  CHECK(r, examples);
  CHECK(r, examples); /* as it was kept */
  assert_true(reach(r, "SELECT FROM alone FOR KEY SHARE").joins && reach(r, "LOCK alone").joins);
  assert_true(reach(r, "INSERT INTO tree VALUES (1, 1)").joins && !reach(r, "INSERT INTO child VALUES (1, 1)").joins);
  assert_true(!reach(r, "SELECT FROM alone FOR UPDATE").joins && !reach(r, "UPDATE tree SET x = 1").shares);
  pgr_reach stable = reach(r, "SELECT stable_c('A')"), all = reach(r, "VACUUM");
  assert_true(stable.kind == PGR_REACH_QUERY && stable.writes == 0 && stable.reads != 0);
  assert_int_equal(reach(r, "SELECT * FROM seen, locking, stored, parts, numbered").reads & ~stable.reads, 0);
  assert_true(all.reads == ~PGR_REACH_TRACKING && all.writes == ~PGR_REACH_TRACKING);
  pgr_reaches_destroy(r);

  /* Whoever it is that asks. */
  exec(f, "DROP ROLE IF EXISTS nobody_special; CREATE ROLE nobody_special; SET ROLE nobody_special");
  r = learn(f);
  CHECK(r, examples);
  pgr_reaches_destroy(r);
  exec(f, "RESET ROLE; DROP ROLE nobody_special");
}

static void levels(void **state) {
  fixture *f = *state;
  begin_anew(f);
  pgr_reaches *r = learn(f);
  assert_int_equal(reach(r, "BEGIN").level, -1);
  assert_int_equal(reach(r, "SELECT 1").level, -1);
  assert_int_equal(reach(r, "BEGIN ISOLATION LEVEL READ COMMITTED").level, PGR_LEVEL_READ_COMMITTED);
  assert_int_equal(reach(r, "BEGIN ISOLATION LEVEL REPEATABLE READ").level, PGR_LEVEL_REPEATABLE_READ);
  assert_int_equal(reach(r, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").level, PGR_LEVEL_SERIALIZABLE);
  pgr_reach deferrable = reach(r, "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE");
  assert_true(deferrable.kind == PGR_REACH_EVERYTHING && deferrable.level == PGR_LEVEL_SERIALIZABLE);
  pgr_reaches_destroy(r);
}

/* What every statement may use without a name for it, and what a COMMIT does then. */
static void ambient(void **state) {
  fixture *f = *state;
  begin_anew(f);
  exec(f, "CREATE TABLE a (id int); CREATE TABLE b (id int);"
          "CREATE FUNCTION compare(int, a) RETURNS bool LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM b)';"
          "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = a, FUNCTION = compare)");
  pgr_reaches *r = learn(f);
  static const example operators[] = {
      {"SELECT 1", "writes b"}, {"SELECT FROM a", "reads a; writes b"}, {"COMMIT", "end"}};
  CHECK(r, operators);
  pgr_reaches_destroy(r);

  begin_anew(f);
  exec(f, "CREATE TABLE a (id int UNIQUE DEFERRABLE INITIALLY DEFERRED); CREATE TABLE b (id int);"
          "CREATE FUNCTION fits(int) RETURNS bool LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM b)';"
          "CREATE DOMAIN fitting AS int CHECK (fits(VALUE))");
  r = learn(f);
  static const example domains[] = {
      {"SELECT 1", "writes b"}, {"COMMIT", "everything"}, {"ROLLBACK", "undo"}, {"SELECT FROM a", "reads a; writes b"}};
  CHECK(r, domains);
  pgr_reaches_destroy(r);

  /* Extensions in C come with functions, operators and casts that do not matter, and with such that may do anything. */
  begin_anew(f);
  exec(f, "CREATE TABLE a (id int)");
  pgr_err err;
  if (pgr_db_exec(f->db, "CREATE EXTENSION btree_gist; CREATE EXTENSION citext; CREATE EXTENSION dblink", &err))
    print_message("no extensions to try: %s\n", err.msg);
  else {
    r = learn(f);
    static const example extensions[] = {{"SELECT FROM a WHERE int4_dist(id, 1) = 1", "reads a"},
                                         {"SELECT dblink('x', 'y') FROM a", "everything"}};
    CHECK(r, extensions);
    pgr_reaches_destroy(r);
  }
}

static void names_in_several_schemas(void **state) {
  fixture *f = *state;
  begin_anew(f);
  exec(f, "CREATE SCHEMA other; CREATE TABLE a (id int); CREATE TABLE other.a (id int); CREATE TABLE tables (id int);"
          "CREATE TABLE pg_class (id int); CREATE TABLE other.b (id int);");
  pgr_reaches *r = learn(f);
  static const example examples[] = {{"SELECT FROM a", "reads a, other.a"},
                                     {"SELECT FROM other.a", "reads a, other.a"},
                                     {"DELETE FROM b", "writes other.b"},
                                     {"SELECT FROM tables", "reads tables"},
                                     {"SELECT FROM pg_class", "everything"}};
  CHECK(r, examples);
  pgr_reaches_destroy(r);
}

static void more_than_there_are_bits(void **state) {
  fixture *f = *state;
  begin_anew(f);
  exec(f, "DO $$ BEGIN FOR i IN 100 .. 179 LOOP EXECUTE format('CREATE TABLE t_%s (id int)', i); END LOOP; END $$");
  pgr_reaches *r = learn(f);
  uint64_t first = reach(r, "SELECT FROM t_100").reads, own = reach(r, "SELECT FROM t_159").reads;
  uint64_t shared = reach(r, "SELECT FROM t_160").reads, advisory = reach(r, "SELECT pg_advisory_lock(1)").writes;
  assert_int_equal(reach(r, "SELECT FROM t_179").reads, shared);
  assert_true(first && own && shared && advisory &&
              (first ^ own ^ shared ^ advisory) == (first | own | shared | advisory));
  static const example examples[] = {{"SELECT FROM t_100, t_159, t_170", "reads t_100, t_159, 20 other relations"},
                                     {"DELETE FROM t_170", "writes 20 other relations"}};
  CHECK(r, examples);
  pgr_reaches_destroy(r);

  begin_anew(f);
  exec(f, "DO $$ BEGIN FOR i IN 100 .. 160 LOOP EXECUTE format('CREATE TABLE t_%s (id int)', i); END LOOP; END $$");
  r = learn(f);
  static const example exactly[] = {{"SELECT FROM t_159", "reads t_159"}, {"SELECT FROM t_160", "reads t_160"}};
  CHECK(r, exactly);
  pgr_reaches_destroy(r);
}

/* What looks at the numbers of transactions, and which rows say that there is one. */
static void numbers(void **state) {
  fixture *f = *state;
  begin_anew(f);
  exec(
      f,
      "CREATE TABLE a (id int, at xid8 DEFAULT pg_current_xact_id()); CREATE TABLE b (id int); CREATE TABLE c (id int);"
      "CREATE VIEW v AS SELECT id FROM b; CREATE VIEW running AS SELECT pg_current_snapshot();"
      "CREATE RULE also AS ON INSERT TO c DO ALSO INSERT INTO b VALUES (1);"
      "CREATE FUNCTION tries() RETURNS int LANGUAGE plpgsql AS"
      " $$ BEGIN RETURN 1; EXCEPTION WHEN others THEN RETURN 2; END $$");
  pgr_reaches *r = learn(f);
  static const example examples[] = {
      {"SELECT pg_current_snapshot()", "reads transactions' numbers"},
      {"SELECT FROM b WHERE pg_visible_in_snapshot('1', txid_current_snapshot()::text::pg_snapshot)",
       "reads b, transactions' numbers"},
      {"SELECT FROM running", "reads running, transactions' numbers"},
      {"SELECT pg_xact_status('1')", "everything"},
  };
  CHECK(r, examples);
  assert_true(reach(r, "SELECT txid_current()").numbers && reach(r, "SELECT pg_current_xact_id()").numbers);
  assert_true(reach(r, "INSERT INTO a VALUES (1)").numbers && !reach(r, "INSERT INTO b VALUES (1)").numbers);
  assert_true(reach(r, "SELECT tries()").nests && !reach(r, "SELECT FROM b").nests);
  static const char *const count[] = {"INSERT INTO a VALUES (1)", "UPDATE b SET id = 2", "DELETE FROM b",
                                      "MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE"};
  static const char *const others[] = {"SELECT FROM b FOR UPDATE", "INSERT INTO v VALUES (1)",
                                       "INSERT INTO c VALUES (1)", "WITH x AS (INSERT INTO b VALUES (1)) SELECT 1"};
  for (int i = 0; i < 4; i++) {
    if (!reach(r, count[i]).counts) fail_msg("%s", count[i]);
    if (reach(r, others[i]).counts) fail_msg("%s", others[i]);
  }
  pgr_reaches_destroy(r);
}

static void more_than_is_kept(void **state) {
  fixture *f = *state;
  begin_anew(f);
  exec(f, "CREATE TABLE a (id int); CREATE TABLE b (id int);");
  pgr_reaches *r = learn(f);
  uint64_t a = reach(r, "SELECT FROM a").reads, b = reach(r, "SELECT FROM b").reads;
  for (int i = 0; i < 10000; i++) {
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT FROM %c WHERE id = %d", i % 3 ? 'a' : 'b', i % 5000);
    assert_int_equal(reach(r, sql).reads, i % 3 ? a : b);
  }
  pgr_reaches_destroy(r);
}

static void no_memory_is_told(void **state) {
  fixture *f = *state;
  begin_anew(f);
  exec(f, schema);
  exec(f, keys);
  int failed = 0;
  for (unsigned long nth = 1; nth < 10000; nth += 1 + nth / 8) {
    pgr_reaches *r = NULL;
    pgr_err err;
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_reaches_learn(f->db, &r, &err);
    pgr_mem_fail_nth(0);
    failed += code == PGR_ENOMEM;
    assert_true(code ? !r && code == PGR_ENOMEM : r != NULL);
    pgr_reaches_destroy(r);
  }
  assert_true(failed > 10);
}

/* The duty ----------------------------------------------------------------------------------------------------------
 */

/* How many locks there were to look at, and of how many the reach knew nothing. */
typedef struct tally {
  int statements, locks, missed_by_nothing;
} tally;

static bool names_it(pgr_reaches *r, uint64_t mask, const char *name) {
  pgr_buf names, wanted;
  pgr_buf_init(&names, 0);
  pgr_buf_init(&wanted, 0);
  pgr_buf_adds(&names, ", ");
  pgr_reaches_names(r, mask, &names);
  pgr_buf_adds(&names, ", ");
  pgr_buf_addf(&wanted, ", %s, ", name);
  bool found = strstr(pgr_buf_text(&names), pgr_buf_text(&wanted)) != NULL;
  pgr_buf_deinit(&names);
  pgr_buf_deinit(&wanted);
  return found;
}

/* The first of the locks that the reach does not know, or -1. */
static int find_missed(pgr_reaches *r, const pgr_reach *reached, const PGresult *locks) {
  for (int i = 0; i < PQntuples(locks); i++) {
    const char *mode = PQgetvalue(locks, i, 1);
    uint64_t mask = reached->writes;
    if (strcmp(mode, "AccessShareLock") == 0) mask = reached->reads;
    if (strcmp(mode, "RowShareLock") == 0) mask |= reached->shares;
    if (strcmp(mode, "RowExclusiveLock") == 0) mask |= reached->appends;
    if (!names_it(r, mask, PQgetvalue(locks, i, 0))) return i;
  }
  return -1;
}

/* After a statement, in its transaction. */
static void check_locks(fixture *f, pgr_reaches *r, const char *sql, tally *t) {
  PGresult *locks = NULL;
  pgr_err err;
  const pgr_reach nothing = {.kind = PGR_REACH_QUERY};
  pgr_reach reached = reach(r, sql);
  must(pgr_db_query(f->db,
                    "SELECT CASE locktype WHEN 'advisory' THEN 'advisory locks' ELSE relation::regclass::text END, mode"
                    " FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation WHERE pid = pg_backend_pid() AND"
                    " (locktype = 'advisory' OR (locktype = 'relation' AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"
                    "  AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)))",
                    0, NULL, &locks, &err),
       &err);
  int missed = find_missed(r, &reached, locks);
  if (missed >= 0)
    fail_msg("%s\n took %s on %s, which is not in its reach", sql, PQgetvalue(locks, missed, 1),
             PQgetvalue(locks, missed, 0));
  t->statements++;
  t->locks += PQntuples(locks);
  t->missed_by_nothing += PQntuples(locks) > 0 && find_missed(r, &nothing, locks) == 0;
  assert_true(PQntuples(locks) == 0 || find_missed(r, &nothing, locks) == 0);
  PQclear(locks);
}

static const char *column_of(const void *self, int column) {
  return PQfname(self, column);
}

static const char *cell_of(const void *self, int row, int column) {
  return PQgetisnull(self, row, column) ? NULL : PQgetvalue(self, row, column);
}

/* Runs a statement in a transaction of its own. What begins and ends transactions in the script is left out. */
static void run_statement(fixture *f, pgr_reaches *r, pgr_interp *in, const pgr_command *c, tally *t) {
  const char *values[PGR_SQL_VARS_MAX];
  char scratch[PGR_SQL_VARS_MAX][PGR_VALUE_BYTES];
  pgr_err err;
  PGresult *rows = NULL;
  pgr_answer answer = {.last = true};
  assert_int_equal(c->sql.statement_count, 1);
  for (int i = 0; i < c->sql.text.var_count; i++)
    values[i] = pgr_vars_text(in->scope.vars, c->sql.text.slots[i], scratch[i]);
  pgr_reach_kind kind = reach(r, c->sql.numbered).kind;
  if (kind == PGR_REACH_QUERY || kind == PGR_REACH_EVERYTHING) {
    exec(f, "BEGIN");
    pgr_code code = pgr_db_query(f->db, c->sql.numbered, c->sql.text.var_count, values, &rows, &err);
    if (code && !*pgr_db_sqlstate(f->db)) fail_msg("%s: %s", c->sql.numbered, err.msg);
    if (code)
      answer.sqlstate = pgr_db_sqlstate(f->db);
    else
      check_locks(f, r, c->sql.numbered, t);
    exec(f, "COMMIT; SELECT pg_advisory_unlock_all()");
  }
  if (rows) {
    bool returns = PQresultStatus(rows) == PGRES_TUPLES_OK;
    answer.row_count = returns ? PQntuples(rows) : 0;
    answer.column_count = returns ? PQnfields(rows) : 0;
    answer.rows = strtol(PQcmdTuples(rows), NULL, 10);
    answer.column = column_of;
    answer.cell = cell_of;
    answer.self = rows;
  }
  if (pgr_interp_answer(in, c, &answer, &err)) fail_msg("%s: %s", c->sql.numbered, err.msg);
  PQclear(rows);
}

/* false: it did not come to its end. */
static bool run_operation(fixture *f, pgr_reaches *r, pgr_interp *in, const pgr_script *script, tally *t) {
  pgr_interp_begin(in, script);
  for (;;) {
    pgr_action action;
    pgr_interp_next(in, &action);
    if (action.kind == PGR_ACTION_SEND) run_statement(f, r, in, action.command, t);
    if (action.kind == PGR_ACTION_FAIL) fail_msg("%s: %s", script->source.name, action.err.msg);
    if (action.kind == PGR_ACTION_REFUSE || action.kind == PGR_ACTION_END) return action.kind == PGR_ACTION_END;
  }
}

/* The operations of two agents, one agent after the other. */
static void run_agents(fixture *f, pgr_reaches *r, const pgr_scenario *s, const pgr_strategy *strategy, tally *t) {
  for (int agent = 1; agent <= 2; agent++) {
    pgr_vars vars;
    pgr_prng random;
    bool ended[PGR_OPERATIONS_MAX] = {false};
    pgr_prng_seed(&random, 1);
    assert_int_equal(pgr_vars_init(&vars, s->names.count), PGR_OK);
    pgr_interp in = {.scope = {.names = &s->names, .vars = &vars, .random = &random}};
    for (int i = 0; i < s->variable_count; i++)
      assert_int_equal(pgr_vars_set_text(&vars, s->variables[i].slot, s->variables[i].text), PGR_OK);
    pgr_vars_set_int(&vars, PGR_SLOT_KEY, s->key.first);
    pgr_vars_set_int(&vars, PGR_SLOT_AGENT, agent);
    pgr_vars_set_int(&vars, PGR_SLOT_CONTENDER, agent);
    pgr_vars_set_int(&vars, PGR_SLOT_AGENTS, 2);
    pgr_vars_set_int(&vars, PGR_SLOT_CONTENDERS, 2);
    pgr_vars_set_int(&vars, PGR_SLOT_ROUND, 1);
    pgr_vars_set_int(&vars, PGR_SLOT_GAP, 0);
    for (int k = 0; k < s->operation_count; k++) {
      int after = s->operations[k].after;
      if (after < 0 || ended[after]) ended[k] = run_operation(f, r, &in, strategy->scripts[k], t);
    }
    pgr_vars_deinit(&vars);
  }
}

static void run_scenario(fixture *f, const char *name, tally *t) {
  pgr_scenario *s = scenario_of_gallery(name);
  assert_non_null(s);
  for (int i = 0; i < s->strategy_count; i++) {
    const pgr_stage stage = {.db = f->db, .scenario = s, .agents = 2, .contenders = 2};
    tally own = {.statements = 0};
    pgr_err err;
    begin_anew(f);
    must(pgr_stage_install(&stage, &s->strategies[i], &err), &err);
    must(pgr_stage_seed(&stage, s->key.first, s->key.first, &err), &err);
    pgr_reaches *r = learn(f);
    run_agents(f, r, s, &s->strategies[i], &own);
    if (own.locks == 0 || own.missed_by_nothing == 0) fail_msg("%s: %s: no locks", name, s->strategies[i].name);
    t->statements += own.statements;
    t->locks += own.locks;
    pgr_reaches_destroy(r);
  }
  pgr_scenario_destroy(s);
}

static void what_is_locked_is_reached(void **state) {
  fixture *f = *state;
  DIR *folder = opendir(PGR_SOURCE_DIR "/scenarios");
  tally t = {.statements = 0};
  int scenarios = 0;
  assert_non_null(folder);
  for (struct dirent *e; (e = readdir(folder));) {
    if (strchr(e->d_name, '.')) continue; /* a file, or the folder itself */
    run_scenario(f, e->d_name, &t);
    scenarios++;
  }
  closedir(folder);
  print_message("%d scenarios, %d statements, %d locks\n", scenarios, t.statements, t.locks);
  assert_true(scenarios > 10 && t.statements > 5 * scenarios);
}

/* The same for the schema above, where a statement locks more than it names. */
static void what_is_locked_behind_the_text_is_reached(void **state) {
  fixture *f = *state;
  static const char *const statements[] = {
      "INSERT INTO parent VALUES (1), (2)",
      "INSERT INTO child VALUES (1, 1), (2, 2)",
      "INSERT INTO grandchild VALUES (1)",
      "DELETE FROM child WHERE id = 1",
      "DELETE FROM parent WHERE id = 1",
      "UPDATE parent SET id = 3 WHERE id = 99",
      "INSERT INTO audited VALUES (1)",
      "INSERT INTO simple VALUES (2)",
      "UPDATE simple SET id = id + 1",
      "INSERT INTO numbered DEFAULT VALUES",
      "INSERT INTO identified DEFAULT VALUES",
      "INSERT INTO parts VALUES (1), (11)",
      "INSERT INTO part_1 VALUES (2)",
      "UPDATE parts SET k = k + 10 WHERE k < 5",
      "SELECT * FROM parts FOR UPDATE",
      "SELECT * FROM part_2 FOR UPDATE",
      "SELECT * FROM guarded",
      "INSERT INTO allowed VALUES (1)",
      "INSERT INTO checked VALUES (1)",
      "INSERT INTO ruled VALUES (1)",
      "SELECT * FROM seen FOR UPDATE",
      "SELECT * FROM locking",
      "SELECT is_even(4), is_odd(4), atomic(), defaulted()",
      "SELECT total(id) FROM parent",
      "SELECT a.of_row FROM parent, alone a",
      "WITH x AS (INSERT INTO alone VALUES (7) RETURNING id) SELECT * FROM x, seen",
      "MERGE INTO alone a USING parent p ON a.id = p.id WHEN NOT MATCHED THEN INSERT VALUES (p.id)",
      "INSERT INTO indexed VALUES (1)",
      "INSERT INTO whenever VALUES (1)",
      "UPDATE whenever SET id = 2",
      "SELECT locks(), nextval('ticket'), currval('ticket')",
      "SELECT last_value FROM ticket",
  };
  tally t = {.statements = 0};
  begin_anew(f);
  exec(f, schema);
  exec(f, keys);
  exec(f, "DROP ROLE IF EXISTS nobody_special; CREATE ROLE nobody_special;"
          "GRANT ALL ON ALL TABLES IN SCHEMA public TO nobody_special;"
          "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO nobody_special; SET ROLE nobody_special");
  pgr_reaches *r = learn(f);
  for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
    exec(f, "BEGIN");
    exec(f, statements[i]);
    assert_int_equal(reach(r, statements[i]).kind, PGR_REACH_QUERY);
    check_locks(f, r, statements[i], &t);
    exec(f, "COMMIT");
  }
  assert_int_equal(t.missed_by_nothing, sizeof statements / sizeof *statements);
  pgr_reaches_destroy(r);
  exec(f, "RESET ROLE; DROP OWNED BY nobody_special; DROP ROLE nobody_special");
}

/* The server's side of it: what commutes by these reaches does not wait, in either order ----------------------------
 */

/* "": done; else its SQLSTATE, 55P03 when it would have had to wait. */
static const char *outcome(pgr_db *db, const char *sql) {
  pgr_err err;
  return pgr_db_exec(db, sql, &err) ? pgr_db_sqlstate(db) : "";
}

static bool commute(fixture *f, const char *one, const char *other) {
  pgr_reaches *r = learn(f);
  pgr_ledger l = {.open = true};
  const pgr_reach a = reach(r, one), b = reach(r, other);
  pgr_touch first = pgr_ledger_sent(&l, &a), second;
  l = (pgr_ledger){.open = true};
  second = pgr_ledger_sent(&l, &b);
  pgr_reaches_destroy(r);
  return !pgr_touch_conflicts(&first, &second);
}

static void keys_alone_wait_for_foreign_keys(void **state) {
  fixture *f = *state;
  static const char child[] = "INSERT INTO child VALUES (1)";
  static const struct {
    const char *sql;
    bool waits;
  } others[] = {{"UPDATE parent SET x = x + 1 WHERE id = 1", false},
                {"UPDATE parent SET id = 3, x = 1 WHERE id = 1", true},
                {"UPDATE parent SET y = 5 WHERE id = 1", true},
                {"DELETE FROM parent WHERE id = 1", true},
                {"SELECT FROM parent WHERE id = 1 FOR UPDATE", true},
                {"INSERT INTO parent VALUES (4)", false},
                {"INSERT INTO child VALUES (1)", false}};
  static const char *const levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
  pgr_db *second = NULL;
  pgr_err err;
  char begin[128];
  must(pgr_db_connect(f->target, &second, &err), &err);
  begin_anew(f);
  exec(f,
       "CREATE TABLE parent (id int PRIMARY KEY, x int, y int UNIQUE); INSERT INTO parent VALUES (1, 1, 1), (2, 2, 2);"
       "CREATE TABLE child (id int REFERENCES parent)");
  for (size_t i = 0; i < sizeof others / sizeof *others * 3; i++) {
    const char *sql = others[i / 3].sql, *expected = others[i / 3].waits ? "55P03" : "";
    snprintf(begin, sizeof begin, "BEGIN ISOLATION LEVEL %s; SET LOCAL lock_timeout = '20ms'", levels[i % 3]);
    for (int turned = 0; turned < 2; turned++) {
      assert_string_equal(outcome(f->db, begin), "");
      assert_string_equal(outcome(second, begin), "");
      assert_string_equal(outcome(f->db, turned ? sql : child), "");
      const char *met = outcome(second, turned ? child : sql);
      if (strcmp(met, expected) != 0) fail_msg("%s: %s: %s", levels[i % 3], sql, met);
      exec(f, "ROLLBACK");
      assert_string_equal(outcome(second, "ROLLBACK"), "");
    }
    /* Two inserted rows stand in the order in which they came. */
    if (i % 3 == 0) assert_true(commute(f, child, sql) == (!others[i / 3].waits && strcmp(sql, child) != 0));
  }
  /* Under a snapshot: a change of the parent after it does no harm, unless it is one of its key. */
  for (int key = 0; key < 2; key++) {
    exec(f, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM parent");
    assert_string_equal(outcome(second, key ? "UPDATE parent SET id = 3 WHERE id = 1" : "UPDATE parent SET x = 9"), "");
    assert_string_equal(outcome(f->db, child), key ? "40001" : "");
    exec(f, "ROLLBACK");
  }
  pgr_db_close(second);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(texts_and_catalogs),
      cmocka_unit_test(levels),
      cmocka_unit_test(ambient),
      cmocka_unit_test(names_in_several_schemas),
      cmocka_unit_test(more_than_there_are_bits),
      cmocka_unit_test(numbers),
      cmocka_unit_test(more_than_is_kept),
      cmocka_unit_test(no_memory_is_told),
      cmocka_unit_test(what_is_locked_is_reached),
      cmocka_unit_test(what_is_locked_behind_the_text_is_reached),
      cmocka_unit_test(keys_alone_wait_for_foreign_keys),
  };
  return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
