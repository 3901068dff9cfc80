/* Texts from elsewhere (a server's message, a value, a name) as JSON, which holds nothing but UTF-8. */
#ifndef PGR_JSON_H
#define PGR_JSON_H

#include <jansson.h>

/* The caller's; as it is where it is UTF-8, else as pgr_utf8_copy makes it. NULL: no memory. */
json_t *pgr_json_text(const char *text);

/* JSON null for NULL and for "". */
json_t *pgr_json_text_or_null(const char *text);

#endif
