/* getopt_long does the parsing; what is ours is the table and messages that say what to do. */
#include "options.h"

#include "pgr_units.h"
#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 64, CODE_BASE = 1000, CODE_HELP = CODE_BASE - 1 };

static int count(const pgr_option *table) {
  int n = 0;
  while (table[n].name)
    n++;
  assert(n <= OPTIONS_MAX);
  return n;
}

/* What stands where it does not belong may be a connection string, and a password in it. */
static pgr_code unexpected(const char *operand, pgr_err *err) {
  if (pgr_looks_secret(operand))
    return pgr_fail(err, PGR_EUSAGE,
                    "unexpected argument (not shown: it may hold a password); a connection string is "
                    "one word, quoted, after --dsn");
  return pgr_fail(err, PGR_EUSAGE, "unexpected argument '%.64s'; see --help", operand);
}

bool pgr_looks_secret(const char *word) {
  return strpbrk(word, "=:@") != NULL;
}

static pgr_code unknown(const pgr_option *table, const char *word, pgr_err *err) {
  const char *names[OPTIONS_MAX + 2];
  char typed[64];
  const char *name = word + strspn(word, "-");
  size_t len = strcspn(name, "=");
  if (len >= sizeof typed) len = sizeof typed - 1;
  memcpy(typed, name, len);
  typed[len] = '\0';
  int n = 0;
  for (const pgr_option *o = table; o->name; o++)
    if (o->kind != PGR_OPTION_ABSENT) names[n++] = o->name;
  names[n] = "help";
  names[n + 1] = NULL;
  const char *near = pgr_nearest(typed, names);
  /* The value is left out: it may be a connection string. */
  return pgr_fail(err, PGR_EUSAGE, "unknown option '%s%s'%s%s%s", word[1] == '-' ? "--" : "-", typed,
                  near ? ", did you mean --" : "", near ? near : "", near ? "?" : "; see --help");
}

/* As typed, by its letter or by its name. The value is left out: it may be a connection string. */
static pgr_code absent(const pgr_option *o, bool by_letter, pgr_err *err) {
  if (by_letter) return pgr_fail(err, PGR_EUSAGE, "there is no option '-%c': %s", o->letter, (const char *)o->value);
  return pgr_fail(err, PGR_EUSAGE, "there is no option '--%s': %s", o->name, (const char *)o->value);
}

static pgr_code store_ints(const pgr_option *o, const char *text, const char *what, pgr_err *err) {
  pgr_option_ints ints = {.count = 0};
  for (;; text++) {
    char item[64];
    size_t len = strcspn(text, ",");
    if (ints.count == PGR_OPTION_INTS_MAX)
      return pgr_fail(err, PGR_EUSAGE, "%s: at most %d numbers", what, PGR_OPTION_INTS_MAX);
    snprintf(item, sizeof item, "%.*s", (int)len, text);
    /* 10,000: ten and nought; nobody means that. */
    if (ints.count > 0 && strcmp(item, "000") == 0)
      return pgr_fail(err, PGR_EUSAGE, "%s: a comma is between two numbers here, write thousands as 1000 or 1_000",
                      what);
    pgr_code code = pgr_parse_int(item, what, o->min, o->max, &ints.items[ints.count++], err);
    if (code) return code;
    text += len;
    if (!*text) break;
  }
  *(pgr_option_ints *)o->value = ints;
  return PGR_OK;
}

static pgr_code store_durations(const pgr_option *o, const char *text, const char *what, pgr_err *err) {
  pgr_option_ints items = {.count = 0};
  for (;; text++) {
    char item[64];
    size_t len = strcspn(text, ",");
    if (items.count == PGR_OPTION_INTS_MAX)
      return pgr_fail(err, PGR_EUSAGE, "%s: at most %d durations", what, PGR_OPTION_INTS_MAX);
    snprintf(item, sizeof item, "%.*s", (int)len, text);
    pgr_code code = pgr_parse_duration(item, what, &items.items[items.count++], err);
    if (code) return code;
    text += len;
    if (!*text) break;
  }
  *(pgr_option_ints *)o->value = items;
  return PGR_OK;
}

static pgr_code store_seconds(const pgr_option *o, const char *text, const char *what, pgr_err *err) {
  char with_unit[64];
  size_t len = strlen(text);
  bool plain = len > 0 && len < sizeof with_unit - 1 && strspn(text, "0123456789.,_") == len;
  snprintf(with_unit, sizeof with_unit, "%ss", plain ? text : "");
  return pgr_parse_duration(plain ? with_unit : text, what, o->value, err);
}

static pgr_code store_percent(const pgr_option *o, const char *text, const char *what, pgr_err *err) {
  size_t digits = strspn(text, "0123456789."), len = strlen(text);
  const char *dot = strchr(text, '.');
  bool sign = len == digits + 1 && text[digits] == '%';
  bool number = digits > 0 && text[0] != '.' && text[digits - 1] != '.' && (!dot || !strchr(dot + 1, '.'));
  if (!number || (len != digits && !sign))
    return pgr_fail(err, PGR_EUSAGE, "%s: '%.64s' is no percentage, write it like 5%%", what, text);
  double percent = strtod(text, NULL);
  if (percent > PGR_OPTION_PERCENT_MAX)
    return pgr_fail(err, PGR_EUSAGE, "%s: %.64s is out of range, give 0%% to %d%%", what, text, PGR_OPTION_PERCENT_MAX);
  *(double *)o->value = percent / 100;
  return PGR_OK;
}

static pgr_code store(const pgr_option *o, const char *text, pgr_err *err) {
  char what[64];
  snprintf(what, sizeof what, "--%s", o->name);
  if (o->given) *o->given = true;
  switch (o->kind) {
  case PGR_OPTION_FLAG: *(bool *)o->value = true; return PGR_OK;
  case PGR_OPTION_INT: return pgr_parse_int(text, what, o->min, o->max, o->value, err);
  case PGR_OPTION_INTS: return store_ints(o, text, what, err);
  case PGR_OPTION_DURATION: return pgr_parse_duration(text, what, o->value, err);
  case PGR_OPTION_DURATIONS: return store_durations(o, text, what, err);
  case PGR_OPTION_SECONDS: return store_seconds(o, text, what, err);
  case PGR_OPTION_PERCENT: return store_percent(o, text, what, err);
  case PGR_OPTION_TEXT: *(const char **)o->value = text; return PGR_OK;
  case PGR_OPTION_LIST: {
    pgr_option_list *list = o->value;
    if (list->count == PGR_OPTION_LIST_MAX)
      return pgr_fail(err, PGR_EUSAGE, "--%s: at most %d of them", o->name, PGR_OPTION_LIST_MAX);
    list->items[list->count++] = text;
    return PGR_OK;
  }
  case PGR_OPTION_ABSENT: break;
  }
  return PGR_OK;
}

pgr_code pgr_options_parse(const pgr_option *table, int argc, char **argv, const char **operands, int max_operands,
                           int *operand_count, bool *help, pgr_err *err) {
  struct option longs[OPTIONS_MAX + 2] = {0};
  char shorts[OPTIONS_MAX * 2 + 4] = "-:h";
  char *next_short = shorts + 3;
  int n = count(table);
  for (int i = 0; i < n; i++) {
    bool absent_one = table[i].kind == PGR_OPTION_ABSENT, argument = table[i].kind != PGR_OPTION_FLAG && !absent_one;
    /* With a value or without: what is absent is not asked for one. */
    int takes = absent_one ? optional_argument : argument ? required_argument : no_argument;
    longs[i] = (struct option){table[i].name, takes, NULL, CODE_BASE + i};
    if (table[i].letter) *next_short++ = table[i].letter;
    if (table[i].letter && argument) *next_short++ = ':';
  }
  longs[n] = (struct option){"help", no_argument, NULL, CODE_HELP};
  opterr = 0;
  optind = 0; /* GNU: start afresh */
  *operand_count = 0;
  for (bool options_over = false;;) {
    int code = options_over ? -1 : getopt_long(argc, argv, shorts, longs, NULL);
    options_over = code == -1;
    if (options_over && optind >= argc) return PGR_OK;
    if (options_over || code == 1) {
      const char *operand = options_over ? argv[optind++] : optarg;
      if (*operand_count == max_operands) return unexpected(operand, err);
      operands[(*operand_count)++] = operand;
      continue;
    }
    if (code == 'h' || code == CODE_HELP) {
      *help = true;
      return PGR_OK;
    }
    if (code == ':' && optopt >= CODE_BASE)
      return pgr_fail(err, PGR_EUSAGE, "option '--%s' needs a value; see --help", table[optopt - CODE_BASE].name);
    if (code == ':') return pgr_fail(err, PGR_EUSAGE, "option '-%c' needs a value; see --help", optopt);
    /* getopt names what it did not take: a code of ours for a flag with a value, a character, or nothing for a word. */
    if (code == '?' && optopt >= CODE_HELP)
      return pgr_fail(err, PGR_EUSAGE, "option '--%s' takes no value",
                      optopt == CODE_HELP ? "help" : table[optopt - CODE_BASE].name);
    if (code == '?' && optopt) return pgr_fail(err, PGR_EUSAGE, "unknown option '-%c'; see --help", optopt);
    int found = code >= CODE_BASE ? code - CODE_BASE : -1;
    for (int i = 0; found < 0 && code != '?' && i < n; i++)
      if (table[i].letter == code) found = i;
    if (found < 0) return unknown(table, argv[optind - 1], err);
    if (table[found].kind == PGR_OPTION_ABSENT) return absent(&table[found], code < CODE_BASE, err);
    pgr_code stored = store(&table[found], optarg, err);
    if (stored) return stored;
  }
}
