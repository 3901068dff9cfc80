/* pgrace schema: migrations, and the triggers that they install. One file a group of subcommands, see
 * schema_command.h. */
#include "commands.h"
#include "options.h"
#include "pgr_units.h"
#include "schema_command.h"
#include <stdio.h>
#include <string.h>

static const struct subcommand {
  const char *name, *summary;
  int (*run)(int argc, char **argv);
} subcommands[] = {{"up", "apply what is pending; without --dsn: rehearse it all", pgr_schema_up},
                   {"down", "take the last migration back", pgr_schema_down},
                   {"redo", "take the last migration back and apply it again", pgr_schema_redo},
                   {"status", "migrations, triggers, and what a database really has", pgr_schema_status},
                   {"new", "a rule's trigger, its next version, an empty migration", pgr_schema_new},
                   {"diff", "what changed between two versions of a trigger", pgr_schema_diff},
                   {"lint", "what is wrong, or soon will be, with triggers", pgr_schema_check},
                   {"doc", "a page about the triggers; a decision record", pgr_schema_doc},
                   {"export", "the same for Flyway, Ecto, Rails, Django, plain SQL", pgr_schema_export}};

enum { SUBCOMMAND_COUNT = sizeof subcommands / sizeof *subcommands };

static void help(FILE *out) {
  fputs("Usage: pgrace schema SUBCOMMAND [OPTION …]\n\n"
        "Triggers that stay visible: rules are declared, triggers are generated, each has\n"
        "a folder and each of its versions a file, and migrations install them.\n\n",
        out);
  for (int i = 0; i < SUBCOMMAND_COUNT; i++)
    fprintf(out, "  %-7s %s\n", subcommands[i].name, subcommands[i].summary);
  fputs("\nAll of them work on the folder 'schema', which --dir DIR replaces. pgrace schema\n"
        "SUBCOMMAND --help has the options.\n\n"
        "Exit status: 0 as it should be, 1 it is not, 2 incomplete or pending, 4 usage or\n"
        "a file that is wrong, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace schema new transition --table conversations --column texter_id \\\n"
        "      --allow 'null->any, any->null, same'\n"
        "  pgrace schema up                       a rehearsal, on a server of its own\n"
        "  pgrace schema up --dsn postgresql://localhost/inbox\n"
        "  pgrace schema status --dsn ''          where PGHOST, PGDATABASE … point\n",
        out);
}

static int unknown(const char *word) {
  static const char *const options[] = {"--help", NULL};
  const char *names[SUBCOMMAND_COUNT + 1] = {NULL};
  for (int i = 0; i < SUBCOMMAND_COUNT; i++)
    names[i] = subcommands[i].name;
  const char *near = pgr_nearest(word, *word == '-' ? options : names);
  if (*word == '-') /* Only up to the value, which may be a connection string. */
    fprintf(stderr, "pgrace: schema: the subcommand comes first, before '%.*s'", (int)strcspn(word, "="), word);
  else if (pgr_looks_secret(word))
    fputs("pgrace: schema: unknown subcommand (not shown: it may hold a password)", stderr);
  else
    fprintf(stderr, "pgrace: schema: unknown subcommand '%.80s'", word);
  if (near)
    fprintf(stderr, ", did you mean '%s'?\n", near);
  else
    fputs("; see pgrace schema --help\n", stderr);
  return pgr_exit_status(PGR_EUSAGE);
}

int pgr_cmd_schema(int argc, char **argv) {
  if (argc < 2) {
    help(stderr);
    return pgr_exit_status(PGR_EUSAGE);
  }
  /* As with pgrace itself: "help COMMAND" is "COMMAND --help". */
  char option[] = "--help";
  if (strcmp(argv[1], "help") == 0 && argc == 3) {
    argv[1] = argv[2];
    argv[2] = option;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
    help(stdout);
    return 0;
  }
  for (int i = 0; i < SUBCOMMAND_COUNT; i++)
    if (strcmp(argv[1], subcommands[i].name) == 0) return subcommands[i].run(argc - 1, argv + 1);
  return unknown(argv[1]);
}
