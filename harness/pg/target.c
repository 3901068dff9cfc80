/* Connection settings. libpq's parser does the parsing; what is ours is that nothing it complains about can show a
 * password: it quotes the text it could not read, which may be a piece of one. */
#include "pgr_target.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include "pgr_units.h"
#include "pgr_utf8.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pgr_target {
  char **keywords, **values; /* count + 1 each, NULL-ended */
  size_t count;
  char description[256];
};

static const char *get(const pgr_target *t, const char *keyword) {
  for (size_t i = 0; i < t->count; i++)
    if (strcmp(t->keywords[i], keyword) == 0) return t->values[i];
  return NULL;
}

static void describe(pgr_target *t) {
  char text[512];
  const char *host = get(t, "host"), *port = get(t, "port"), *user = get(t, "user");
  snprintf(text, sizeof text, "%s%s%s%s%s", host ? host : "the default host", port ? ":" : "", port ? port : "",
           user ? ", user " : "", user ? user : "");
  pgr_utf8_copy(t->description, sizeof t->description, text);
}

pgr_code pgr_target_set(pgr_target *t, const char *keyword, const char *value, pgr_err *err) {
  char *copy = pgr_strdup(value);
  if (!copy) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; i < t->count; i++) {
    if (strcmp(t->keywords[i], keyword) != 0) continue;
    pgr_free(t->values[i]);
    t->values[i] = copy;
    describe(t);
    return PGR_OK;
  }
  char *name = pgr_strdup(keyword);
  char **keywords = name ? pgr_realloc(t->keywords, t->count + 2, sizeof *keywords) : NULL;
  if (keywords) t->keywords = keywords;
  char **values = keywords ? pgr_realloc(t->values, t->count + 2, sizeof *values) : NULL;
  if (!values) {
    pgr_free(name);
    pgr_free(copy);
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  t->values = values;
  t->keywords[t->count] = name;
  t->values[t->count] = copy;
  t->count++;
  t->keywords[t->count] = t->values[t->count] = NULL;
  describe(t);
  return PGR_OK;
}

/* Cuts before what libpq quotes, but for the "=" it asks for. */
static void cut_quoted(char *message) {
  static const char missing[] = "missing \"=\" after ";
  char *rest = strncmp(message, missing, sizeof missing - 1) == 0 ? message + sizeof missing - 1 : message;
  rest[strcspn(rest, "\"")] = '\0';
  for (size_t len = strlen(message); len > 0 && strchr(" :\n", message[len - 1]); len--)
    message[len - 1] = '\0';
}

/* An unescaped '@' or '/' in a URI's password moves the rest of it into the host, the port or the database name, and
 * from there into error messages. */
static bool uri_is_ambiguous(const char *dsn) {
  const char *authority = strstr(dsn, "://");
  if (!authority || (strncmp(dsn, "postgresql:", 11) != 0 && strncmp(dsn, "postgres:", 9) != 0)) return false;
  authority += 3;
  size_t before_query = strcspn(authority, "?"), len = strcspn(authority, "/?");
  int ats = 0, ats_in_authority = 0;
  for (size_t i = 0; i < before_query; i++) {
    ats += authority[i] == '@';
    ats_in_authority += authority[i] == '@' && i < len;
  }
  return ats > 1 || ats != ats_in_authority;
}

static pgr_code parse(const char *dsn, PQconninfoOption **options, pgr_err *err) {
  if (uri_is_ambiguous(dsn))
    return pgr_fail(err, PGR_EUSAGE,
                    "--dsn: cannot tell where the host begins; write '@' as %%40 and '/' as %%2F in user, password and "
                    "database");
  char *message = NULL;
  *options = PQconninfoParse(dsn, &message);
  if (*options) return PGR_OK;
  if (!message) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  cut_quoted(message);
  pgr_fail(err, PGR_EUSAGE, "--dsn: not a connection string: %s … (the rest is not shown: it may hold a password)",
           message);
  PQfreemem(message);
  return PGR_EUSAGE;
}

pgr_code pgr_target_parse(const char *dsn, pgr_target **out, pgr_err *err) {
  PQconninfoOption *options = NULL;
  pgr_code code = parse(dsn, &options, err);
  if (code) return code;
  pgr_target *t = pgr_calloc(1, sizeof *t);
  if (!t) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (!code) code = pgr_target_set(t, "application_name", "pgrace", err);
  for (PQconninfoOption *o = options; !code && o && o->keyword; o++) {
    if (!o->val) continue;
    if (strcmp(o->keyword, "port") == 0 && strspn(o->val, "0123456789,") != strlen(o->val))
      code = pgr_fail(err, PGR_EUSAGE,
                      "--dsn: the port is not a number; special characters in a password need %%-escapes");
    else
      code = pgr_target_set(t, o->keyword, o->val, err);
  }
  if (!code) code = pgr_target_set(t, "client_encoding", "UTF8", err);
  PQconninfoFree(options);
  if (code)
    pgr_target_destroy(t);
  else
    *out = t;
  return code;
}

pgr_code pgr_target_clone(const pgr_target *t, pgr_target **out, pgr_err *err) {
  pgr_target *copy = pgr_calloc(1, sizeof *copy);
  pgr_code code = copy ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; !code && i < t->count; i++)
    code = pgr_target_set(copy, t->keywords[i], t->values[i], err);
  if (code)
    pgr_target_destroy(copy);
  else
    *out = copy;
  return code;
}

static void clear_environment(void) {
  PQconninfoOption *options = PQconndefaults();
  for (PQconninfoOption *o = options; o && o->keyword; o++)
    if (o->envvar && strcmp(o->envvar, "PGOPTIONS") != 0) unsetenv(o->envvar);
  PQconninfoFree(options);
}

pgr_code pgr_target_private(const char *socket_dir, int port, const char *user, pgr_target **out, pgr_err *err) {
  clear_environment();
  char port_text[16];
  snprintf(port_text, sizeof port_text, "%d", port);
  pgr_target *t = pgr_calloc(1, sizeof *t);
  pgr_code code = t ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (!code) code = pgr_target_set(t, "host", socket_dir, err);
  if (!code) code = pgr_target_set(t, "port", port_text, err);
  if (!code) code = pgr_target_set(t, "user", user, err);
  if (!code) code = pgr_target_set(t, "dbname", "postgres", err);
  if (!code) code = pgr_target_set(t, "application_name", "pgrace", err);
  if (!code) code = pgr_target_set(t, "client_encoding", "UTF8", err);
  if (code)
    pgr_target_destroy(t);
  else
    *out = t;
  return code;
}

int64_t pgr_connect_limit_ns(PGconn *conn) {
  int64_t limit_s = 10;
  PQconninfoOption *options = PQconninfo(conn);
  for (PQconninfoOption *o = options; o && o->keyword; o++)
    if (strcmp(o->keyword, "connect_timeout") == 0 && o->val && *o->val &&
        pgr_parse_int(o->val, o->keyword, INT32_MIN, INT32_MAX, &limit_s, NULL))
      limit_s = 10;
  PQconninfoFree(options);
  if (limit_s == 1) limit_s = 2; /* as libpq does */
  return limit_s > 0 ? limit_s * PGR_NS_PER_S : 0;
}

pgr_code pgr_target_pin(pgr_target *t, const PGconn *conn, pgr_err *err) {
  const char *host = PQhost(conn), *address = PQhostaddr(conn), *port = PQport(conn);
  pgr_code code = PGR_OK;
  if (host && *host) code = pgr_target_set(t, "host", host, err);
  if (!code && address && *address) code = pgr_target_set(t, "hostaddr", address, err);
  if (!code && port && *port) code = pgr_target_set(t, "port", port, err);
  if (!code) code = pgr_target_set(t, "user", PQuser(conn), err);
  return code;
}

const char *const *pgr_target_keywords(const pgr_target *t) {
  return (const char *const *)t->keywords;
}

const char *const *pgr_target_values(const pgr_target *t) {
  return (const char *const *)t->values;
}

const char *pgr_target_describe(const pgr_target *t) {
  return t->description;
}

void pgr_target_destroy(pgr_target *t) {
  if (!t) return;
  for (size_t i = 0; i < t->count; i++) {
    pgr_free(t->keywords[i]);
    pgr_free(t->values[i]);
  }
  pgr_free(t->keywords);
  pgr_free(t->values);
  pgr_free(t);
}
