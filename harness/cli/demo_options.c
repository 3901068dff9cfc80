#include "demo_options.h"

#include "options.h"
#include "pgr_clock.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const int64_t GAP_DEFAULT_NS = 2 * PGR_NS_PER_S;

enum { PORT_MAX = 65535 };

void pgr_demo_help(void) {
  fputs("Usage: pgrace demo [OPTION …]\n\n"
        "An inbox that two agents share, on real PostgreSQL: click Claim at both, and see two\n"
        "clicks collide. It prints an address for your browser and runs until Ctrl-C, which\n"
        "leaves nothing behind.\n\n"
        "  --strategy S[,S…]   begin with this one (default: naive); with --terminal, play each\n"
        "  --order ABBA        play a claim by both, statement by statement: A is Ada, B is Ben\n"
        "In the browser\n"
        "  --gap D             an agent's time between look and claim, up to 5s (default 2s)\n"
        "  --step              step by step: you say whose statement goes next\n"
        "  --open              open the page in your browser, too\n"
        "  --port N            listen on this port (default: 8734, or another when that is taken)\n"
        "  --listen ADDRESS    listen on this address, for other machines (default: 127.0.0.1);\n"
        "                      plain HTTP: the token and all else can be read on the way\n"
        "In the terminal\n"
        "  --terminal          tell it here instead, both agents side by side\n"
        "  --pace D            wait so long between two lines, as 400ms (default 700ms; 0 where\n"
        "                      it is not a terminal that reads)\n"
        "Where\n"
        "  --dsn URI           use this server: databases pgrace_… are created and dropped\n\n"
        "Exit status: 0 when Ctrl-C ended it; with --terminal 0 as expected, 1 an expectation\n"
        "broke, 2 inconclusive or interrupted. 4 usage, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace demo --open\n"
        "  pgrace demo --strategy for-update --step\n"
        "  pgrace demo --terminal --pace 600ms\n",
        stdout);
}

static pgr_code check_listen(const char *address, pgr_err *err) {
  unsigned char bytes[sizeof(struct in6_addr)];
  if (inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE,
                  "--listen: '%.64s' is no numeric address, write it like 127.0.0.1, ::1 or 0.0.0.0 (any)", address);
}

static pgr_code check_order(const char *order, pgr_err *err) {
  size_t len = strlen(order), known = strspn(order, "AB");
  if (len == 0) return pgr_fail(err, PGR_EUSAGE, "--order: say who goes, like ABBA");
  if (known < len)
    return pgr_fail(err, PGR_EUSAGE, "--order: '%.64s' holds more than A and B, write who goes next, like ABBA", order);
  if (len > PGR_DEMO_ORDER_MAX)
    return pgr_fail(err, PGR_EUSAGE, "--order: %zu steps, at most %d are played", len, PGR_DEMO_ORDER_MAX);
  return PGR_OK;
}

/* What is for the page alone. */
static pgr_code check_terminal(const pgr_demo_options *o, bool gap_given, pgr_err *err) {
  const char *other = o->open ? "open" : o->port_given ? "port" : o->listen ? "listen" : NULL;
  if (other)
    return pgr_fail(err, PGR_EUSAGE, "--%s is for the browser, --terminal opens no page: leave one out", other);
  if (o->step)
    return pgr_fail(err, PGR_EUSAGE, "--step is for the browser; in the terminal say the steps with --order ABBA");
  if (gap_given)
    return pgr_fail(
        err, PGR_EUSAGE,
        "--gap is for the browser; in the terminal nobody pauses between look and claim, say the steps with "
        "--order ABBA");
  return PGR_OK;
}

static pgr_code check(const pgr_demo_options *o, bool gap_given, pgr_err *err) {
  pgr_code code = o->listen ? check_listen(o->listen, err) : PGR_OK;
  if (!code && o->order) code = check_order(o->order, err);
  if (!code && o->terminal) code = check_terminal(o, gap_given, err);
  if (!code && o->pace_given && !o->terminal)
    code = pgr_fail(err, PGR_EUSAGE, "--pace is for --terminal; in the browser --step lets you set the pace");
  if (!code && o->gap_ns > PGR_DEMO_GAP_MAX_S * PGR_NS_PER_S)
    code = pgr_fail(err, PGR_EUSAGE, "--gap: nobody waits longer than 5s here, give 0 to 5s");
  return code;
}

pgr_code pgr_demo_options_parse(pgr_demo_options *o, int argc, char **argv, bool *wants_help, pgr_err *err) {
  bool gap_given = false;
  *o = (pgr_demo_options){.port = PGR_DEMO_PORT};
  const pgr_option table[] = {{"strategy", 0, PGR_OPTION_TEXT, &o->strategies, 0, 0, NULL},
                              {"gap", 0, PGR_OPTION_DURATION, &o->gap_ns, 0, 0, &gap_given},
                              {"step", 0, PGR_OPTION_FLAG, &o->step, 0, 0, NULL},
                              {"order", 0, PGR_OPTION_TEXT, &o->order, 0, 0, NULL},
                              {"open", 0, PGR_OPTION_FLAG, &o->open, 0, 0, NULL},
                              {"port", 0, PGR_OPTION_INT, &o->port, 0, PORT_MAX, &o->port_given},
                              {"listen", 0, PGR_OPTION_TEXT, &o->listen, 0, 0, NULL},
                              {"terminal", 0, PGR_OPTION_FLAG, &o->terminal, 0, 0, NULL},
                              {"pace", 0, PGR_OPTION_DURATION, &o->pace_ns, 0, 0, &o->pace_given},
                              {"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
                              {0}};
  int operands = 0;
  pgr_code code = pgr_options_parse(table, argc, argv, NULL, 0, &operands, wants_help, err);
  if (!code && !*wants_help) code = check(o, gap_given, err);
  if (!gap_given && !o->terminal) o->gap_ns = GAP_DEFAULT_NS;
  if (!o->listen) o->listen = "127.0.0.1";
  return code;
}
