/* pgrace: finds the race in your SQL. One file a command, see commands.h. */
#include "commands.h"
#include "options.h"
#include "pgr_interrupt.h"
#include "pgr_units.h"
#include <stdio.h>
#include <string.h>

static const struct command {
  const char *name, *summary;
  int (*run)(int argc, char **argv);
} commands[] = {{"run", "race the strategies of a scenario against each other (the main job)", pgr_cmd_run},
                {"explore", "every order of a few agents' statements: a proof, or a witness", pgr_cmd_explore},
                {"replay", "run a witness's schedule again", pgr_cmd_replay},
                {"bench", "throughput and latency of the strategies under load", pgr_cmd_bench},
                {"report", "a result once more: text, HTML, JUnit, Markdown …", pgr_cmd_report},
                {"list", "the scenarios there are, or one of them in full", pgr_cmd_list},
                {"init", "a scenario of your own to begin with", pgr_cmd_init},
                {"lint", "is a scenario right: YAML, scripts, SQL", pgr_cmd_lint},
                {"schema", "migrations and triggers: declared, versioned, checked", pgr_cmd_schema},
                {"demo", "the inbox, in a browser or a terminal: see two clicks collide", pgr_cmd_demo}};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void usage(FILE *out) {
  fputs("pgrace finds the race in your SQL and measures what preventing it costs.\n\n"
        "Usage: pgrace COMMAND [OPTION …]\n\nCommands:\n",
        out);
  for (int i = 0; i < COMMAND_COUNT; i++)
    fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
  fputs("\nOptions:\n  --help     this text; pgrace COMMAND --help for a command's options\n"
        "  --version  the version\n\n"
        "Start with: pgrace run\n",
        out);
}

static int unknown(const char *word) {
  static const char *const options[] = {"--help", "--version", NULL};
  const char *names[COMMAND_COUNT + 1] = {NULL};
  for (int i = 0; i < COMMAND_COUNT; i++)
    names[i] = commands[i].name;
  const char *near = pgr_nearest(word, *word == '-' ? options : names);
  /* Only up to the value, which may be a connection string. */
  if (*word != '-' && pgr_looks_secret(word))
    fputs("pgrace: unknown command (not shown: it may hold a password)", stderr);
  else
    fprintf(stderr, "pgrace: unknown %s '%.*s'", *word == '-' ? "option" : "command", (int)strcspn(word, "="), word);
  if (near)
    fprintf(stderr, ", did you mean '%s'?\n", near);
  else
    fputs("; see pgrace --help\n", stderr);
  return 4;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    usage(stderr);
    return 4;
  }
  /* As with git: "help COMMAND" is "COMMAND --help". */
  char help[] = "--help";
  if (strcmp(argv[1], "help") == 0 && argc == 3) {
    argv[1] = argv[2];
    argv[2] = help;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
    usage(stdout);
    return 0;
  }
  if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
    puts("pgrace " PGR_VERSION);
    return 0;
  }
  pgr_err err;
  if (pgr_interrupt_install(&err)) {
    fprintf(stderr, "pgrace: %s\n", err.msg);
    return pgr_exit_status(err.code);
  }
  for (int i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  return unknown(argv[1]);
}
