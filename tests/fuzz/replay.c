/* Feeds every file of a folder to the fuzz target, so that a corpus is a test for any compiler. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path) {
  static uint8_t data[1 << 20];
  FILE *f = fopen(path, "rb");
  if (!f) {
    perror(path);
    return 1;
  }
  size_t size = fread(data, 1, sizeof data, f);
  fclose(f);
  /* A copy of the exact size, so that the address sanitizer sees a read past its end. */
  uint8_t *exact = malloc(size ? size : 1);
  if (!exact) return 1;
  memcpy(exact, data, size);
  LLVMFuzzerTestOneInput(exact, size);
  free(exact);
  return 0;
}

int main(int argc, char **argv) {
  DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
  if (!dir) {
    fprintf(stderr, "usage: %s CORPUS_DIR\n", argv[0]);
    return 1;
  }
  int count = 0, failed = 0;
  for (struct dirent *e; (e = readdir(dir));) {
    char path[4096];
    struct stat s;
    snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
    if (stat(path, &s) || !S_ISREG(s.st_mode)) continue;
    failed |= replay(path);
    count++;
  }
  closedir(dir);
  printf("replayed %d inputs\n", count);
  return failed || count == 0;
}
