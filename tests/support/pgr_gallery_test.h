/* A scenario of the gallery, as its files have it. The test is built with PGR_SOURCE_DIR. */
#ifndef PGR_GALLERY_TEST_H
#define PGR_GALLERY_TEST_H

#include "pgr_test.h"

#include "pgr_mem.h"
#include "pgr_scenario.h"
#include <stdio.h>

static inline bool read_source(void *user, const char *path, char **text, size_t *len_bytes, char why[128]) {
  char full[1024];
  (void)user;
  snprintf(why, 128, "no such file");
  snprintf(full, sizeof full, "%s/%s", PGR_SOURCE_DIR, path);
  FILE *file = fopen(full, "r");
  if (!file) return false;
  *text = pgr_calloc(PGR_YAML_BYTES_MAX, 1);
  *len_bytes = *text ? fread(*text, 1, PGR_YAML_BYTES_MAX - 1, file) : 0;
  fclose(file);
  return *text != NULL;
}

/* To be destroyed. NULL: said why on standard error. */
static inline pgr_scenario *scenario_of_gallery(const char *name) {
  char path[512];
  pgr_faults faults = {0};
  const pgr_reader reader = {.read = read_source};
  snprintf(path, sizeof path, "scenarios/%s/%s.yaml", name, name);
  pgr_scenario *s = pgr_scenario_load(path, &reader, &faults);
  if (!s) fprintf(stderr, "%s: %s\n", name, faults.count ? faults.kept[0].text : "no memory");
  pgr_faults_deinit(&faults);
  return s;
}

#endif
