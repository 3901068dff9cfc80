/* What the text of a statement says that it locks, against pg_locks of a server that ran it; what it is called, against
 * the server's tag; whether it may stand in a transaction block, against what the server refuses. And that a function's
 * body is kept as the server keeps it. */
#include "pgr_live.h"

#include "pgr_buf.h"
#include "pgr_functions.h"
#include "pgr_names.h"
#include "pgr_objects.h"
#include "pgr_statements.h"
#include <string.h>

static const char schema[] =
    "CREATE SCHEMA app;"
    "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int NOT NULL DEFAULT 0, CONSTRAINT positive CHECK (c >= 0));"
    "CREATE TABLE parent (id int PRIMARY KEY);"
    "CREATE TABLE child (id int PRIMARY KEY, parent_id int CONSTRAINT child_parent REFERENCES parent,"
    "                    CONSTRAINT later CHECK (id > 0) NOT VALID);"
    "ALTER TABLE child ADD CONSTRAINT again FOREIGN KEY (parent_id) REFERENCES parent NOT VALID;"
    "CREATE TABLE app.\"Odd table\" (id int, a int);"
    "CREATE INDEX t_a ON t (a);"
    "CREATE VIEW v AS SELECT 1 AS id;"
    "CREATE MATERIALIZED VIEW m AS SELECT id FROM t;"
    "CREATE UNIQUE INDEX m_id ON m (id);"
    "CREATE SEQUENCE s;"
    "CREATE TABLE parted (id int) PARTITION BY RANGE (id);"
    "CREATE TABLE part_one PARTITION OF parted FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE loose (id int);"
    "CREATE TABLE parent_of_none (id int);"
    "CREATE TABLE origin (id int);"
    "CREATE TABLE based () INHERITS (origin);"
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE FUNCTION reads() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM parent); END';"
    "CREATE TRIGGER trigger_t BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();"
    "CREATE FUNCTION looks(id int) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS "
    "  'BEGIN RETURN (SELECT count(*) FROM parent); END';"
    "CREATE TABLE filled (id int); INSERT INTO filled VALUES (1);"
    "CREATE RULE rule_t AS ON DELETE TO loose DO ALSO NOTHING;"
    "CREATE POLICY policy_t ON t USING (true);"
    "CREATE STATISTICS statistics_t ON a, b FROM t;"
    "CREATE TYPE pair AS (x int, y int);"
    "CREATE TYPE spread AS (x int, y int);"
    "CREATE TABLE spread_out OF spread;"
    "CREATE TYPE mood AS ENUM ('good', 'bad');"
    "CREATE DOMAIN positive_int AS int;"
    "CREATE TABLE uses (p positive_int);"
    "CREATE PUBLICATION pub FOR TABLE loose;";

typedef struct example {
  const char *sql;
  const char *more; /* relations that are said to be locked more strongly than they are here, and why; NULL: none */
} example;

/* Each is run in a transaction of its own. */
static const example examples[] = {
    {"SELECT 1", NULL},
    {"SELECT a FROM t", NULL},
    {"TABLE app.\"Odd table\"", NULL},
    {"SELECT * FROM t, parent FOR UPDATE OF t", NULL},
    {"SELECT * FROM t FOR KEY SHARE", NULL},
    {"WITH x AS (SELECT id FROM t) SELECT * FROM x, parent", NULL},
    {"WITH t AS (SELECT id FROM t) SELECT * FROM t", NULL},
    {"WITH x AS (UPDATE t SET a = 1 RETURNING id) SELECT * FROM x", NULL},
    {"SELECT nextval('s'), count(*), pg_catalog.now() FROM t", NULL},
    {"SELECT nextval('s'), setval('s', 5), currval('s'::regclass)", NULL},
    {"SELECT * FROM t WHERE id IN (WITH t AS (SELECT 1 AS id) SELECT id FROM t)", NULL},
    {"WITH loose AS (SELECT id FROM t), x AS (SELECT id FROM loose) SELECT * FROM x", NULL},
    {"SELECT reads()", NULL},
    {"SELECT age(now()), format_type(23, NULL), to_regclass('t'), to_regnamespace('app'), to_regrole('x'), "
     "to_regtype('int'), to_regproc('f'), to_regprocedure('f()'), obj_description('t'::regclass, 'pg_class'), "
     "col_description('t'::regclass, 1), shobj_description(1, 'pg_database')",
     NULL},
    {"SELECT has_table_privilege('t', 'SELECT'), has_column_privilege('t', 'a', 'SELECT'), "
     "has_any_column_privilege('t', 'SELECT'), has_sequence_privilege('s', 'USAGE'), "
     "has_schema_privilege('app', 'USAGE'), has_function_privilege('f()', 'EXECUTE'), "
     "has_database_privilege('postgres', 'CONNECT'), pg_has_role('pg_monitor', 'USAGE')",
     NULL},
    {"SELECT pg_get_serial_sequence('t', 'a'), pg_get_userbyid(10), pg_table_is_visible('t'::regclass), "
     "pg_function_is_visible('f'::regproc), pg_type_is_visible('int'::regtype), pg_notify('x', 'y')",
     NULL},
    {"SELECT pg_current_snapshot(), pg_current_xact_id(), pg_current_xact_id_if_assigned(), txid_current(), "
     "txid_current_if_assigned(), txid_current_snapshot()",
     NULL},
    {"SELECT json_populate_record(NULL::t, '{}'), row_to_json(t), enum_range(NULL::mood), pg_typeof(t), current_schemas"
     "(true), to_tsvector('simple', b), 't'::regclass FROM t",
     NULL},
    {"INSERT INTO t (id) VALUES (1) ON CONFLICT DO NOTHING", NULL},
    {"INSERT INTO t (id) SELECT id FROM parent", NULL},
    {"UPDATE t SET a = (SELECT max(id) FROM parent) FROM loose", NULL},
    {"DELETE FROM app.\"Odd table\" USING t", NULL},
    {"MERGE INTO t USING parent p ON t.id = p.id WHEN MATCHED THEN DELETE", NULL},
    {"TRUNCATE t", NULL},
    {"TRUNCATE parent CASCADE", NULL},
    {"LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE", NULL},
    {"LOCK t, parent", NULL},
    {"LOCK TABLE t IN ACCESS SHARE MODE NOWAIT", NULL},
    {"EXPLAIN UPDATE t SET a = 1", NULL},
    {"EXPLAIN (ANALYZE) SELECT reads()", NULL},
    {"PREPARE p AS SELECT * FROM t WHERE id = $1", NULL},
    {"DECLARE x CURSOR FOR SELECT * FROM t", NULL},
    {"DECLARE x CURSOR FOR SELECT reads(), nextval('s') FROM t", NULL},
    {"DECLARE x CURSOR FOR SELECT reads() FROM (VALUES (1)) AS v; FETCH x", NULL},
    {"DECLARE x SCROLL CURSOR FOR SELECT reads() FROM (VALUES (1)) AS v; MOVE x", NULL},
    {"DECLARE x CURSOR FOR SELECT nextval('s') FROM t; FETCH x", "t is empty"},
    {"DECLARE x CURSOR FOR SELECT nextval('s'); DECLARE y CURSOR FOR SELECT 1; FETCH x", NULL},
    {"COPY (SELECT * FROM t) TO '/dev/null'", NULL},
    {"DO 'BEGIN LOCK parent; END'", NULL},
    {"CREATE TRIGGER x BEFORE UPDATE OF a ON t FOR EACH ROW WHEN (OLD.a IS DISTINCT FROM NEW.a) EXECUTE FUNCTION f()",
     NULL},
    {"CREATE OR REPLACE TRIGGER trigger_t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", NULL},
    {"CREATE CONSTRAINT TRIGGER x AFTER UPDATE ON t FROM parent FOR EACH ROW EXECUTE FUNCTION f()", NULL},
    {"DROP TRIGGER trigger_t ON t", NULL},
    {"DROP TRIGGER IF EXISTS nobody ON t", "there is no such trigger"},
    {"ALTER TRIGGER trigger_t ON t RENAME TO other", NULL},
    {"COMMENT ON TRIGGER trigger_t ON t IS 'why'", NULL},
    {"COMMENT ON TABLE t IS 'why'", NULL},
    {"COMMENT ON COLUMN app.\"Odd table\".a IS 'why'", NULL},
    {"COMMENT ON CONSTRAINT positive ON t IS 'why'", NULL},
    {"COMMENT ON INDEX t_a IS 'why'", NULL},
    {"COMMENT ON FUNCTION f() IS 'why'", NULL},
    {"COMMENT ON VIEW v IS 'why'", NULL},
    {"COMMENT ON POLICY policy_t ON t IS 'why'", NULL},
    {"COMMENT ON RULE rule_t ON loose IS 'why'", NULL},
    {"COMMENT ON SCHEMA app IS 'why'", NULL},
    {"COMMENT ON STATISTICS statistics_t IS 'why'", NULL},
    {"CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'", NULL},
    {"CREATE FUNCTION g() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM t'", NULL},
    {"CREATE FUNCTION g() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM t; END", NULL},
    {"CREATE FUNCTION g(r t) RETURNS SETOF parent LANGUAGE plpgsql AS 'DECLARE x t%ROWTYPE; y t.a%TYPE; BEGIN RETURN; "
     "END'",
     NULL},
    {"DROP FUNCTION reads()", NULL},
    {"DROP FUNCTION f() CASCADE", NULL},
    {"ALTER FUNCTION f() SET search_path = ''", NULL},
    {"ALTER FUNCTION f() RENAME TO g", NULL},
    {"GRANT SELECT ON t TO PUBLIC", NULL},
    {"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC", NULL},
    {"GRANT EXECUTE ON FUNCTION f() TO PUBLIC", NULL},
    {"CREATE INDEX ON t (b)", NULL},
    {"CREATE UNIQUE INDEX IF NOT EXISTS x ON t (b)", NULL},
    {"CREATE INDEX ON filled (looks(id))", NULL},
    {"CREATE INDEX ON filled (id) WHERE looks(id) > 0", NULL},
    {"DROP INDEX t_a", NULL},
    {"ALTER INDEX t_a RENAME TO x", NULL},
    {"ALTER INDEX t_a SET (fillfactor = 50)", NULL},
    {"REINDEX INDEX t_a", NULL},
    {"REINDEX TABLE t", NULL},
    {"CLUSTER t USING t_a", NULL},
    {"ANALYZE t", NULL},
    {"CREATE TABLE x (id int PRIMARY KEY, t_id int REFERENCES t)", NULL},
    {"CREATE TABLE x (t_id int, FOREIGN KEY (t_id) REFERENCES public.t (id))", NULL},
    {"CREATE TABLE x (LIKE t INCLUDING ALL)", NULL},
    {"CREATE TABLE x () INHERITS (loose)", NULL},
    {"CREATE TABLE x PARTITION OF parted FOR VALUES FROM (10) TO (20)", NULL},
    {"CREATE TABLE IF NOT EXISTS t (id int)", NULL},
    {"CREATE TABLE x AS SELECT * FROM t", NULL},
    {"CREATE TEMPORARY TABLE x ON COMMIT DROP AS SELECT * FROM t WITH NO DATA", NULL},
    {"SELECT * INTO x FROM t", NULL},
    {"CREATE MATERIALIZED VIEW x AS SELECT * FROM t", NULL},
    {"CREATE VIEW x AS SELECT * FROM t", NULL},
    {"CREATE OR REPLACE VIEW v AS SELECT id FROM t", NULL},
    {"CREATE RULE x AS ON INSERT TO t DO ALSO UPDATE parent SET id = 1", NULL},
    {"DROP RULE rule_t ON loose", NULL},
    {"CREATE POLICY x ON t USING (a IN (SELECT id FROM parent))", NULL},
    {"ALTER POLICY policy_t ON t USING (false)", NULL},
    {"ALTER POLICY policy_t ON t RENAME TO x", NULL},
    {"DROP POLICY policy_t ON t", NULL},
    {"CREATE STATISTICS x ON b, c FROM t", NULL},
    {"ALTER STATISTICS statistics_t SET STATISTICS 10", NULL},
    {"DROP STATISTICS statistics_t", NULL},
    {"CREATE SEQUENCE x OWNED BY t.a", NULL},
    {"ALTER SEQUENCE s RESTART", NULL},
    {"ALTER SEQUENCE s OWNED BY t.a", NULL},
    {"DROP SEQUENCE s", NULL},
    {"REFRESH MATERIALIZED VIEW m", NULL},
    {"REFRESH MATERIALIZED VIEW CONCURRENTLY m", NULL},
    {"REFRESH MATERIALIZED VIEW m WITH NO DATA", NULL},
    {"DROP MATERIALIZED VIEW m", NULL},
    {"DROP VIEW v", NULL},
    {"DROP TABLE loose CASCADE", NULL},
    {"DROP TABLE child", NULL},
    {"DROP TABLE IF EXISTS nobody", "there is no such table"},
    {"DROP SCHEMA app CASCADE", NULL},
    {"CREATE SCHEMA x CREATE TABLE y (id int REFERENCES t) CREATE VIEW z AS SELECT * FROM parent", NULL},
    {"CREATE SCHEMA x CREATE TABLE loose (id int) CREATE VIEW z AS SELECT * FROM loose", NULL},
    {"CREATE SCHEMA x CREATE TABLE loose (id int); ALTER TABLE loose ADD x int", NULL},
    {"CREATE SCHEMA x CREATE TABLE loose (id int); ALTER TABLE x.loose ADD x int", NULL},
    {"CREATE SCHEMA x AUTHORIZATION CURRENT_USER CREATE SEQUENCE loose; ALTER TABLE loose ADD x int", NULL},
    {"CREATE TEMPORARY TABLE loose (id int); ALTER TABLE loose RENAME TO x; ALTER TABLE loose ADD x int", NULL},
    {"CREATE TABLE x (id int); ALTER TABLE x RENAME TO y; ALTER TABLE y ADD x int", NULL},
    {"CREATE TABLE x (a int, b int); ALTER TABLE x ALTER a TYPE bigint; ALTER TABLE x DROP b; DROP TABLE x", NULL},
    {"CREATE TABLE x (id int REFERENCES parent); DROP TABLE x", NULL},
    {"CREATE TABLE x (id int UNIQUE); ALTER TABLE loose ADD FOREIGN KEY (id) REFERENCES x (id); ALTER TABLE x ALTER id "
     "TYPE bigint",
     NULL},
    {"CREATE TABLE x (id int); ALTER SEQUENCE s OWNED BY x.id; DROP TABLE x", NULL},
    {"CREATE SCHEMA x; SET LOCAL search_path = x, public; CREATE TABLE loose (id int); ALTER TABLE loose SET SCHEMA "
     "app; ALTER TABLE loose ADD x int",
     NULL},
    {"CREATE TABLE x (id int); ALTER TABLE x SET SCHEMA app; ALTER TABLE app.x ADD x int", NULL},
    {"CREATE DOMAIN x AS int CHECK (value > 0)", NULL},
    {"ALTER DOMAIN positive_int ADD CHECK (value > 0)", NULL},
    {"ALTER DOMAIN positive_int SET NOT NULL", NULL},
    {"ALTER DOMAIN positive_int SET DEFAULT 1", NULL},
    {"DROP DOMAIN positive_int CASCADE", NULL},
    {"CREATE TYPE x AS (a int)", NULL},
    {"ALTER TYPE pair ADD ATTRIBUTE z int", NULL},
    {"ALTER TYPE pair RENAME ATTRIBUTE x TO z", NULL},
    {"ALTER TYPE pair ALTER ATTRIBUTE x TYPE bigint, DROP ATTRIBUTE y", NULL},
    {"ALTER TYPE pair RENAME TO two", NULL},
    {"ALTER TYPE spread RENAME ATTRIBUTE x TO z CASCADE", NULL},
    {"ALTER TYPE spread ADD ATTRIBUTE z int CASCADE", NULL},
    {"ALTER TYPE spread ALTER ATTRIBUTE x TYPE bigint CASCADE", NULL},
    {"ALTER TYPE mood ADD VALUE 'so so'", NULL},
    {"CREATE EXTENSION IF NOT EXISTS plpgsql", NULL},
    {"CREATE PUBLICATION x FOR TABLE t", NULL},
    {"ALTER PUBLICATION pub ADD TABLE t", NULL},
    {"ALTER PUBLICATION pub DROP TABLE loose", NULL},
    {"ALTER PUBLICATION pub SET TABLE t", NULL},
    {"ALTER PUBLICATION pub SET (publish = 'insert')", NULL},
    {"DROP PUBLICATION pub", NULL},
    {"CREATE SUBSCRIPTION x CONNECTION 'dbname=x' PUBLICATION y WITH (connect = false)", NULL},
    {"CREATE SUBSCRIPTION x CONNECTION 'dbname=x' PUBLICATION y WITH (connect = off)", NULL},
    {"CREATE SUBSCRIPTION x CONNECTION 'dbname=x' PUBLICATION y WITH (connect = 'OFF')", NULL},
    {"CREATE SUBSCRIPTION x CONNECTION 'dbname=x' PUBLICATION y WITH (connect = 0, enabled = false, slot_name = NONE)",
     NULL},
    {"SET CONSTRAINTS ALL DEFERRED", NULL},
    {"SET LOCAL search_path = app", NULL},
    {"SHOW search_path", NULL},
    {"SAVEPOINT x", NULL},
    {"NOTIFY x", NULL},
    {"DISCARD PLANS", NULL},
    {"ALTER TABLE t ADD COLUMN x int", NULL},
    {"ALTER TABLE t ADD COLUMN x int REFERENCES parent", NULL},
    {"ALTER TABLE filled ADD COLUMN x bigint DEFAULT reads()", NULL},
    {"ALTER TABLE filled ADD COLUMN x bigint DEFAULT nextval('s')", NULL},
    {"ALTER TABLE filled ADD CHECK (looks(id) < 100)", NULL},
    {"ALTER TABLE filled ADD EXCLUDE USING btree ((looks(id)) WITH =)", NULL},
    {"ALTER TABLE filled ALTER COLUMN id TYPE bigint USING looks(id)", NULL},
    {"ALTER TABLE filled ADD CHECK (looks(id) < 100) NOT VALID", NULL},
    {"ALTER TABLE filled ALTER COLUMN id SET DEFAULT reads()", NULL},
    {"ALTER TABLE t DROP COLUMN b", NULL},
    {"ALTER TABLE child DROP COLUMN parent_id", NULL},
    {"ALTER TABLE t ALTER COLUMN a TYPE bigint", NULL},
    {"ALTER TABLE child ALTER COLUMN parent_id TYPE bigint", NULL},
    {"ALTER TABLE parent ALTER COLUMN id TYPE bigint", NULL},
    {"ALTER TABLE t ALTER COLUMN a SET DEFAULT 1", NULL},
    {"ALTER TABLE t ALTER COLUMN a SET NOT NULL", NULL},
    {"ALTER TABLE t ALTER COLUMN c DROP NOT NULL", NULL},
    {"ALTER TABLE t ALTER COLUMN a SET STATISTICS 10", NULL},
    {"ALTER TABLE t ALTER COLUMN a SET (n_distinct = 5)", NULL},
    {"ALTER TABLE t ALTER COLUMN b SET STORAGE EXTERNAL", NULL},
    {"ALTER TABLE t ALTER COLUMN b SET COMPRESSION pglz", NULL},
    {"ALTER TABLE parent ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY", NULL},
    {"ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0)", NULL},
    {"ALTER TABLE t ADD CONSTRAINT x CHECK (a > 0) NOT VALID", NULL},
    {"ALTER TABLE t ADD UNIQUE (a)", NULL},
    {"ALTER TABLE t ADD EXCLUDE USING btree (a WITH =)", NULL},
    {"ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES parent", NULL},
    {"ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES parent NOT VALID", NULL},
    {"ALTER TABLE t DROP CONSTRAINT positive", NULL},
    {"ALTER TABLE child DROP CONSTRAINT child_parent", NULL},
    {"ALTER TABLE child ALTER CONSTRAINT child_parent DEFERRABLE", NULL},
    {"ALTER TABLE child VALIDATE CONSTRAINT later", NULL},
    {"ALTER TABLE child VALIDATE CONSTRAINT again", NULL},
    {"ALTER TABLE t SET (fillfactor = 50, autovacuum_enabled = off)", NULL},
    {"ALTER TABLE t SET (user_catalog_table = off)", NULL},
    {"ALTER TABLE t RESET (fillfactor)", NULL},
    {"ALTER TABLE t CLUSTER ON t_a", NULL},
    {"ALTER TABLE t SET WITHOUT CLUSTER", NULL},
    {"ALTER TABLE t ENABLE TRIGGER trigger_t", NULL},
    {"ALTER TABLE t DISABLE TRIGGER ALL", NULL},
    {"ALTER TABLE t ENABLE REPLICA TRIGGER trigger_t", NULL},
    {"ALTER TABLE t ENABLE ALWAYS TRIGGER trigger_t", NULL},
    {"ALTER TABLE loose DISABLE RULE rule_t", NULL},
    {"ALTER TABLE t ENABLE ROW LEVEL SECURITY", NULL},
    {"ALTER TABLE t REPLICA IDENTITY FULL", NULL},
    {"ALTER TABLE t SET UNLOGGED", NULL},
    {"ALTER TABLE t OWNER TO CURRENT_USER", NULL},
    {"ALTER TABLE t SET SCHEMA app", NULL},
    {"ALTER TABLE t RENAME TO x", NULL},
    {"ALTER TABLE t RENAME COLUMN a TO x", NULL},
    {"ALTER TABLE t RENAME CONSTRAINT positive TO x", NULL},
    {"ALTER TABLE loose INHERIT parent_of_none", NULL},
    {"ALTER TABLE based NO INHERIT origin", NULL},
    {"ALTER TABLE parted ATTACH PARTITION loose FOR VALUES FROM (10) TO (20)", NULL},
    {"ALTER TABLE parted DETACH PARTITION part_one", NULL},
    {"ALTER TABLE t ALTER COLUMN a SET STATISTICS 10, ENABLE TRIGGER ALL, SET (fillfactor = 50)", NULL},
    {"ALTER VIEW v RENAME TO x", NULL},
    {"ALTER VIEW v SET (security_barrier)", NULL},
};

/* Run in a transaction the server refuses them. */
static const char *const alone[] = {
    "VACUUM t",
    "VACUUM",
    "CREATE INDEX CONCURRENTLY ON t (b)",
    "DROP INDEX CONCURRENTLY t_a",
    "REINDEX TABLE CONCURRENTLY t",
    "REINDEX SCHEMA app",
    "REINDEX DATABASE postgres",
    "CLUSTER",
    "CREATE DATABASE x",
    "DROP DATABASE IF EXISTS x",
    "ALTER DATABASE postgres SET TABLESPACE x",
    "CREATE TABLESPACE x LOCATION '/nowhere'",
    "DROP TABLESPACE x",
    "ALTER SYSTEM SET work_mem = '4MB'",
    "ALTER TABLE parted DETACH PARTITION part_one CONCURRENTLY",
    "CREATE SUBSCRIPTION x CONNECTION 'dbname=x' PUBLICATION y",
    "CREATE SUBSCRIPTION x CONNECTION 'dbname=x' PUBLICATION y WITH (create_slot, connect = on, enabled = false)",
    "COMMIT PREPARED 'x'",
    "ROLLBACK PREPARED 'x'",
    "DISCARD ALL",
};

/* ---- what the server says ---- */

static pgr_db *observer; /* does not see what the transaction made, and sees what it dropped */

static int set_up(void **state) {
  pgr_err err;
  if (fixture_set_up(state)) return -1;
  fixture *f = *state;
  if (pgr_db_connect(f->target, &observer, &err) || pgr_db_exec(f->db, schema, &err)) {
    fprintf(stderr, "%s\n", err.msg);
    return -1;
  }
  return 0;
}

static int tear_down(void **state) {
  pgr_db_close(observer);
  return fixture_tear_down(state);
}

static void exec(fixture *f, const char *sql) {
  pgr_err err;
  must(pgr_db_exec(f->db, sql, &err), &err);
}

/* Schema, name, whether it is an index, and the strongest mode as LOCK TABLE takes it: a row a relation that the test's
 * connection has locked. */
static PGresult *locks_held(fixture *f) {
  char pid[32];
  const char *values[] = {pid};
  PGresult *out = NULL;
  pgr_err err;
  snprintf(pid, sizeof pid, "%d", PQbackendPID(pgr_db_raw(f->db)));
  must(pgr_db_query(observer,
                    "WITH modes(mode, lock, rank) AS (VALUES ('AccessShareLock', 'ACCESS SHARE', 1),"
                    " ('RowShareLock', 'ROW SHARE', 2), ('RowExclusiveLock', 'ROW EXCLUSIVE', 3),"
                    " ('ShareUpdateExclusiveLock', 'SHARE UPDATE EXCLUSIVE', 4), ('ShareLock', 'SHARE', 5),"
                    " ('ShareRowExclusiveLock', 'SHARE ROW EXCLUSIVE', 6), ('ExclusiveLock', 'EXCLUSIVE', 7),"
                    " ('AccessExclusiveLock', 'ACCESS EXCLUSIVE', 8)) "
                    "SELECT nspname, relname, relkind = 'i', (array_agg(lock ORDER BY rank DESC))[1] "
                    "FROM pg_locks JOIN pg_class c ON c.oid = relation JOIN pg_namespace n ON n.oid = relnamespace "
                    "JOIN modes USING (mode) WHERE pid = $1::int AND locktype = 'relation' "
                    "AND nspname NOT IN ('pg_catalog', 'pg_toast') AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i') "
                    "GROUP BY 1, 2, 3 ORDER BY 1, 2",
                    1, values, &out, &err),
       &err);
  return out;
}

static pgr_lock_mode mode_named(const char *name) {
  for (pgr_lock_mode mode = PGR_LOCK_NONE; mode < PGR_LOCK_UNKNOWN; mode++)
    if (strcmp(pgr_lock_mode_name(mode), name) == 0) return mode;
  fail_msg("no mode is called %s", name);
  return PGR_LOCK_NONE;
}

/* ---- what the text says ---- */

static void read_statements(const char *sql, pgr_arena *arena, pgr_sql_statements *out) {
  pgr_source source = {"example.sql", sql, strlen(sql)};
  pgr_faults faults = {.count = 0};
  pgr_err err;
  must(pgr_statements_read(&source, arena, out, &faults, &err), &err);
  if (faults.count) fail_msg("%s", faults.kept[0].text);
  pgr_faults_deinit(&faults);
}

static void read_statement(const char *sql, pgr_arena *arena, pgr_sql_statement *out) {
  pgr_sql_statements all;
  read_statements(sql, arena, &all);
  assert_int_equal(all.count, 1);
  *out = all.items[0];
}

static bool same_text(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

/* What all of them lock: of each relation the strongest mode. A statement that says the same twice is wrong. */
static void gather_locks(const pgr_sql_statements *all, pgr_arena *arena, pgr_sql_statement *out) {
  size_t most = 0, count = 0;
  for (size_t i = 0; i < all->count; i++)
    most += all->items[i].lock_count;
  pgr_lock *locks = pgr_arena_alloc(arena, (most + 1) * sizeof *locks);
  assert_non_null(locks);
  for (size_t i = 0; i < all->count; i++) {
    size_t before = count;
    for (size_t k = 0; k < all->items[i].lock_count; k++) {
      const pgr_lock *l = &all->items[i].locks[k];
      size_t at = 0;
      while (at < count && !(same_text(locks[at].schema, l->schema) && same_text(locks[at].relation, l->relation)))
        at++;
      if (at >= before && at < count) fail_msg("%s says %s twice", all->items[i].what, l->relation);
      if (at == count) locks[count++] = *l;
      if (l->mode > locks[at].mode) locks[at].mode = l->mode;
    }
  }
  *out = (pgr_sql_statement){.locks = locks, .lock_count = count};
}

/* NULL: it is not told. */
static const pgr_lock *told(const pgr_sql_statement *s, const char *schema_name, const char *relation) {
  for (size_t i = 0; i < s->lock_count; i++) {
    const pgr_lock *l = &s->locks[i];
    if (l->relation && strcmp(l->relation, relation) == 0 && strcmp(l->schema ? l->schema : "public", schema_name) == 0)
      return l;
  }
  return NULL;
}

static pgr_lock_mode untold(const pgr_sql_statement *s) {
  for (size_t i = 0; i < s->lock_count; i++)
    if (!s->locks[i].relation) return s->locks[i].mode;
  return PGR_LOCK_NONE;
}

/* ---- one against the other ---- */

/* Appends what differs. several: s is of several statements, and one may tell what another does not. */
static void compare(const example *e, const pgr_sql_statement *s, bool several, const PGresult *held, pgr_buf *out) {
  size_t met = 0, named = 0, more = 0;
  for (size_t i = 0; i < s->lock_count; i++)
    named += s->locks[i].relation != NULL;
  for (int row = 0; row < PQntuples(held); row++) {
    const char *relation = PQgetvalue(held, row, 1);
    const pgr_lock *l = told(s, PQgetvalue(held, row, 0), relation);
    pgr_lock_mode server = mode_named(PQgetvalue(held, row, 3)), said = l ? l->mode : untold(s);
    if (several && server > said) said = untold(s);
    met += l != NULL;
    more += l && said > server;
    if (!l && strcmp(PQgetvalue(held, row, 2), "t") == 0) continue; /* a table's index goes with the table */
    if (server > said || (l && said > server && !e->more))
      pgr_buf_addf(out, "%s\n  %s: the server takes %s, we say %s\n", e->sql, relation, pgr_lock_mode_name(server),
                   pgr_lock_mode_name(said));
  }
  if (met < named && !e->more) pgr_buf_addf(out, "%s\n  we name relations that the server does not lock\n", e->sql);
  if (e->more && met == named && !more) pgr_buf_addf(out, "%s\n  no exception: %s\n", e->sql, e->more);
}

static void check_tag(const char *what, const char *status, pgr_buf *out) {
  size_t len = strlen(status);
  while (len && strchr(" 0123456789", status[len - 1]))
    len--;
  bool fills = strncmp(status, "SELECT", 6) == 0 && strncmp(what, "CREATE", 6) == 0; /* CREATE TABLE AS */
  if (!fills && (strlen(what) != len || strncmp(what, status, len) != 0))
    pgr_buf_addf(out, "the server calls it %s, we call it %s\n", status, what);
}

/* false: the server refuses it. */
static bool run(fixture *f, const char *sql, const pgr_sql_statement *s, pgr_arena *arena, pgr_buf *out) {
  const char *text = pgr_arena_printf(arena, "%.*s", (int)s->len, sql + s->offset);
  PGresult *result = NULL;
  pgr_err err;
  assert_non_null(text);
  if (pgr_db_query(f->db, text, 0, NULL, &result, &err)) {
    pgr_buf_addf(out, "%s\n  %s\n", sql, err.msg);
    return false;
  }
  check_tag(s->what, PQcmdStatus(result), out);
  if (s->needs_none || s->ends_transaction) pgr_buf_addf(out, "%s\n  runs in a transaction\n", sql);
  PQclear(result);
  return true;
}

static void locks(void **state) {
  fixture *f = *state;
  pgr_buf wrong;
  pgr_buf_init(&wrong, 0);
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    pgr_arena arena = {0};
    pgr_sql_statements all;
    pgr_sql_statement together;
    bool is_run = true;
    read_statements(examples[i].sql, &arena, &all);
    gather_locks(&all, &arena, &together);
    exec(f, "BEGIN");
    for (size_t k = 0; k < all.count && is_run; k++)
      is_run = run(f, examples[i].sql, &all.items[k], &arena, &wrong);
    if (is_run) {
      PGresult *held = locks_held(f);
      compare(&examples[i], &together, all.count > 1, held, &wrong);
      PQclear(held);
    }
    exec(f, "ROLLBACK");
    pgr_arena_deinit(&arena);
  }
  if (wrong.len) fail_msg("\n%s", pgr_buf_text(&wrong));
  pgr_buf_deinit(&wrong);
}

static void statements_that_stand_alone(void **state) {
  fixture *f = *state;
  for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
    pgr_arena arena = {0};
    pgr_sql_statement s;
    pgr_err err;
    read_statement(alone[i], &arena, &s);
    exec(f, "BEGIN");
    assert_int_equal(pgr_db_exec(f->db, alone[i], &err), PGR_EDATABASE);
    if (strcmp(pgr_db_sqlstate(f->db), "25001") != 0) fail_msg("%s: %s", alone[i], err.msg);
    exec(f, "ROLLBACK");
    if (!s.needs_none) fail_msg("%s is said to run in a transaction", alone[i]);
    pgr_arena_deinit(&arena);
  }
}

/* ---- functions ---- */

static bool has_word(const char *words, const char *word) {
  size_t len = strlen(word);
  for (const char *at = words; (at = strstr(at, word)); at++)
    if (at > words && at[-1] == ' ' && at[len] == ' ') return true;
  return false;
}

/* names: $1. The query answers with those that are wrong. */
static void check_none(fixture *f, const char *sql, const char *names) {
  const char *values[] = {names};
  PGresult *r = NULL;
  pgr_err err;
  must(pgr_db_query(f->db, sql, 1, values, &r, &err), &err);
  assert_int_equal(PQntuples(r), 1);
  assert_string_equal(PQgetvalue(r, 0, 0), "");
  PQclear(r);
}

/* Those that are said to be immutable are, every one that the server has of the name; and of what may do anything, only
 * what is known is taken for harmless. */
static void functions(void **state) {
  static const char understood[] =
      " bernoulli clock_timestamp current_query gen_random_uuid pg_is_in_recovery pg_notify "
      "pg_sleep pg_sleep_for pg_sleep_until random setseed system timeofday ";
  fixture *f = *state;
  pgr_buf wrong;
  PGresult *r = NULL;
  pgr_err err;
  pgr_buf_init(&wrong, 0);
  check_none(f,
             "SELECT coalesce(string_agg(name, ' '), '') FROM unnest(string_to_array(btrim($1), ' ')) AS name WHERE "
             "(SELECT bool_and(provolatile = 'i' OR prokind IN ('a', 'w')) FROM pg_proc"
             " WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = name) IS NOT TRUE",
             pgr_functions_pure());
  must(pgr_db_query(f->db,
                    "SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v' AND prokind = 'f' "
                    "AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)",
                    0, NULL, &r, &err),
       &err);
  assert_true(PQntuples(r) > 100);
  for (int i = 0; i < PQntuples(r); i++) {
    const char *name = PQgetvalue(r, i, 0);
    if (pgr_function_locks_nothing(name) != has_word(understood, name)) pgr_buf_addf(&wrong, " %s", name);
  }
  if (wrong.len) fail_msg("%s", pgr_buf_text(&wrong));
  pgr_buf_deinit(&wrong);
  PQclear(r);
}

/* ---- bodies, names, literals ---- */

static void bodies(void **state) {
  static const char *const functions[] = {
      "CREATE FUNCTION body() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n\tRETURN NEW; -- 'it''s' \\ %\nEND $$",
      "CREATE FUNCTION body() RETURNS trigger AS 'BEGIN RAISE ''it''''s''; END' LANGUAGE plpgsql",
      "CREATE FUNCTION body() RETURNS trigger AS E'BEGIN\\r\\n RETURN\\tNEW; -- \\u00e9 \\'\\nEND' LANGUAGE plpgsql",
      "CREATE FUNCTION body() RETURNS trigger AS U&'BEGIN RETURN NEW; -- \\00e9\\\\\nEND' LANGUAGE plpgsql",
      "CREATE FUNCTION body() RETURNS trigger AS $body$ BEGIN RETURN NEW; /* $$ \360\237\246\206 \001 */ END "
      "$body$ LANGUAGE plpgsql",
      "CREATE FUNCTION body() RETURNS trigger AS 'BEGIN '\n'RETURN NEW; END' LANGUAGE plpgsql",
      "CREATE FUNCTION body() RETURNS trigger AS $$\r\nBEGIN\r\nRETURN NEW;\r\nEND\r\n$$ LANGUAGE plpgsql",
      "CREATE FUNCTION body() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql",
      "CREATE FUNCTION body() RETURNS int RETURN 1",
  };
  fixture *f = *state;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    pgr_source source = {"function.sql", functions[i], strlen(functions[i])};
    pgr_arena arena = {0};
    pgr_faults faults = {.count = 0};
    pgr_objects objects;
    PGresult *r = NULL;
    pgr_err err;
    must(pgr_objects_read(&source, &arena, &objects, &faults, &err), &err);
    assert_int_equal(objects.function_count, 1);
    exec(f, "BEGIN");
    exec(f, functions[i]);
    must(pgr_db_query(f->db,
                      "SELECT prosrc, lanname FROM pg_proc JOIN pg_language l ON l.oid = prolang "
                      "WHERE proname = 'body'",
                      0, NULL, &r, &err),
         &err);
    assert_string_equal(objects.functions[0].body, PQgetvalue(r, 0, 0));
    assert_string_equal(objects.functions[0].language, PQgetvalue(r, 0, 1));
    PQclear(r);
    exec(f, "ROLLBACK");
    pgr_arena_deinit(&arena);
    pgr_faults_deinit(&faults);
  }
}

/* Every keyword, and names that are odd, as quote_ident writes them. */
static void names(void **state) {
  fixture *f = *state;
  PGresult *r = NULL;
  pgr_err err;
  must(pgr_db_query(
           f->db,
           "SELECT name, quote_ident(name) FROM (SELECT word FROM pg_get_keywords() UNION ALL VALUES ('plain'),"
           " ('Plain'), ('two words'), ('1st'), ('x1'), ('_x'), ('a$b'), ('a\"b'), (E'a\\nb'), (E'caf\\u00e9'), "
           "('%s'), ('$$'), ('--'), ('a.b'), (repeat('x', 63))) AS n(name)",
           0, NULL, &r, &err),
       &err);
  assert_true(PQntuples(r) > 400);
  for (int i = 0; i < PQntuples(r); i++) {
    pgr_buf name;
    pgr_buf_init(&name, 0);
    pgr_sql_name(PQgetvalue(r, i, 0), &name);
    assert_string_equal(pgr_buf_text(&name), PQgetvalue(r, i, 1));
    pgr_buf_deinit(&name);
  }
  PQclear(r);
}

/* The server reads a literal back as the text, whatever it thinks of backslashes. */
static void literals(void **state) {
  static const char *const texts[] = {"",   "it's",  "''",   "back\\slash",      "\\'", "a\nb\tc",
                                      "$$", "%s %L", "E'x'", "\360\237\246\206", "\\",  "--",
                                      "/*", ";"};
  fixture *f = *state;
  for (size_t i = 0; i < 2 * sizeof texts / sizeof *texts; i++) {
    const char *text = texts[i / 2];
    char read_back[64];
    pgr_buf sql;
    pgr_err err;
    exec(f, i % 2 ? "SET standard_conforming_strings = on" : "SET standard_conforming_strings = off");
    pgr_buf_init(&sql, 0);
    pgr_buf_adds(&sql, "SELECT ");
    pgr_sql_literal(text, &sql);
    must(pgr_db_query_text(f->db, pgr_buf_text(&sql), read_back, sizeof read_back, &err), &err);
    assert_string_equal(read_back, text);
    pgr_buf_deinit(&sql);
  }
  exec(f, "RESET standard_conforming_strings");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(locks),     cmocka_unit_test(statements_that_stand_alone),
      cmocka_unit_test(functions), cmocka_unit_test(bodies),
      cmocka_unit_test(names),     cmocka_unit_test(literals),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
