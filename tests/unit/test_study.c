/* What statements are taken for, written as one line: class and isolation; relations, with ! when they are written, +
 * when rows are only added, = and the columns when they are only updated, ? when they are only locked; functions; names
 * that WITH gives. And the words of texts. */
#include "pgr_test.h"

#include "pgr_buf.h"
#include "pgr_study.h"
#include "pgr_words.h"
#include <string.h>

static const char *class_name(pgr_statement_class class) {
  switch (class) {
  case PGR_STATEMENT_QUERY: return "query";
  case PGR_STATEMENT_BEGIN: return "begin";
  case PGR_STATEMENT_COMMIT: return "commit";
  case PGR_STATEMENT_ROLLBACK: return "rollback";
  case PGR_STATEMENT_SAVEPOINT: return "savepoint";
  case PGR_STATEMENT_ROLLBACK_TO: return "rollback to";
  case PGR_STATEMENT_SETTING: return "setting";
  case PGR_STATEMENT_OTHER: return "other";
  }
  return "?";
}

static void write_down(const pgr_study *s, pgr_buf *out) {
  static const char *const levels[] = {"", " at rc", " at rr", " at ser"};
  pgr_buf_addf(out, "%s%s", class_name(s->class), levels[s->isolation]);
  for (size_t i = 0; i < s->relation_count; i++) {
    const pgr_mention *m = &s->relations[i];
    assert_true(m->locks + m->inserts + m->updates <= m->writes && (m->set_count > 0) == m->updates);
    pgr_buf_addf(out, " %s%s%s%s", m->schema ? m->schema : "", m->schema ? "." : "", m->name,
                 m->locks     ? "?"
                 : m->inserts ? "+"
                 : m->updates ? "="
                 : m->writes  ? "!"
                              : "");
    for (size_t k = 0; k < m->set_count; k++)
      pgr_buf_addf(out, "%s%s", k ? "," : "", m->sets[k]);
  }
  for (size_t i = 0; i < s->function_count; i++)
    pgr_buf_addf(out, " %s()", s->functions[i]);
  for (size_t i = 0; i < s->cte_count; i++)
    pgr_buf_addf(out, " with %s", s->ctes[i]);
}

typedef struct example {
  const char *sql, *expected;
} example;

static void check(const example *examples, size_t count) {
  for (size_t i = 0; i < count; i++) {
    pgr_arena arena = {0};
    pgr_study s;
    pgr_buf line;
    pgr_buf_init(&line, 0);
    assert_int_equal(pgr_study_sql(examples[i].sql, &arena, &s), PGR_OK);
    write_down(&s, &line);
    if (strcmp(pgr_buf_text(&line), examples[i].expected) != 0)
      fail_msg("%s\n is   %s\n not  %s", examples[i].sql, pgr_buf_text(&line), examples[i].expected);
    pgr_buf_deinit(&line);
    pgr_arena_deinit(&arena);
  }
}

#define CHECK(examples) check(examples, sizeof(examples) / sizeof *(examples))

static void queries(void **state) {
  (void)state;
  static const example examples[] = {
      {"SELECT 1", "query"},
      {"SELECT $1::int + $2", "query"},
      {"select * from jobs;", "query jobs"},
      {"TABLE jobs", "query jobs"},
      {"VALUES (1), ((SELECT max(id) FROM jobs))", "query jobs max()"},
      {"SELECT * FROM ONLY app.\"Jobs\" j, Queues", "query app.Jobs queues"},
      {"SELECT a FROM t LEFT JOIN (u CROSS JOIN v) ON f(t.a) WHERE EXISTS (SELECT FROM w)", "query t u v w f()"},
      {"SELECT (SELECT x FROM a) FROM b GROUP BY (SELECT y FROM c) HAVING g(1) ORDER BY (SELECT z FROM d) "
       "LIMIT (SELECT 1 FROM e)",
       "query a b c d e g()"},
      {"SELECT 1 FROM a UNION (SELECT 2 FROM b EXCEPT SELECT 3 FROM c)", "query a b c"},
      {"SELECT * FROM app.f(1), ROWS FROM (g(2), h(3)), LATERAL (SELECT * FROM t) x", "query t f() g() h()"},
      {"SELECT count(*) FILTER (WHERE f(a)) OVER (PARTITION BY g(b)) FROM t TABLESAMPLE system (h(1))",
       "query t count() f() g() h()"},
      {"SELECT extract(year FROM now()), substring('a' FROM 1 FOR 2), 'a' LIKE 'b' ESCAPE 'c', current_timestamp",
       "query extract() now() substring() like_escape()"},
      {"SELECT * FROM xmltable('/a' PASSING (SELECT x FROM t) COLUMNS c int DEFAULT f())", "query t f()"},
      {"INSERT INTO t VALUES (1)", "query t+"},
      {"INSERT INTO t AS x (a) SELECT b FROM u ON CONFLICT (a) DO UPDATE SET a = (SELECT c FROM v) WHERE f(x.a) "
       "RETURNING (SELECT d FROM w)",
       "query t! u v w f()"},
      {"INSERT INTO t DEFAULT VALUES", "query t+"},
      {"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "query t!"},
      {"INSERT INTO t OVERRIDING SYSTEM VALUE SELECT * FROM t", "query t+ t"},
      {"UPDATE t SET (a, b) = (SELECT 1, 2 FROM u) FROM v WHERE t.a = v.a", "query t=a,b u u v"},
      {"UPDATE t SET a = 1 WHERE CURRENT OF c", "query t=a"},
      {"UPDATE ONLY t AS x SET \"B\" = 1, c[1] = 2, d.e = DEFAULT, (f, g) = ROW (1, 2) FROM t RETURNING h",
       "query t=B,c,d,f,g t"},
      {"WITH x AS (UPDATE t SET a = 1) UPDATE u SET b = 2", "query u=b t=a with x"},
      {"DELETE FROM app.t USING u WHERE f(t.a)", "query app.t! u f()"},
      {"MERGE INTO t USING (SELECT * FROM u) s ON t.a = s.a WHEN MATCHED AND EXISTS (SELECT FROM v) THEN UPDATE SET a "
       "= f(1) WHEN NOT MATCHED THEN INSERT VALUES (1)",
       "query t! u v f()"},
      {"WITH x AS (DELETE FROM t RETURNING *), y (z) AS MATERIALIZED (SELECT FROM u) SELECT * FROM x, y",
       "query x y t! u with x with y"},
      {"WITH RECURSIVE x AS (SELECT 1 UNION SELECT * FROM x) INSERT INTO t SELECT * FROM x", "query t+ x x with x"},
      {"SELECT t.f, (t).g, 'nextval(''s'')' FROM t -- u", "query t"},
  };
  CHECK(examples);
}

static void locking_queries(void **state) {
  (void)state;
  static const example examples[] = {
      {"SELECT * FROM t FOR UPDATE", "query t?"},
      {"SELECT * FROM t FOR KEY SHARE SKIP LOCKED", "query t?"},
      {"SELECT (SELECT 1 FROM u) FROM a, b JOIN c ON (SELECT true FROM d) WHERE EXISTS (SELECT FROM e) FOR SHARE",
       "query u a? b? c? d? e"},
      {"SELECT * FROM a, b x, c y FOR UPDATE OF x NOWAIT", "query a b? c"},
      {"SELECT * FROM a, b FOR UPDATE OF a FOR SHARE OF b", "query a? b?"},
      {"SELECT * FROM a, b FOR UPDATE OF a FOR SHARE", "query a? b?"},
      {"SELECT * FROM a JOIN (b JOIN c ON true) ON EXISTS (SELECT FROM d) FOR UPDATE OF c", "query a b c? d"},
      {"SELECT * FROM a, (SELECT * FROM b) x FOR UPDATE OF x", "query a b?"},
      {"SELECT * FROM a, (SELECT * FROM b) x FOR UPDATE OF a", "query a? b"},
      {"SELECT * FROM a, (SELECT * FROM b, c FOR UPDATE OF c) x", "query a b c?"},
      {"SELECT * FROM a TABLESAMPLE system (1), b FOR UPDATE OF a", "query a? b"},
      {"SELECT * FROM a, b FOR UPDATE OF nobody", "query a b a? b?"},
      {"(SELECT 1 FROM a FOR UPDATE) UNION SELECT 2 FROM b", "query a? b"},
      {"WITH x AS (SELECT * FROM a) SELECT * FROM x, b FOR UPDATE", "query x? b? a with x"},
      {"UPDATE t SET a = 1 WHERE id = (SELECT id FROM t WHERE b FOR UPDATE SKIP LOCKED LIMIT 1)", "query t=a t?"},
      {"INSERT INTO t SELECT * FROM u FOR UPDATE", "query t+ u?"},
  };
  CHECK(examples);
}

static void transactions(void **state) {
  (void)state;
  static const example examples[] = {
      {"BEGIN", "begin"},
      {"START TRANSACTION READ ONLY", "begin"},
      {"BEGIN ISOLATION LEVEL SERIALIZABLE, READ WRITE", "begin at ser"},
      {"BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ", "begin at rr"},
      {"BEGIN ISOLATION LEVEL READ UNCOMMITTED", "begin at rc"},
      {"BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE", "other at ser"},
      {"COMMIT", "commit"},
      {"END WORK", "commit"},
      {"COMMIT AND NO CHAIN", "commit"},
      {"COMMIT AND CHAIN", "other"},
      {"ROLLBACK", "rollback"},
      {"ABORT", "rollback"},
      {"ROLLBACK AND CHAIN", "other"},
      {"SAVEPOINT a", "savepoint"},
      {"RELEASE SAVEPOINT a", "savepoint"},
      {"ROLLBACK TO a", "rollback to"},
      {"PREPARE TRANSACTION 'x'", "other"},
      {"COMMIT PREPARED 'x'", "other"},
      {"ROLLBACK PREPARED 'x'", "other"},
      {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "setting at ser"},
      {"SET TRANSACTION READ ONLY", "setting"},
      {"SET TRANSACTION DEFERRABLE", "other"},
      {"SET TRANSACTION SNAPSHOT '1'", "other"},
      {"SET transaction_isolation = 'Repeatable Read'", "other at rr"},
      {"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE", "other"},
      {"SET LOCAL default_transaction_isolation = 'serializable'", "other"},
      {"SET \"Default_Transaction_Isolation\" = 'serializable'", "other"},
      {"RESET default_transaction_isolation", "other"},
      {"RESET ALL", "other"},
      {"RESET lock_timeout", "setting"},
      {"SET LOCAL lock_timeout = '1s'", "setting"},
      {"SET TIME ZONE 'UTC'", "setting"},
      {"SHOW transaction_isolation", "setting"},
      {"", "setting"},
      {" ; -- nothing", "setting"},
  };
  CHECK(examples);
}

static void others(void **state) {
  (void)state;
  static const example examples[] = {
      {"SELECT 1; SELECT 2", "other"},
      {"BEGIN; SELECT * FROM t", "other"},
      {"SELECT * INTO t FROM u", "other"},
      {"SELECT 1 INTO t UNION SELECT 2", "other"},
      {"CREATE TABLE t AS SELECT 1", "other"},
      {"CREATE TABLE t (a int)", "other"},
      {"LOCK t", "other"},
      {"TRUNCATE t", "other"},
      {"NOTIFY x", "other"},
      {"LISTEN x", "other"},
      {"COPY t FROM STDIN", "other"},
      {"DO 'BEGIN END'", "other"},
      {"CALL p()", "other"},
      {"PREPARE x AS SELECT 1", "other"},
      {"EXECUTE x", "other"},
      {"EXPLAIN SELECT * FROM t", "other"},
      {"DECLARE c CURSOR FOR SELECT 1", "other"},
      {"FETCH c", "other"},
      {"REFRESH MATERIALIZED VIEW v", "other"},
      {"SET CONSTRAINTS ALL IMMEDIATE", "other"},
      {"DISCARD ALL", "other"},
      {"VACUUM", "other"},
      {"SELEKT", "other"},
      {"SELECT * FROM t WHERE a = :key", "other"},
      {"SELECT '\xE9'", "other"},
  };
  CHECK(examples);
}

/* A text of `count` times `piece`, between two others. */
static pgr_study study_repeated(const char *before, const char *piece, size_t count, const char *after) {
  pgr_arena arena = {0};
  pgr_study s;
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_buf_adds(&text, before);
  for (size_t i = 0; i < count; i++)
    pgr_buf_adds(&text, piece);
  pgr_buf_adds(&text, after);
  assert_int_equal(pgr_study_sql(pgr_buf_text(&text), &arena, &s), PGR_OK);
  pgr_buf_deinit(&text);
  pgr_arena_deinit(&arena);
  return s;
}

static void too_much(void **state) {
  (void)state;
  assert_int_equal(study_repeated("SELECT 1", ",1", 4000, "").class, PGR_STATEMENT_QUERY);
  assert_int_equal(study_repeated("SELECT 1", ",1", PGR_STUDY_BYTES_MAX / 2, "").class, PGR_STATEMENT_OTHER);
  assert_int_equal(study_repeated("SELECT ", " ", PGR_STUDY_BYTES_MAX - 8, "1").class, PGR_STATEMENT_QUERY);
  assert_int_equal(study_repeated("SELECT ", " ", PGR_STUDY_BYTES_MAX - 7, "1").class, PGR_STATEMENT_OTHER);
  assert_int_equal(study_repeated("SELECT 1", "+1", 100, "").class, PGR_STATEMENT_QUERY);
  /* As deep as their length allows. */
  assert_int_equal(study_repeated("SELECT 1", "+1", 8000, "").class, PGR_STATEMENT_OTHER);
  assert_int_equal(study_repeated("SELECT ", "- ", 8000, "a").class, PGR_STATEMENT_OTHER);
  assert_int_equal(study_repeated("SELECT ", "NOT ", 4000, "true").class, PGR_STATEMENT_OTHER);
  assert_int_equal(study_repeated("SELECT ARRAY", "[", 8000, "").class, PGR_STATEMENT_OTHER);
  /* The SELECT is in the tree once for each column. */
  assert_int_equal(study_repeated("UPDATE t SET (a", ",a", 20, ") = (SELECT 1)").class, PGR_STATEMENT_QUERY);
  assert_int_equal(study_repeated("UPDATE t SET (a", ",a", 6000, ")/**/= (SELECT 1)").class, PGR_STATEMENT_OTHER);
  assert_int_equal(study_repeated("", "WITH x AS (UPDATE t SET (a, b) = (", 300, "SELECT 1").class,
                   PGR_STATEMENT_OTHER);
  assert_int_equal(study_repeated("", "(", 16000, "").class, PGR_STATEMENT_OTHER);
  assert_int_equal(study_repeated("SELECT 1", " UNION SELECT 1", 1000, "").class, PGR_STATEMENT_QUERY);
}

static void no_memory_is_told(void **state) {
  (void)state;
  for (unsigned long nth = 1;; nth++) {
    pgr_arena arena = {0};
    pgr_study s;
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_study_sql("WITH x AS (SELECT f(1) FROM s.t) SELECT * FROM x", &arena, &s);
    pgr_mem_fail_nth(0);
    pgr_arena_deinit(&arena);
    if (code == PGR_OK) {
      assert_true(nth > 1);
      break;
    }
    assert_int_equal(code, PGR_ENOMEM);
  }
}

static void words(void **state) {
  (void)state;
#define SIXTY "a23456789b23456789c23456789d23456789e23456789f23456789"
  static const example examples[] = {
      {"", ""},
      {"INSERT into Jobs (a_1, b2)", "insert into jobs a_1 b2"},
      {"app.\"My \"\"Jobs\"\"\"", "app,My \"Jobs\",my,Jobs\",jobs"},
      {"'it says \"x' || jobs || \"Y\"", "it,says,x' || jobs || ,x,jobs,Y,y"},
      {"\"", ""},
      {"\"\"", ""},
      {"\"a", "a"},
      {"f$1 $2 $x$jobs$x$", "f$1,f,x$jobs$x$,x,jobs$x$,jobs,x$,x"},
      {"1e5 0x1f a\xC3\xA9\x62", "e5 x1f a\xC3\xA9\x62"},
      {SIXTY "123456789012", SIXTY "123456789"},
      {SIXTY "12345678\xC3\xA9z", SIXTY "12345678"},
      {"\"" SIXTY "12345678\xC3\xA9z\"", SIXTY "12345678," SIXTY "12345678"},
      {"(u&\"x\")", "u,x,x,unclear"},
      {"U&\"d\\0061t\"", "u,d\\0061t,d,t,unclear"},
      {"u & \"x\"", "u,x,x"},
  };
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    pgr_buf line;
    pgr_buf_init(&line, 0);
    char separator = strchr(examples[i].expected, ',') ? ',' : ' ';
    pgr_words w = {.at = examples[i].sql};
    while (pgr_words_next(&w))
      pgr_buf_addf(&line, "%s%c", w.word, separator);
    if (w.unclear) pgr_buf_addf(&line, "unclear%c", separator);
    size_t len = strlen(examples[i].expected);
    if (strncmp(pgr_buf_text(&line), examples[i].expected, len) != 0 || line.len != len + (len > 0))
      fail_msg("%s\n is   %s\n not  %s", examples[i].sql, pgr_buf_text(&line), examples[i].expected);
    pgr_buf_deinit(&line);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(queries), cmocka_unit_test(locking_queries), cmocka_unit_test(transactions),
      cmocka_unit_test(others),  cmocka_unit_test(too_much),        cmocka_unit_test(no_memory_is_told),
      cmocka_unit_test(words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
