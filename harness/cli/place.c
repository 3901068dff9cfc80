/* Where a command works. On a user's server the one thing we may touch is the database that we made. */
#include "place.h"

#include "pgr_clock.h"
#include "pgr_random.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { DROP_TRIES = 30 };

static pgr_code create_database(pgr_place *p, pgr_err *err) {
  char name[40], sql[120];
  pgr_db *maintenance = NULL;
  snprintf(name, sizeof name, "pgrace_%016llx", (unsigned long long)pgr_random_entropy());
  pgr_code code = pgr_db_connect(p->target, &maintenance, err);
  if (code) return code;
  /* On the throw-away server nothing else is worth logging, and copying the files is several times faster. */
  bool copy = p->copies && PQserverVersion(pgr_db_raw(maintenance)) >= 150000;
  snprintf(sql, sizeof sql, "CREATE DATABASE %s%s", name, copy ? " STRATEGY file_copy" : "");
  pgr_err reason;
  snprintf(p->maintenance, sizeof p->maintenance, "%s", PQdb(pgr_db_raw(maintenance)));
  code = pgr_target_pin(p->target, pgr_db_raw(maintenance), err);
  if (code) goto done;
  code = pgr_db_exec(maintenance, sql, &reason);
  if (code == PGR_EDATABASE && strcmp(pgr_db_sqlstate(maintenance), "42501") == 0)
    pgr_fail(err, code, "cannot create a database on %s: %s; let an administrator run: ALTER ROLE %s CREATEDB",
             pgr_target_describe(p->target), reason.msg, PQuser(pgr_db_raw(maintenance)));
  else if (code)
    pgr_fail(err, code, "cannot create a database on %s: %s", pgr_target_describe(p->target), reason.msg);
  /* An interrupt, or the loss of the connection, may have come after the server was done: then there is something to
   * drop. */
  bool lost = code == PGR_EDATABASE && !*pgr_db_sqlstate(maintenance);
  if (!code || code == PGR_EINTERRUPTED || lost) memcpy(p->created, name, sizeof name);
done:
  pgr_db_close(maintenance);
  return code;
}

static pgr_code drop_database(pgr_place *p, pgr_err *err) {
  char sql[80];
  pgr_db *maintenance = NULL;
  pgr_err reason;
  pgr_code code = pgr_target_set(p->target, "dbname", p->maintenance, &reason);
  if (!code) code = pgr_db_connect_for_cleanup(p->target, &maintenance, &reason);
  if (!code) {
    bool can_force = PQserverVersion(pgr_db_raw(maintenance)) >= 130000;
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s%s", p->created, can_force ? " WITH (FORCE)" : "");
    code = pgr_db_exec(maintenance, sql, &reason);
    /* FORCE also ends autovacuum's worker, if one is there just now, and only a superuser may do that. It goes by
     * itself when somebody wants the lock that dropping takes. */
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s", p->created);
    for (int i = 0; code == PGR_EDATABASE && *pgr_db_sqlstate(maintenance) && i < DROP_TRIES; i++) {
      pgr_sleep_until(pgr_now_ns() + 100 * PGR_NS_PER_MS);
      code = pgr_db_exec(maintenance, sql, &reason);
    }
  }
  pgr_db_close(maintenance);
  if (code)
    return pgr_fail(err, PGR_EDATABASE, "could not drop the database %s on %s: %s; drop it by hand", p->created,
                    pgr_target_describe(p->target), reason.msg);
  return PGR_OK;
}

/* Slots that are neither taken nor reserved; our own connection is counted as taken. Not from pg_stat_activity, which
 * hides from an ordinary role what other people's sessions are. */
static pgr_code check_slots(pgr_place *p, int connections, const char *fewer, pgr_err *err) {
  int64_t slots = 0, most = 0;
  pgr_code code = pgr_db_query_int(p->db,
                                   "SELECT current_setting('max_connections')::bigint"
                                   " - current_setting('superuser_reserved_connections')::bigint"
                                   " - coalesce(current_setting('reserved_connections', true)::bigint, 0)"
                                   " - (SELECT sum(numbackends)::bigint FROM pg_stat_database)",
                                   &slots, err);
  if (!code) code = pgr_db_query_int(p->db, "SELECT current_setting('max_connections')::bigint", &most, err);
  if (code || slots >= connections) return code;
  if (slots <= 0)
    return pgr_fail(err, PGR_EDATABASE,
                    "the server has none of its %lld connections free: end some, or raise its max_connections",
                    (long long)most);
  if (fewer)
    return pgr_fail(err, PGR_EDATABASE,
                    "the server has %lld of its %lld connections free, this run wants %d: use fewer %s",
                    (long long)slots, (long long)most, connections, fewer);
  return pgr_fail(err, PGR_EDATABASE,
                  "the server has %lld of its %lld connections free, this run wants %d: use --connections %lld",
                  (long long)slots, (long long)most, connections, (long long)slots);
}

static pgr_code learn(pgr_place *p, pgr_err *err) {
  char version[64];
  pgr_code code = pgr_db_query_text(p->db, "SHOW server_version", version, sizeof version, err);
  if (code) return code;
  snprintf(p->version, sizeof p->version, "%.*s", (int)strcspn(version, " "), version);
  return pgr_db_query_text(p->db,
                           "SELECT pg_catalog.string_agg(pg_catalog.concat(name, '=', setting), ' ' ORDER BY name)"
                           " FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) ANY"
                           " ('{fsync,synchronous_commit,full_page_writes,max_connections}'::pg_catalog.text[])",
                           p->settings, sizeof p->settings, err);
}

pgr_code pgr_place_raise_descriptors(int64_t connections, int64_t threads, pgr_err *err) {
  enum { EACH_LOOP = 8, OURS = 256 };
  struct rlimit limit;
  rlim_t need = (rlim_t)(connections + threads * EACH_LOOP + OURS);
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= need) return PGR_OK;
  limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
  if (limit.rlim_cur < need || setrlimit(RLIMIT_NOFILE, &limit))
    return pgr_fail(err, PGR_EENVIRONMENT,
                    "%lld connections on %lld threads need %lld open files, the limit is %lld: raise ulimit -n",
                    (long long)connections, (long long)threads, (long long)need, (long long)limit.rlim_max);
  return PGR_OK;
}

pgr_code pgr_place_beside(pgr_place *p, const pgr_place *first, pgr_err *err) {
  *p = (pgr_place){.beside = true, .copies = first->server != NULL};
  pgr_code code = pgr_target_clone(first->target, &p->target, err);
  if (!code && *first->created) code = pgr_target_set(p->target, "dbname", first->maintenance, err);
  if (!code) code = create_database(p, err);
  if (!code) code = pgr_target_set(p->target, "dbname", p->created, err);
  if (!code) code = pgr_db_connect(p->target, &p->db, err);
  if (!code) return PGR_OK;
  pgr_err ignored;
  if (pgr_place_close(p, &ignored)) fprintf(stderr, "pgrace: %s\n", ignored.msg);
  return code;
}

pgr_code pgr_place_open(pgr_place *p, const pgr_place_options *o, pgr_err *err) {
  *p = (pgr_place){0};
  pgr_code code;
  if (o->dsn) {
    code = pgr_target_parse(o->dsn, &p->target, err);
    if (!code && !o->as_is) code = create_database(p, err);
    if (!code && !o->as_is) code = pgr_target_set(p->target, "dbname", p->created, err);
  } else {
    pgr_server_options options = {.max_connections = o->connections + 1, .durable = o->durable, .still = o->still};
    code = pgr_server_start(&options, &p->server, err);
    if (!code)
      code = pgr_target_private(pgr_server_socket_dir(p->server), pgr_server_port(p->server),
                                pgr_server_user(p->server), &p->target, err);
    if (!code) p->in_memory = pgr_server_in_memory(p->server);
    p->copies = true;
  }
  if (!code) code = pgr_db_connect(p->target, &p->db, err);
  if (!code) code = check_slots(p, o->connections, o->fewer, err);
  if (!code) code = learn(p, err);
  if (!code) return PGR_OK;
  pgr_err ignored;
  pgr_code closed = pgr_place_close(p, &ignored);
  if (closed) fprintf(stderr, "pgrace: %s\n", ignored.msg);
  return code;
}

pgr_code pgr_place_renew(pgr_place *p, pgr_err *err) {
  pgr_db_close(p->db);
  p->db = NULL;
  pgr_code code = *p->created ? drop_database(p, err) : PGR_OK;
  if (code) return code;
  memset(p->created, 0, sizeof p->created);
  code = create_database(p, err);
  if (!code) code = pgr_target_set(p->target, "dbname", p->created, err);
  return code ? code : pgr_db_connect(p->target, &p->db, err);
}

pgr_code pgr_place_check(pgr_place *p, pgr_err *err) {
  if (!p->server || pgr_server_alive(p->server)) return PGR_OK;
  char complaint[300];
  pgr_server_last_complaint(p->server, complaint, sizeof complaint);
  return pgr_fail(err, PGR_EDATABASE, "the private PostgreSQL ended in the middle of the run%s%s",
                  *complaint ? ": " : "", complaint);
}

pgr_code pgr_place_close(pgr_place *p, pgr_err *err) {
  pgr_code code = PGR_OK;
  pgr_db_close(p->db);
  if (*p->created && !p->server) code = drop_database(p, err);
  if (p->copies) code = PGR_OK; /* it goes with its server, if that has not gone before */
  pgr_server_stop(p->server);
  pgr_target_destroy(p->target);
  *p = (pgr_place){0};
  return code;
}
