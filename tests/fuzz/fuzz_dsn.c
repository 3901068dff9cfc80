/* Connection strings: whatever is typed, a secret in it never reaches the message or the description. */
#include "pgr_mem.h"
#include "pgr_target.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "zQ7zQ7zQ7";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (!text) return 0;
  memcpy(text, data, size);
  text[size] = '\0';
  pgr_target *t = NULL;
  pgr_err err = {0};
  if (pgr_target_parse(text, &t, &err) == PGR_OK) {
    /* Where libpq itself found it in another place than the password, it was typed there. */
    for (size_t i = 0; pgr_target_keywords(t)[i]; i++)
      if (strstr(pgr_target_values(t)[i], secret) && strcmp(pgr_target_keywords(t)[i], "password") != 0) goto done;
    assert(!strstr(pgr_target_describe(t), secret));
  } else {
    assert(err.msg[0]);
    assert(!strstr(err.msg, secret));
  }
done:
  pgr_target_destroy(t);
  free(text);
  return 0;
}
