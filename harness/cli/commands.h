/* The commands; each gets argv from its own name on and returns the exit status. */
#ifndef PGR_COMMANDS_H
#define PGR_COMMANDS_H

int pgr_cmd_run(int argc, char **argv);
int pgr_cmd_explore(int argc, char **argv);
int pgr_cmd_replay(int argc, char **argv);
int pgr_cmd_bench(int argc, char **argv);
int pgr_cmd_report(int argc, char **argv);
int pgr_cmd_list(int argc, char **argv);
int pgr_cmd_init(int argc, char **argv);
int pgr_cmd_lint(int argc, char **argv);
int pgr_cmd_schema(int argc, char **argv);
int pgr_cmd_demo(int argc, char **argv);

#endif
