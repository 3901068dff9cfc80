/* Who may: addresses that work once, sessions, and by which names a browser may call this server. Secrets are compared
 * in constant time, all of them, so that no answer's time tells how near a guess was. */
#include "http_internal.h"

#include "pgr_clock.h"
#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

_Static_assert((int)PGR_HTTP_SESSIONS_MAX > (int)PGR_HTTP_VIEWERS_MAX, "one without a stream can always be put out");

enum { HTTP_PORT = 80 }; /* the one that browsers do not write */

bool pgr__door_random(char *out, int hex_chars) {
  unsigned char bytes[PGR__TOKEN_CHARS / 2];
  out[0] = '\0';
  if (RAND_bytes(bytes, hex_chars / 2) != 1) return false;
  for (int i = 0; i < hex_chars / 2; i++)
    snprintf(out + (size_t)2 * i, 3, "%02x", bytes[i]);
  return true;
}

static bool same(const char *secret, const char *said) {
  return strlen(said) == PGR__TOKEN_CHARS && CRYPTO_memcmp(secret, said, PGR__TOKEN_CHARS) == 0;
}

/* ---- names ---- */

/* false: text is no numeric address. */
static bool read_address(const char *text, int family, struct in6_addr *out) {
  memset(out, 0, sizeof *out);
  return inet_pton(family, text, out) == 1;
}

pgr_code pgr__door_init(pgr__door *d, const char *address, pgr_err *err) {
  static const struct in6_addr none = {0};
  *d = (pgr__door){.family = strchr(address, ':') ? AF_INET6 : AF_INET};
  if (!read_address(address, d->family, &d->address))
    return pgr_fail(err, PGR_EUSAGE, "'%.64s' is no numeric address: write one like 127.0.0.1 or ::1", address);
  d->any = memcmp(&d->address, &none, sizeof none) == 0;
  d->loopback = d->family == AF_INET ? d->address.s6_addr[0] == IN_LOOPBACKNET
                                     : memcmp(&d->address, &in6addr_loopback, sizeof in6addr_loopback) == 0;
  return PGR_OK;
}

void pgr__door_set_port(pgr__door *d, uint16_t port) {
  d->port = port;
  snprintf(d->cookie_name, sizeof d->cookie_name, "pgrace_demo_%u", port);
}

void pgr__door_name(const pgr__door *d, pgr_buf *out) {
  char text[INET6_ADDRSTRLEN];
  bool six = d->family == AF_INET6;
  if (d->any)
    snprintf(text, sizeof text, "%s", six ? "::1" : "127.0.0.1");
  else
    inet_ntop(d->family, &d->address, text, sizeof text);
  pgr_buf_addf(out, six ? "[%s]:%u" : "%s:%u", text, d->port);
}

/* Cuts the port off host. false: it is not this server's. */
static bool cut_port(const pgr__door *d, char *host) {
  char *colon = strrchr(host, ':'), own[8];
  if (!colon || strchr(colon, ']')) return d->port == HTTP_PORT;
  snprintf(own, sizeof own, "%u", d->port);
  *colon = '\0';
  return strcmp(colon + 1, own) == 0;
}

/* A page of another site may have its name resolve to this machine, and its script then asks here as if at home. Its
 * Host says so: a name that is not ours. No such name is numeric: where every address of the machine is listened on,
 * each of them will do. */
bool pgr__door_is_host(const pgr__door *d, const char *host) {
  char name[80];
  if (strlen(host) >= sizeof name) return false;
  snprintf(name, sizeof name, "%s", host);
  if (!cut_port(d, name)) return false;
  if (strcasecmp(name, "localhost") == 0) return d->any || d->loopback;
  size_t length = strlen(name);
  bool six = name[0] == '[' && length > 1 && name[length - 1] == ']';
  if (six) name[length - 1] = '\0';
  struct in6_addr address;
  int family = six ? AF_INET6 : AF_INET;
  if (!read_address(six ? name + 1 : name, family, &address)) return false;
  return d->any || (family == d->family && memcmp(&address, &d->address, sizeof address) == 0);
}

bool pgr__door_is_origin(const char *host, const char *origin) {
  static const char scheme[] = "http://";
  return strncasecmp(origin, scheme, sizeof scheme - 1) == 0 && strcasecmp(origin + sizeof scheme - 1, host) == 0;
}

/* ---- links and sessions ---- */

static void forget_link(pgr__door *d, int i) {
  d->link_count--;
  memmove(d->links[i], d->links[i + 1], (size_t)(d->link_count - i) * sizeof d->links[0]);
}

const char *pgr__door_new_link(pgr__door *d) {
  if (d->link_count == PGR__LINKS_MAX) forget_link(d, 0);
  char *link = d->links[d->link_count];
  if (!pgr__door_random(link, PGR__TOKEN_CHARS)) return NULL;
  d->link_count++;
  return link;
}

static int find_link(const pgr__door *d, const char *link) {
  int found = -1;
  for (int i = 0; i < d->link_count; i++)
    if (same(d->links[i], link)) found = i;
  return found;
}

bool pgr__door_has_link(const pgr__door *d, const char *link) {
  return find_link(d, link) >= 0;
}

static pgr__session *place_for_session(pgr__door *d) {
  if (d->session_count < PGR_HTTP_SESSIONS_MAX) return &d->sessions[d->session_count++];
  pgr__session *longest = NULL;
  for (int i = 0; i < d->session_count; i++) {
    pgr__session *s = &d->sessions[i];
    if (s->streams == 0 && (!longest || s->used_ns < longest->used_ns)) longest = s;
  }
  return longest;
}

pgr__session *pgr__door_trade(pgr__door *d, const char *link, pgr__session *session, int64_t now_ns) {
  int i = find_link(d, link);
  pgr__token cookie, call_token;
  if (i < 0 || !pgr__door_random(cookie, PGR__TOKEN_CHARS) || !pgr__door_random(call_token, PGR__TOKEN_CHARS))
    return NULL;
  forget_link(d, i);
  if (session) return session;
  session = place_for_session(d);
  *session = (pgr__session){.used_ns = now_ns};
  memcpy(session->cookie, cookie, sizeof cookie);
  memcpy(session->call_token, call_token, sizeof call_token);
  return session;
}

pgr__session *pgr__door_session(pgr__door *d, const char *cookie, int64_t now_ns) {
  pgr__session *found = NULL;
  for (int i = 0; cookie && i < d->session_count; i++)
    if (same(d->sessions[i].cookie, cookie)) found = &d->sessions[i];
  if (found) found->used_ns = now_ns;
  return found;
}

bool pgr__door_is_call_token(const pgr__session *session, const char *call_token) {
  return same(session->call_token, call_token);
}

bool pgr__door_may_call(pgr__door *d, int64_t now_ns) {
  if (now_ns - d->second_ns >= PGR_NS_PER_S) {
    d->second_ns = now_ns;
    d->calls = 0;
  }
  return d->calls < PGR_HTTP_CALLS_PER_S && ++d->calls;
}
