/* A scenario in memory for the tests of its loader, and one that is right for them to spoil. */
#ifndef PGR_SCENARIO_TEST_H
#define PGR_SCENARIO_TEST_H

#include "pgr_test.h"

#include "pgr_mem.h"
#include "pgr_scenario.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct file {
  const char *path, *text;
  size_t len; /* 0: as long as the text */
} file;

typedef struct disk {
  const file *files; /* ended by a NULL path */
  const char *yaml;  /* what mine/mine.yaml holds */
  size_t yaml_len;   /* 0: as long as the text */
  int reads;
} disk;

static inline bool read_memory(void *user, const char *path, char **text, size_t *len_bytes, char why[128]) {
  disk *d = user;
  file found = {0};
  d->reads++;
  if (strcmp(path, "mine/mine.yaml") == 0) found = (file){path, d->yaml, d->yaml_len};
  for (const file *f = d->files; f->path && !found.path; f++)
    if (strcmp(f->path, path) == 0) found = *f;
  snprintf(why, 128, "no such file");
  if (!found.path) return false;
  *len_bytes = found.len ? found.len : strlen(found.text);
  *text = pgr_calloc(*len_bytes + 1, 1);
  snprintf(why, 128, "out of memory");
  if (!*text) return false;
  memcpy(*text, found.text, *len_bytes);
  return true;
}

static const file files[] = {
    {"schema/a.sql", "CREATE TABLE a (id bigint);", 0},
    {"mine/trigger.sql", "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;", 0},
    {"mine/claim.sql", "SELECT 1;\n", 0},
    {"mine/locked.sql", "SELECT 2;\nSELECT :key;\n", 0},
    {"mine/release.sql", "SELECT 3;\n", 0},
    {"mine/pipeline.sql", "SELECT 1;\n\\startpipeline\nSELECT 1;\n\\endpipeline\n", 0},
    {"mine/compound.sql", "SELECT 0;\nSELECT 1\\;\nSELECT 2;\n", 0},
    {"mine/shell.sql", "\\shell true\n", 0},
    {"mine/latin.sql", "SELECT 1;\nSELECT '\xE9';\n", 0},
    {"mine/nul.sql", "SELECT 1;\n\0SELECT 2;", 20},
    {"mine/marked.sql", "\xEF\xBB\xBFSELECT 1;\n", 0},
    {"mine/wrong.sql", "SELECT 1;\n  \\nonsense\n", 0},
    {"/absolute.sql", "SELECT 4;\n", 0},
    {NULL, NULL, 0}};

static inline pgr_scenario *load(const char *yaml, size_t len, pgr_faults *faults) {
  disk d = {.files = files, .yaml = yaml, .yaml_len = len};
  const pgr_reader reader = {.read = read_memory, .user = &d};
  return pgr_scenario_load("mine/mine.yaml", &reader, faults);
}

static inline pgr_scenario *must_load(const char *yaml) {
  pgr_faults faults = {0};
  pgr_scenario *s = load(yaml, 0, &faults);
  if (faults.count) fail_msg("%s (%s)", faults.kept[0].text, faults.kept[0].hint ? faults.kept[0].hint : "no hint");
  assert_non_null(s);
  return s;
}

static const char base[] = "title: agents claim one key\n"                                    /* 1 */
                           "lesson: >\n"                                                      /* 2 */
                           "  One.\n"                                                         /* 3 */
                           "  Two.\n"                                                         /* 4 */
                           "see: https://example.org/\n"                                      /* 5 */
                           "broken: Two answers.\n"                                           /* 6 */
                           "schema: [../schema/a.sql]\n"                                      /* 7 */
                           "seed: INSERT INTO a SELECT :first_key::bigint\n"                  /* 8 */
                           "reset: TRUNCATE a\n"                                              /* 9 */
                           "ignore: [a.made_at, b.c]\n"                                       /* 10 */
                           "protocol: extended\n"                                             /* 11 */
                           "pool_mode: session\n"                                             /* 12 */
                           "key:\n"                                                           /* 13 */
                           "  name: conversation\n"                                           /* 14 */
                           "  first: 5\n"                                                     /* 15 */
                           "  last: 1,000,000\n"                                              /* 16 */
                           "operations:\n"                                                    /* 17 */
                           "  - name: claim\n"                                                /* 18 */
                           "    script: claim.sql\n"                                          /* 19 */
                           "  - name: reply\n"                                                /* 20 */
                           "    after: claim\n"                                               /* 21 */
                           "  - name: release\n"                                              /* 22 */
                           "    script: ./x/../release.sql\n"                                 /* 23 */
                           "    after: claim\n"                                               /* 24 */
                           "    when: end\n"                                                  /* 25 */
                           "ownership:\n"                                                     /* 26 */
                           "  rule: one owner a key\n"                                        /* 27 */
                           "  acquire: claim\n"                                               /* 28 */
                           "  release: release\n"                                             /* 29 */
                           "  capacity: 2\n"                                                  /* 30 */
                           "invariants:\n"                                                    /* 31 */
                           "  - rule: nothing twice\n"                                        /* 32 */
                           "    sql: |\n"                                                     /* 33 */
                           "      SELECT id AS key FROM a\n"                                  /* 34 */
                           "      GROUP BY id HAVING count(*) > :agents\n"                    /* 35 */
                           "  - rule: told once\n"                                            /* 36 */
                           "    sql: SELECT key FROM pgrace_history\n"                        /* 37 */
                           "rejections:\n"                                                    /* 38 */
                           "  - sqlstate: \"23514\"\n"                                        /* 39 */
                           "    constraint: only_one\n"                                       /* 40 */
                           "    field: texter\n"                                              /* 41 */
                           "    message: Taken already\n"                                     /* 42 */
                           "  - sqlstate: 23514\n"                                            /* 43 */
                           "retries:\n"                                                       /* 44 */
                           "  - sqlstate: [\"40001\", 40P01]\n"                               /* 45 */
                           "    attempts: 3\n"                                                /* 46 */
                           "    backoff: 2ms\n"                                               /* 47 */
                           "    max_backoff: 1s\n"                                            /* 48 */
                           "    again: transaction\n"                                         /* 49 */
                           "strategies:\n"                                                    /* 50 */
                           "  - name: naive\n"                                                /* 51 */
                           "    summary: check, then update\n"                                /* 52 */
                           "    scripts: {reply: claim.sql}\n"                                /* 53 */
                           "    sampled: rarely\n"                                            /* 54 */
                           "    isolation: {repeatable read: race, read committed: unsaid}\n" /* 55 */
                           "  - name: trigger\n"                                              /* 56 */
                           "    summary: the same, and a trigger\n"                           /* 57 */
                           "    install: [trigger.sql]\n"                                     /* 58 */
                           "    scripts: {claim: locked.sql, reply: claim.sql}\n"             /* 59 */
                           "    retries:\n"                                                   /* 60 */
                           "      - sqlstate: \"40001\"\n"                                    /* 61 */
                           "        again: statement\n"                                       /* 62 */
                           "    isolation:\n"                                                 /* 63 */
                           "      serializable: safe\n"                                       /* 64 */
                           "compare: [trigger]\n";                                            /* 65 */

/* base with the first `find` replaced; the caller frees. */
static inline char *change(const char *find, const char *replace) {
  const char *hit = strstr(base, find);
  if (!hit) fail_msg("the test is wrong: '%s' is not in the scenario", find);
  size_t len = sizeof base + strlen(replace);
  char *text = calloc(len, 1);
  assert_non_null(text);
  snprintf(text, len, "%.*s%s%s", (int)(hit - base), base, replace, hit + strlen(find));
  return text;
}

#endif
