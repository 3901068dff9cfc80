#include "pgr_json.h"

#include "pgr_mem.h"
#include "pgr_utf8.h"
#include <string.h>

json_t *pgr_json_text(const char *text) {
  json_t *value = json_string(text);
  size_t bytes = strlen(text) + 1;
  char *fit = value ? NULL : pgr_calloc(bytes, 1);
  if (!fit) return value;
  pgr_utf8_copy(fit, bytes, text);
  value = json_string(fit);
  pgr_free(fit);
  return value;
}

json_t *pgr_json_text_or_null(const char *text) {
  return text && *text ? pgr_json_text(text) : json_null();
}
