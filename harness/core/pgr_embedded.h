/* A text file compiled into the program (scripts/cmake/PgrEmbed.cmake). Tables end with a NULL name. */
#ifndef PGR_EMBEDDED_H
#define PGR_EMBEDDED_H

#include <stddef.h>

typedef struct pgr_embedded {
  const char *name; /* file name without its folder, or relative to the folder that pgr_embed was told */
  const char *data; /* NUL-terminated; len_bytes does not count the NUL */
  size_t len_bytes;
} pgr_embedded;

#endif
