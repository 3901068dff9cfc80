/* Where a command works: what it asks of a server whose databases have a search path that lies. */
#include "pgr_live.h"

#include "place.h"
#include <string.h>

static void exec(fixture *f, const char *sql) {
  pgr_err err;
  must(pgr_db_exec(f->db, sql, &err), &err);
}

/* Operators of somebody's, which the database's search path names first. */
static void settings_and_a_search_path_that_lies(void **state) {
  fixture *f = *state;
  static const char *const types[] = {"text, text", "name, name"};
  char dsn[1024];
  pgr_place p;
  pgr_err err;
  exec(f, "CREATE SCHEMA evil; CREATE FUNCTION evil.no(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE "
          "'evil'; END $$; CREATE FUNCTION evil.no(name, name) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil'; "
          "END $$; CREATE FUNCTION evil.concatenate(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'evil' $$;"
          "CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.concatenate)");
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    char sql[128];
    snprintf(sql, sizeof sql, "CREATE OPERATOR evil.= (LEFTARG = %.4s, RIGHTARG = %.4s, FUNCTION = evil.no)", types[i],
             types[i]);
    exec(f, sql);
  }
  snprintf(dsn, sizeof dsn,
           "host=%s port=%d user=%s dbname=postgres options='-c search_path=evil,pg_catalog -c synchronous_commit=off'",
           pgr_server_socket_dir(f->server), pgr_server_port(f->server), pgr_server_user(f->server));
  must(pgr_place_open(&p, &(pgr_place_options){.dsn = dsn, .as_is = true}, &err), &err);
  static const char *const parts[] = {"fsync=o", " full_page_writes=o", " max_connections=", " synchronous_commit=off"};
  const char *at = p.settings;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    at = strstr(at, parts[i]);
    if (!at) fail_msg("%s is not, or not in its place, in \"%s\"", parts[i], p.settings);
  }
  must(pgr_place_close(&p, &err), &err);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(settings_and_a_search_path_that_lies)};
  return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
