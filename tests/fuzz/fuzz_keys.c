/* Any text as a spread of keys and as a rate: what is accepted is in range, is written so that it is read again as the
 * same, and draws nothing but keys there are; what is refused says why. */
#include "pgr_arrivals.h"
#include "pgr_keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DRAWS = 50 };

static void check_same(const pgr_key_options *a, const pgr_key_options *b) {
  assert(a->spread == b->spread && a->count == b->count && a->exponent == b->exponent);
  assert(a->hot == b->hot && a->share == b->share && a->each == b->each);
}

static void check_written(const pgr_key_options *o) {
  pgr_key_options again = {.count = o->count};
  pgr_buf text;
  pgr_err err;
  pgr_buf_init(&text, 0);
  pgr_keys_write(o, &text);
  assert(!text.failed && pgr_keys_parse(pgr_buf_text(&text), &again, &err) == PGR_OK);
  check_same(o, &again);
  pgr_buf_deinit(&text);
}

static void check_draws(const pgr_key_options *o) {
  pgr_keys keys;
  pgr_random random;
  pgr_keys_init(&keys, o);
  pgr_random_init(&random, (uint64_t)o->count, 0);
  for (int64_t i = 0; i < DRAWS; i++) {
    int64_t key = pgr_keys_draw(&keys, &random, i);
    assert(key < o->count && (key >= 0 || (key == -1 && o->spread == PGR_SPREAD_ONCE)));
  }
}

static void check_keys(const char *text, int64_t count) {
  pgr_key_options o = {.count = count, .hot = 42}, before = o;
  pgr_err err;
  if (pgr_keys_parse(text, &o, &err) != PGR_OK) {
    assert(err.code == PGR_EUSAGE && err.msg[0]);
    check_same(&o, &before);
    return;
  }
  assert(o.count == count);
  check_written(&o);
  if (pgr_keys_check(&o, &err) == PGR_OK)
    check_draws(&o);
  else
    assert(err.code == PGR_EUSAGE && err.msg[0]);
}

static void check_rate(const char *text) {
  pgr_rate rate = {.from = 42, .to = 43};
  pgr_arrivals arrivals;
  pgr_err err;
  if (pgr_rate_parse(text, &rate, &err) != PGR_OK) {
    assert(err.code == PGR_EUSAGE && err.msg[0] && rate.from == 42 && rate.to == 43);
    return;
  }
  assert(rate.from > 0 && rate.from <= 1e9 && rate.to > 0 && rate.to <= 1e9);
  pgr_arrivals_init(&arrivals, &rate, INT64_C(1000000000), 0.5, strlen(text) % 2, 7, 0);
  for (int64_t i = 0, before_ns = 0; i < DRAWS; i++) {
    int64_t next_ns = pgr_arrivals_next(&arrivals);
    assert(next_ns >= before_ns);
    before_ns = next_ns;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int64_t counts[] = {1, 2, 1000, INT64_C(1) << 62, INT64_MAX};
  char *text = malloc(size + 1);
  if (!text) return 0;
  if (size) memcpy(text, data, size);
  text[size] = '\0';
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    check_keys(text, counts[i]);
  check_rate(text);
  free(text);
  return 0;
}
