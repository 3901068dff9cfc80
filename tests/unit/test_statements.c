/* The statements of SQL files, each written as one line: what it is called; its locks, a mode by its number and a name;
 * ! when it ends a transaction, ~ when it stands alone, < when it wants input. What the locks should be is asked of a
 * server by tests/live/test_locks.c; here is what cannot be seen there: several statements, faults, bounds. */
#include "pgr_test.h"

#include "pgr_buf.h"
#include "pgr_statements.h"
#include "pgr_study.h"
#include <string.h>

static void write_down(const pgr_sql_statements *all, pgr_buf *out) {
  for (size_t i = 0; i < all->count; i++) {
    const pgr_sql_statement *s = &all->items[i];
    pgr_buf_addf(out, "%s%s%s%s%s", i ? " | " : "", s->what, s->ends_transaction ? "!" : "", s->needs_none ? "~" : "",
                 s->wants_input ? "<" : "");
    for (size_t k = 0; k < s->lock_count; k++) {
      const pgr_lock *l = &s->locks[k];
      pgr_buf_addf(out, " %d:%s%s%s", (int)l->mode, l->schema ? l->schema : "", l->schema ? "." : "",
                   l->relation ? l->relation : "");
    }
  }
}

typedef struct reading {
  pgr_arena arena;
  pgr_faults faults;
  pgr_sql_statements all;
} reading;

static void read_text(reading *r, const char *sql) {
  pgr_source source = {"example.sql", sql, strlen(sql)};
  pgr_err err;
  *r = (reading){.arena = {0}};
  assert_int_equal(pgr_statements_read(&source, &r->arena, &r->all, &r->faults, &err), PGR_OK);
}

static void forget(reading *r) {
  pgr_faults_deinit(&r->faults);
  pgr_arena_deinit(&r->arena);
}

typedef struct example {
  const char *sql, *expected;
} example;

static void check(const example *examples, size_t count) {
  for (size_t i = 0; i < count; i++) {
    reading r;
    pgr_buf line;
    pgr_buf_init(&line, 0);
    read_text(&r, examples[i].sql);
    write_down(&r.all, &line);
    if (strcmp(pgr_buf_text(&line), examples[i].expected) != 0)
      fail_msg("%s\n is   %s\n not  %s", examples[i].sql, pgr_buf_text(&line), examples[i].expected);
    assert_int_equal(r.faults.count, 0);
    pgr_buf_deinit(&line);
    forget(&r);
  }
}

#define CHECK(examples) check(examples, sizeof(examples) / sizeof *(examples))

static void modes(void **state) {
  (void)state;
  assert_string_equal(pgr_lock_mode_name(PGR_LOCK_NONE), "NONE");
  assert_string_equal(pgr_lock_mode_name(PGR_LOCK_SHARE_UPDATE_EXCLUSIVE), "SHARE UPDATE EXCLUSIVE");
  assert_string_equal(pgr_lock_mode_name(PGR_LOCK_ACCESS_EXCLUSIVE), "ACCESS EXCLUSIVE");
  assert_string_equal(pgr_lock_mode_name(PGR_LOCK_UNKNOWN), "?");
  static const char *const blocks[] = {"nobody",
                                       "nobody",
                                       "writers of the same rows",
                                       "writers of the same rows",
                                       "VACUUM and DDL",
                                       "writers",
                                       "writers",
                                       "writers",
                                       "readers and writers",
                                       "?"};
  for (pgr_lock_mode mode = PGR_LOCK_NONE; mode <= PGR_LOCK_UNKNOWN; mode++)
    assert_string_equal(pgr_lock_mode_blocks(mode), blocks[mode]);
}

static void made_relations(void **state) {
  (void)state;
  static const example examples[] = {
      {"CREATE TABLE t (id int); ALTER TABLE t ADD x int; CREATE INDEX i ON t (x); DROP INDEX i",
       "CREATE TABLE | ALTER TABLE | CREATE INDEX | DROP INDEX 8:"},
      {"CREATE TABLE a.t (id int); COMMENT ON TABLE a.t IS 'x'; COMMENT ON TABLE t IS 'x'",
       "CREATE TABLE | COMMENT | COMMENT 4:t"},
      {"CREATE TABLE IF NOT EXISTS t (id int); LOCK t", "CREATE TABLE | LOCK TABLE 8:t"},
      {"CREATE TABLE t (id int); SET search_path = other; LOCK t", "CREATE TABLE | SET | LOCK TABLE 8:t"},
      {"CREATE TABLE a.t (id int); SET search_path = other; LOCK a.t", "CREATE TABLE | SET | LOCK TABLE"},
      {"CREATE TABLE t (id int); RESET ALL; LOCK t", "CREATE TABLE | RESET | LOCK TABLE 8:t"},
      {"SAVEPOINT s; CREATE TABLE t (id int); ROLLBACK TO s; LOCK t",
       "SAVEPOINT | CREATE TABLE | ROLLBACK | LOCK TABLE 8:t"},
      {"CREATE TABLE t (id int); ALTER TABLE t RENAME TO u; LOCK u", "CREATE TABLE | ALTER TABLE | LOCK TABLE"},
      {"CREATE VIEW v AS SELECT 1; DROP VIEW v", "CREATE VIEW | DROP VIEW"},
      {"CREATE SEQUENCE s; SELECT nextval('s')", "CREATE SEQUENCE | SELECT"},
      {"CREATE TEMPORARY TABLE t (id int); DROP TABLE t; LOCK t", "CREATE TABLE | DROP TABLE | LOCK TABLE 8:t"},
      {"CREATE TABLE t (id int); SELECT set_config('search_path', '', false); SET ROLE x; LOCK t",
       "CREATE TABLE | SELECT | SET | LOCK TABLE 8:t"},
      {"CREATE TABLE t (id int); SET work_mem = 1; LOCK t", "CREATE TABLE | SET | LOCK TABLE"},
      {"SELECT 1 AS id INTO t; TABLE t", "SELECT | SELECT"},
      {"CREATE TABLE t AS SELECT 1; TABLE t", "CREATE TABLE AS | SELECT"},
      {"CREATE SCHEMA a CREATE TABLE a.t (id int); LOCK a.t", "CREATE SCHEMA | LOCK TABLE"},
      {"CREATE SCHEMA a CREATE TABLE t (id int) CREATE INDEX i ON t (id) CREATE VIEW v AS SELECT * FROM t; LOCK a.t, "
       "t; "
       "DROP VIEW a.v, v",
       "CREATE SCHEMA | LOCK TABLE 8:t | DROP VIEW 8:v"},
      {"CREATE SCHEMA \"Odd %s\" CREATE TABLE t (id int REFERENCES u); SET search_path = b; LOCK \"Odd %s\".t, t",
       "CREATE SCHEMA 6:u | SET | LOCK TABLE 8:t"},
      {"CREATE SCHEMA AUTHORIZATION joe CREATE TABLE t (id int); LOCK joe.t, t", "CREATE SCHEMA | LOCK TABLE 8:t"},
      {"CREATE SCHEMA AUTHORIZATION CURRENT_USER CREATE TABLE t (id int) CREATE VIEW v AS TABLE t; LOCK t",
       "CREATE SCHEMA | LOCK TABLE 8:t"},
      {"CREATE TABLE t (id int); CREATE SCHEMA a CREATE VIEW v AS SELECT * FROM t, u",
       "CREATE TABLE | CREATE SCHEMA 1:u"},
      {"CREATE TABLE t (id int); ALTER TABLE t RENAME TO u; LOCK t; ALTER TABLE u RENAME id TO x; LOCK u",
       "CREATE TABLE | ALTER TABLE | LOCK TABLE 8:t | ALTER TABLE | LOCK TABLE"},
      {"CREATE TABLE t (id int); ALTER TABLE a.t RENAME TO u; LOCK t, u",
       "CREATE TABLE | ALTER TABLE 8:a.t | LOCK TABLE 8:u"},
      {"CREATE TABLE t (id int); ALTER TABLE t SET SCHEMA a; LOCK a.t, t",
       "CREATE TABLE | ALTER TABLE | LOCK TABLE 8:t"},
      {"CREATE TABLE a.t (id int); ALTER SCHEMA a RENAME TO b; LOCK a.t",
       "CREATE TABLE | ALTER SCHEMA | LOCK TABLE 8:a.t"},
      {"CREATE TABLE a.t (id int); DROP SCHEMA a CASCADE; LOCK a.t",
       "CREATE TABLE | DROP SCHEMA 8: | LOCK TABLE 8:a.t"},
  };
  CHECK(examples);
}

/* From a relation that was made here nothing leads to others, unless something made it so. */
static void made_alone(void **state) {
  (void)state;
  static const example examples[] = {
      {"CREATE TABLE t (a int); ALTER TABLE t ALTER a TYPE bigint; ALTER TABLE t DROP a; ALTER TABLE t DROP CONSTRAINT "
       "b; DROP TABLE t",
       "CREATE TABLE | ALTER TABLE | ALTER TABLE | ALTER TABLE | DROP TABLE"},
      {"CREATE TABLE t (a int); DROP TABLE t, u", "CREATE TABLE | DROP TABLE 8:u 8:"},
      {"CREATE TABLE t (a int); DROP TABLE t CASCADE", "CREATE TABLE | DROP TABLE 8:"},
      {"CREATE TABLE t (a int); CREATE INDEX i ON u (b); DROP INDEX i",
       "CREATE TABLE | CREATE INDEX 5:u | DROP INDEX 8:"},
      {"CREATE TABLE t (a int REFERENCES u); DROP TABLE t", "CREATE TABLE 6:u | DROP TABLE 8:"},
      {"CREATE TABLE t (a int UNIQUE); ALTER TABLE u ADD FOREIGN KEY (b) REFERENCES t (a); ALTER TABLE t ALTER a TYPE "
       "bigint",
       "CREATE TABLE | ALTER TABLE 6:u | ALTER TABLE 8:"},
      {"CREATE TABLE t PARTITION OF p DEFAULT; DROP TABLE t", "CREATE TABLE 8:p 8: | DROP TABLE 8:"},
      {"CREATE TABLE t (a int); ALTER TABLE p ATTACH PARTITION t DEFAULT; ALTER TABLE t DROP a",
       "CREATE TABLE | ALTER TABLE 4:p 8: | ALTER TABLE 8:"},
      {"CREATE TABLE t (a int); ALTER SEQUENCE s OWNED BY t.a; DROP TABLE t",
       "CREATE TABLE | ALTER SEQUENCE 6:s | DROP TABLE 8:"},
      {"CREATE TABLE t (a int); DO ''; DROP TABLE t", "CREATE TABLE | DO 9: | DROP TABLE 8:"},
  };
  CHECK(examples);
}

/* FETCH runs what DECLARE only planned. */
static void cursors(void **state) {
  (void)state;
  static const example examples[] = {
      {"DECLARE c CURSOR FOR SELECT slow() FROM t; FETCH c; MOVE c; CLOSE c",
       "DECLARE CURSOR 1:t | FETCH 9: | MOVE 9: | CLOSE CURSOR"},
      {"DECLARE c CURSOR FOR SELECT lower(a) FROM t; FETCH ALL FROM c", "DECLARE CURSOR 1:t | FETCH"},
      {"DECLARE c CURSOR FOR SELECT nextval('a.s'); FETCH c", "DECLARE CURSOR | FETCH 3:a.s"},
      {"DECLARE c CURSOR FOR SELECT slow(); DECLARE d CURSOR FOR SELECT 1; FETCH d; FETCH c",
       "DECLARE CURSOR | DECLARE CURSOR | FETCH | FETCH 9:"},
      {"DECLARE c CURSOR FOR SELECT slow(); CLOSE c; DECLARE c CURSOR FOR SELECT 1; FETCH c",
       "DECLARE CURSOR | CLOSE CURSOR | DECLARE CURSOR | FETCH"},
      {"DECLARE \"C %s\" CURSOR FOR SELECT 1; FETCH \"C %s\"; FETCH c", "DECLARE CURSOR | FETCH | FETCH 9:"},
      {"DECLARE c CURSOR WITH HOLD FOR SELECT slow() FROM t", "DECLARE CURSOR 1:t 9:"},
      {"DECLARE c CURSOR WITHOUT HOLD FOR SELECT slow() FROM t", "DECLARE CURSOR 1:t"},
  };
  CHECK(examples);
}

/* What is named is told once, and what is not named stands for others. */
static void told_once(void **state) {
  (void)state;
  static const example examples[] = {
      {"DROP SEQUENCE s; DROP SEQUENCE s, a.s, s; DROP SEQUENCE s CASCADE",
       "DROP SEQUENCE 8:s | DROP SEQUENCE 8:s 8:a.s | DROP SEQUENCE 8:s 8:"},
      {"ALTER TABLE p ATTACH PARTITION t DEFAULT", "ALTER TABLE 4:p 8:t 8:"},
      {"ALTER TABLE t ALTER a TYPE bigint, ALTER b TYPE bigint", "ALTER TABLE 8:t 8:"},
      {"ALTER TYPE pair RENAME ATTRIBUTE x TO z CASCADE; ALTER TYPE pair RENAME ATTRIBUTE x TO z",
       "ALTER TYPE 8: | ALTER TYPE"},
      {"ALTER TYPE pair DROP ATTRIBUTE x, ALTER ATTRIBUTE y TYPE bigint; ALTER TYPE pair DROP ATTRIBUTE x CASCADE",
       "ALTER TYPE | ALTER TYPE 8:"},
  };
  CHECK(examples);
}

/* COPY from the client. */
static void wants_input(void **state) {
  (void)state;
  static const example examples[] = {
      {"COPY t FROM STDIN", "COPY< 3:t"},
      {"COPY a.t (b) FROM stdin WITH (FORMAT csv) WHERE b > 0", "COPY< 3:a.t"},
      {"COPY t FROM '/tmp/\360\237\246\206'; COPY t FROM PROGRAM 'true'; COPY t TO STDOUT; COPY (TABLE t) TO STDOUT",
       "COPY 3:t | COPY 3:t | COPY 1:t | COPY 1:t"},
  };
  CHECK(examples);
}

static void what_is_not_known(void **state) {
  (void)state;
  static const example examples[] = {
      {"DO $$ BEGIN NULL; END $$", "DO 9:"},
      {"CALL p()", "CALL 9:"},
      {"EXECUTE p", "EXECUTE 9:"},
      {"SELECT f(1), g() FROM t", "SELECT 1:t 9:"},
      {"SELECT app.count(1)", "SELECT 9:"},
      {"SELECT generate_series(1, 2), jsonb_agg(a), pg_sleep(1)", "SELECT"},
      {"SELECT generate_invoices()", "SELECT 9:"},
      {"SELECT \"abs age\"(1), \" \"(1)", "SELECT 9:"},
      {"SELECT json_import()", "SELECT 9:"},
      {"SELECT jsonb_()", "SELECT 9:"},
      {"SELECT pg_import(1)", "SELECT 9:"},
      {"SELECT regexp_update('a')", "SELECT 9:"},
      {"SELECT array_store(b) FROM t", "SELECT 1:t 9:"},
      {"SELECT \"LOWER\"('a')", "SELECT 9:"},
      {"SELECT lowe('a')", "SELECT 9:"},
      {"SELECT ower('a')", "SELECT 9:"},
      {"SELECT pg_catalog.query_to_xml('DELETE FROM t', true, true, '')", "SELECT 9:"},
      {"SELECT pg_advisory_lock(1)", "SELECT 9:"}, /* of no table, but it keeps others waiting */
      {"SELECT EXTRACT(year FROM a), a AT TIME ZONE 'UTC', SUBSTRING(b FROM 2), TRIM(b), POSITION('a' IN b), "
       "COALESCE(b, CURRENT_USER), pg_catalog.now() FROM t",
       "SELECT 1:t"},
      {"UPDATE t SET a = jsonb_set(a, '{b}', to_jsonb(regexp_replace(c, 'x', 'y'))), d = array_append(d, 1)",
       "UPDATE 3:t"},
      {"UPDATE t SET id = uuid_generate_v4()", "UPDATE 3:t"},
      {"SELECT age(now()), to_regclass('t'), obj_description(1, 'x'), pg_notify('a', 'b'), txid_current()", "SELECT"},
      {"INSERT INTO t VALUES (now(), lower('A'))", "INSERT 3:t"},
      {"INSERT INTO t SELECT f()", "INSERT 3:t 9:"},
      {"CREATE VIEW v AS SELECT f()", "CREATE VIEW"},
      {"CREATE INDEX ON t (f(a)); CREATE INDEX ON t (a) WHERE f(a); CREATE INDEX ON t (lower(a)) WHERE abs(b) > 1",
       "CREATE INDEX 5:t 9: | CREATE INDEX 5:t 9: | CREATE INDEX 5:t"},
      {"ALTER TABLE t ADD a int DEFAULT f(); ALTER TABLE t ADD CHECK (f(a)); ALTER TABLE t ADD a int CHECK (f(a))",
       "ALTER TABLE 8:t 9: | ALTER TABLE 8:t 9: | ALTER TABLE 8:t 9:"},
      {"ALTER TABLE t ALTER a TYPE int USING f(a); ALTER TABLE t ADD a timestamptz DEFAULT now()",
       "ALTER TABLE 8:t 9: | ALTER TABLE 8:t"},
      {"ALTER TABLE t ALTER a SET DEFAULT f(); ALTER TABLE t ADD CHECK (f(a)) NOT VALID",
       "ALTER TABLE 8:t | ALTER TABLE 8:t"},
      {"ALTER DOMAIN d ADD CHECK (f(value)); ALTER DOMAIN d SET DEFAULT f()", "ALTER DOMAIN 9: | ALTER DOMAIN"},
      {"ALTER PUBLICATION p SET TABLE t; ALTER PUBLICATION p ADD TABLE t",
       "ALTER PUBLICATION 4:t 4: | ALTER PUBLICATION 4:t"},
      {"CREATE TABLE t AS SELECT f() WITH NO DATA", "CREATE TABLE AS"},
      {"CREATE TABLE t AS SELECT f()", "CREATE TABLE AS 9:"},
      {"CREATE TABLE t AS EXECUTE p", "CREATE TABLE AS 9:"},
      {"SELECT nextval($1), setval('\"Odd\".s'::regclass, 1)", "SELECT 3:Odd.s 3:"},
      {"ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b", "ALTER TABLE 9:"},
      {"ALTER EXTENSION e UPDATE", "ALTER EXTENSION 9:"},
      {"WITH RECURSIVE t AS (SELECT 1 UNION SELECT * FROM t) SELECT * FROM t", "SELECT"},
      {"SELECT * FROM t WHERE a IN (WITH t AS (SELECT 1) SELECT * FROM t)", "SELECT 1:t"},
      {"WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM a, b", "SELECT 1:b"},
      {"WITH t AS (SELECT 1) SELECT * FROM (SELECT * FROM t UNION TABLE t) x, app.t", "SELECT 1:app.t"},
      {"WITH t AS (DELETE FROM t RETURNING 1) SELECT * FROM t", "SELECT 3:t"},
      {"TRUNCATE a, b; DROP OWNED BY x; REASSIGN OWNED BY x TO y",
       "TRUNCATE TABLE 8:a 8:b | DROP OWNED 9: | REASSIGN OWNED 9:"},
  };
  CHECK(examples);
}

static void transactions(void **state) {
  (void)state;
  static const example examples[] = {
      {"BEGIN; START TRANSACTION; COMMIT; END; ROLLBACK; ABORT AND CHAIN; PREPARE TRANSACTION 'x'",
       "BEGIN! | START TRANSACTION! | COMMIT! | COMMIT! | ROLLBACK! | ROLLBACK! | PREPARE TRANSACTION!"},
      {"SAVEPOINT s; ROLLBACK TO s; RELEASE s", "SAVEPOINT | ROLLBACK | RELEASE"},
      {"COMMIT PREPARED 'x'; ROLLBACK PREPARED 'x'", "COMMIT PREPARED!~ | ROLLBACK PREPARED!~"},
      {"CREATE INDEX CONCURRENTLY i ON a.t (x)", "CREATE INDEX~ 4:a.t"},
      {"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", "CREATE SUBSCRIPTION~ 1:"},
      {"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = false)", "CREATE SUBSCRIPTION 1:"},
      {"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = false)", "CREATE SUBSCRIPTION"},
      {"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = on, connect)",
       "CREATE SUBSCRIPTION~ 1:"},
      {"DROP SUBSCRIPTION s", "DROP SUBSCRIPTION~"},
      {"REINDEX (CONCURRENTLY) TABLE t; REINDEX (CONCURRENTLY false) TABLE t", "REINDEX~ 4:t 4: | REINDEX 5:t 8:"},
      {"VACUUM (FULL 0, ANALYZE) t; VACUUM (FULL off) t; VACUUM FULL t; ANALYZE",
       "VACUUM~ 4:t | VACUUM~ 4:t | VACUUM~ 8:t | ANALYZE 4:"},
      {"DISCARD TEMP; DISCARD ALL", "DISCARD TEMP | DISCARD ALL~"},
      {"ALTER DATABASE d SET TABLESPACE x; ALTER DATABASE d CONNECTION LIMIT 1", "ALTER DATABASE~ | ALTER DATABASE"},
  };
  CHECK(examples);
}

static void called(void **state) {
  (void)state;
  static const example examples[] = {
      {"grant select on t to x; REVOKE a FROM b; REVOKE SELECT ON t FROM x", "GRANT | REVOKE | REVOKE"},
      {"(SELECT 1); WITH x AS (SELECT 1) SELECT 1; VALUES (1)", "SELECT | SELECT | SELECT"},
      {"ALTER TABLE t RENAME a TO b; ALTER VIEW v RENAME a TO b", "ALTER TABLE 8:t | ALTER VIEW 8:v"},
      {"ALTER TEXT SEARCH DICTIONARY d RENAME TO e", "ALTER TEXT SEARCH DICTIONARY"},
      {"ALTER FUNCTION f() OWNER TO x; ALTER PROCEDURE p() STABLE", "ALTER FUNCTION | ALTER PROCEDURE"},
      {"CREATE AGGREGATE a (int) (SFUNC = f, STYPE = int); CREATE OPERATOR @@@ (FUNCTION = f, LEFTARG = int)",
       "CREATE AGGREGATE | CREATE OPERATOR"},
      {"CREATE PROCEDURE p() LANGUAGE plpgsql AS ''; DROP ROUTINE p", "CREATE PROCEDURE | DROP ROUTINE"},
      {"ALTER FOREIGN DATA WRAPPER w OWNER TO x; DROP SERVER s", "ALTER FOREIGN DATA WRAPPER | DROP SERVER"},
      {"CREATE MATERIALIZED VIEW m AS SELECT 1", "CREATE MATERIALIZED VIEW"},
      {"CLOSE c", "CLOSE CURSOR"},
  };
  CHECK(examples);
}

/* What each is about. */
static void subjects(void **state) {
  (void)state;
  static const example examples[] = {
      {"CREATE TABLE texters (id int)", "texters"},
      {"CREATE TABLE IF NOT EXISTS app.\"My \"\"table\" AS SELECT 1", "app.\"My \"\"table\""},
      {"CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY app.t (lower(a))", "app.t"},
      {"CREATE OR REPLACE TRIGGER a BEFORE UPDATE OF b ON app.t FOR EACH ROW EXECUTE FUNCTION f()", "app.t"},
      {"DROP TRIGGER IF EXISTS a ON app.t", "app.t"},
      {"ALTER TRIGGER a ON t RENAME TO b", "t"},
      {"COMMENT ON TRIGGER \"A\" ON app.t IS 'x'", "TRIGGER \"A\" ON app.t"},
      {"CREATE POLICY p ON t USING (true)", "t"},
      {"CREATE OR REPLACE FUNCTION app.f(a int) RETURNS int LANGUAGE sql AS $$SELECT 1 FROM other$$", "app.f"},
      {"CREATE PROCEDURE \"P\"() LANGUAGE sql AS ''", "\"P\""},
      {"COMMENT ON FUNCTION app.f(int) IS 'of other'", "FUNCTION app.f"},
      {"ALTER FUNCTION f() OWNER TO x", "f"},
      {"ALTER FUNCTION f() STABLE", "f"},
      {"DROP FUNCTION IF EXISTS f(int), g", "f, g"},
      {"COMMENT ON TABLE t IS 'x'", "TABLE t"},
      {"COMMENT ON COLUMN app.t.\"Odd\" IS 'x'", "COLUMN app.t.\"Odd\""},
      {"COMMENT ON CONSTRAINT c ON t IS NULL", "CONSTRAINT c ON t"},
      {"COMMENT ON CONSTRAINT c ON DOMAIN app.d IS NULL", "CONSTRAINT c ON DOMAIN app.d"},
      {"COMMENT ON MATERIALIZED VIEW m IS 'x'", "MATERIALIZED VIEW m"},
      {"COMMENT ON SCHEMA app IS 'x'", "SCHEMA app"},
      {"COMMENT ON CAST (int AS text) IS 'x'", "CAST"},
      {"COMMENT ON OPERATOR CLASS app.o USING btree IS 'x'", "OPERATOR CLASS app.o"},
      {"DROP SCHEMA app, \"Two words\" CASCADE", "app, \"Two words\""},
      {"DROP TABLE one, app.two", "one, app.two"},
      {"DROP INDEX i", "i"},
      {"DROP TYPE app.mood", "app.mood"},
      {"DROP OPERATOR FAMILY app.o USING btree", "app.o"},
      {"ALTER OPERATOR CLASS app.o USING btree RENAME TO p", "app.o"},
      {"ALTER TEXT SEARCH DICTIONARY app.d RENAME TO e", "app.d"},
      {"ALTER DOMAIN app.d RENAME CONSTRAINT a TO b", "app.d"},
      {"DROP CAST (int AS text)", NULL},
      {"GRANT SELECT ON LARGE OBJECT 1 TO x", "LARGE OBJECT"},
      {"DROP OWNED BY a, CURRENT_USER", "a, CURRENT_USER"},
      {"CREATE SCHEMA AUTHORIZATION x", "x"},
      {"CREATE SCHEMA IF NOT EXISTS app", "app"},
      {"CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\"", "\"uuid-ossp\""},
      {"CREATE TYPE app.mood AS ENUM ('x')", "app.mood"},
      {"ALTER TYPE mood ADD VALUE 'y'", "mood"},
      {"CREATE SEQUENCE s", "s"},
      {"CREATE VIEW v AS SELECT * FROM t", "v"},
      {"ALTER TABLE app.t RENAME COLUMN a TO b", "app.t"},
      {"ALTER SCHEMA a RENAME TO b", "a"},
      {"ALTER TABLE t SET SCHEMA app", "t"},
      {"GRANT SELECT, UPDATE (a) ON t, app.u TO x", "TABLE t, app.u"},
      {"GRANT ALL ON SCHEMA app TO x", "SCHEMA app"},
      {"REVOKE ALL ON ALL TABLES IN SCHEMA public, app FROM PUBLIC", "ALL TABLES IN SCHEMA public, app"},
      {"REVOKE EXECUTE ON FUNCTION f(int) FROM PUBLIC", "FUNCTION f"},
      {"GRANT a, b TO c", "ROLE a, b"},
      {"REINDEX TABLE CONCURRENTLY app.t", "TABLE app.t"},
      {"REINDEX INDEX i", "INDEX i"},
      {"REINDEX SCHEMA app", "SCHEMA app"},
      {"INSERT INTO app.t VALUES (1)", "app.t"},
      {"WITH x AS (DELETE FROM u RETURNING 1) UPDATE t SET a = 1 FROM x", "t"},
      {"DELETE FROM t USING u", "t"},
      {"COPY t FROM stdin", "t"},
      {"TRUNCATE a, app.b", "a, app.b"},
      {"LOCK TABLE t IN SHARE MODE", "t"},
      {"VACUUM t (a), u", "t, u"},
      {"ANALYZE", NULL},
      {"CALL app.p(1)", "app.p"},
      {"EXPLAIN ANALYZE UPDATE t SET a = 1", "t"},
      {"SELECT 1", NULL},
      {"SELECT f(a) FROM t", NULL},
      {"SELECT 1 INTO t", "t"},
      {"DO $$ BEGIN PERFORM f() FROM t; END $$", NULL},
      {"SET LOCAL search_path = ''", "search_path"},
      {"SET \"App\".user_id = 1", "\"App\".user_id"},
      {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "TRANSACTION"},
      {"RESET ALL", NULL},
      {"SAVEPOINT s", "s"},
      {"COMMIT", NULL},
      {"NOTIFY x", "x"},
      {"CREATE ROLE \"a\nb\"", "\"a\nb\""},
      {"ALTER ROLE CURRENT_USER PASSWORD 'x'", "CURRENT_USER"},
      {"CREATE TABLE \"\360\237\246\206 %s $$\" (id int)", "\"\360\237\246\206 %s $$\""},
      {"CREATE TABLE xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (id int)",
       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
  };
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    const char *expected = examples[i].expected;
    reading r;
    read_text(&r, examples[i].sql);
    assert_int_equal(r.all.count, 1);
    const char *object = r.all.items[0].object;
    if (!object != !expected || (object && strcmp(object, expected) != 0))
      fail_msg("%s\n is   %s\n not  %s", examples[i].sql, object ? object : "NULL", expected ? expected : "NULL");
    forget(&r);
  }
}

static void places(void **state) {
  (void)state;
  static const char sql[] = "-- first\n  /* and /* nested */ */ SELECT ';' -- caf\303\251 ;\n  ; ;;\n\n"
                            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;\n"
                            "SELECT $x$ ; $x$ /* end */  ";
  static const char *const expected[] = {
      "SELECT ';'", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END", "SELECT $x$ ; $x$"};
  reading r;
  read_text(&r, sql);
  assert_int_equal(r.all.count, 3);
  for (size_t i = 0; i < 3; i++) {
    const pgr_sql_statement *s = &r.all.items[i];
    assert_int_equal(s->len, strlen(expected[i]));
    assert_memory_equal(sql + s->offset, expected[i], s->len);
  }
  forget(&r);
  read_text(&r, " -- nothing\n;;");
  assert_int_equal(r.all.count + r.faults.count, 0);
  forget(&r);
}

static void faults(void **state) {
  (void)state;
  static const struct {
    const char *sql, *before; /* what is found before the first fault */
    const char *faults[3];
  } examples[] = {
      {"SELECT 1; SELECT 2;\nSELEC 3;", "SELECT | SELECT", {"example.sql:2:1: syntax error at or near \"SELEC\""}},
      {"LOCK t; SELECT FROM WHERE; SELECT 2; CREATE TABEL x; SELECT 3",
       "LOCK TABLE 8:t",
       {"example.sql:1:21: syntax error at or near \"WHERE\"", "example.sql:1:45: syntax error at or near \"TABEL\""}},
      {"SELECT 1; SELECT 'caf\303\251' x y; SELECT \"open",
       "SELECT",
       {"example.sql:1:28: syntax error at or near \"y\"",
        "example.sql:1:38: unterminated quoted identifier at or near \"\"open\""}},
      {"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; LOCK t; oh",
       "CREATE FUNCTION | LOCK TABLE 8:t",
       {"example.sql:1:79: syntax error at or near \"oh\""}},
      {"SELECT (1", "", {"example.sql:1:10: syntax error at end of input"}},
      {"SELECT 'open", "", {"example.sql:1:8: unterminated quoted string at or near \"'open\""}},
      {"\\ir other.sql", "", {"example.sql:1:1: syntax error at or near \"\\\""}},
      {"SELECT 1; COPY t FROM stdin;\n1\t2\n\\.\n",
       "SELECT | COPY< 3:t",
       {"example.sql:2:1: syntax error at or near \"1\""}},
      {"SELECT JSON_OBJECT('a' VALUE 1)",
       "",
       {"example.sql:1:24: syntax error at or near \"VALUE\""}}, /* of PostgreSQL 16 */
  };
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    reading r;
    pgr_buf line;
    size_t count = 0;
    pgr_buf_init(&line, 0);
    read_text(&r, examples[i].sql);
    write_down(&r.all, &line);
    assert_string_equal(pgr_buf_text(&line), examples[i].before);
    while (count < 3 && examples[i].faults[count])
      count++;
    for (size_t k = 0; k < count && k < r.faults.count; k++)
      assert_string_equal(r.faults.kept[k].text, examples[i].faults[k]);
    assert_int_equal(r.faults.count, count);
    pgr_buf_deinit(&line);
    forget(&r);
  }
}

/* More of them than are kept end the search. */
static void many_faults(void **state) {
  (void)state;
  pgr_buf text;
  reading r;
  pgr_buf_init(&text, 0);
  for (int i = 0; i < 500; i++)
    pgr_buf_adds(&text, "oh no;\n");
  read_text(&r, pgr_buf_text(&text));
  assert_int_equal(r.faults.count, PGR_FAULTS_KEPT);
  assert_int_equal(r.all.count, 0);
  forget(&r);
  pgr_buf_deinit(&text);
}

/* A long constant does not hide what a statement does; a long expression does. */
static void long_statements(void **state) {
  (void)state;
  pgr_buf text;
  reading r;
  pgr_buf_init(&text, 0);
  pgr_buf_adds(&text, "COMMENT ON TABLE t IS '");
  for (int i = 0; i < 2 * PGR_STUDY_BYTES_MAX; i++)
    pgr_buf_adds(&text, "x");
  pgr_buf_adds(&text, "'; INSERT INTO t VALUES (1");
  for (int i = 0; i < PGR_STUDY_BYTES_MAX / 2; i++)
    pgr_buf_adds(&text, "+1");
  pgr_buf_adds(&text, "); LOCK t");
  read_text(&r, pgr_buf_text(&text));
  pgr_buf_clear(&text);
  write_down(&r.all, &text);
  assert_string_equal(pgr_buf_text(&text), "COMMENT 4:t | INSERT 9: | LOCK TABLE 8:t");
  assert_string_equal(r.all.items[0].object, "TABLE t");
  assert_null(r.all.items[1].object);
  forget(&r);
  pgr_buf_deinit(&text);
}

/* A name that WITH gives, over and over. */
static void many_mentions(void **state) {
  (void)state;
  pgr_buf text;
  reading r;
  pgr_buf_init(&text, 0);
  pgr_buf_adds(&text, "WITH a AS (TABLE b) SELECT FROM a");
  for (int i = 0; i < 7000; i++)
    pgr_buf_adds(&text, ",a");
  read_text(&r, pgr_buf_text(&text));
  pgr_buf_clear(&text);
  write_down(&r.all, &text);
  assert_string_equal(pgr_buf_text(&text), "SELECT 1:b");
  forget(&r);
  pgr_buf_deinit(&text);
}

/* Whichever allocation fails: an error, no crash, and nothing leaks. */
static void no_memory(void **state) {
  (void)state;
  static const char sql[] = "CREATE TABLE a (x int REFERENCES b); ALTER TABLE c ADD x int, VALIDATE CONSTRAINT y;"
                            "DECLARE l CURSOR FOR SELECT nextval('m'); FETCH l; ALTER TABLE a RENAME TO n;"
                            "WITH d AS (SELECT nextval('e') FROM f) UPDATE g SET x = 1 FROM d;"
                            "GRANT SELECT ON a, h TO x; COMMENT ON TRIGGER i ON c IS 'j'; SET k.l = 1; oh";
  pgr_source source = {"example.sql", sql, strlen(sql)};
  bool failed = true;
  for (unsigned long nth = 1; failed && nth < 1000; nth++) {
    pgr_arena arena = {0};
    pgr_faults found = {.count = 0};
    pgr_sql_statements all;
    pgr_err err;
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_statements_read(&source, &arena, &all, &found, &err);
    pgr_mem_fail_nth(0);
    failed = code != PGR_OK || !found.count || !found.kept[0].text;
    assert_true(code == PGR_OK || code == PGR_ENOMEM);
    assert_true(nth > 1 || code == PGR_ENOMEM);
    pgr_faults_deinit(&found);
    pgr_arena_deinit(&arena);
  }
  assert_false(failed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(modes),           cmocka_unit_test(made_relations), cmocka_unit_test(what_is_not_known),
      cmocka_unit_test(transactions),    cmocka_unit_test(called),         cmocka_unit_test(subjects),
      cmocka_unit_test(places),          cmocka_unit_test(faults),         cmocka_unit_test(many_faults),
      cmocka_unit_test(long_statements), cmocka_unit_test(many_mentions),  cmocka_unit_test(no_memory),
      cmocka_unit_test(made_alone),      cmocka_unit_test(cursors),        cmocka_unit_test(told_once),
      cmocka_unit_test(wants_input),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
