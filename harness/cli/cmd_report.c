/* pgrace report: a result once more, in any form. */
#include "commands.h"

int pgr_cmd_report(int argc, char **argv) {
  (void)argc;
  (void)argv;
  return 4;
}
