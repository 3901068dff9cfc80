/* Log-linear histogram. A value of up to LINEAR_BITS + 1 bits has a bucket of its own; above, each power of two is a
 * row of LINEAR steps, so a bucket is never wider than value / LINEAR. */
#include "pgr_histogram.h"

#include "pgr_mem.h"
#include <math.h>

enum { LINEAR_BITS = 10, LINEAR = 1 << LINEAR_BITS, ROWS = 64 - LINEAR_BITS };

/* HdrHistogram's first bucket is our first two rows; of its others the upper half is one row each. */
_Static_assert(PGR_HISTOGRAM_BUCKETS == ROWS - 1 && PGR_HISTOGRAM_SUB_BUCKETS == 2 * LINEAR, "the same layout");

struct pgr_histogram {
  uint64_t *rows[ROWS]; /* LINEAR counts each, or NULL while nothing fell into it */
  uint64_t count;
  int64_t min, max;
  double sum;
};

typedef struct place {
  int row;
  int64_t step;
} place;

/* Row 0 holds 0 … LINEAR-1; row r >= 1 holds LINEAR << (r-1) … (LINEAR << r) - 1, in steps of 1 << (r-1). */
static place place_of(int64_t value) {
  if (value < LINEAR) return (place){0, value};
  int row = 64 - __builtin_clzll((unsigned long long)value) - LINEAR_BITS;
  return (place){row, (value >> (row - 1)) - LINEAR};
}

/* The largest value of a bucket. */
static int64_t highest(int row, int64_t step) {
  if (row == 0) return step;
  return (int64_t)(((uint64_t)(step + LINEAR + 1) << (row - 1)) - 1);
}

static double middle(int row, int64_t step) {
  return row == 0 ? (double)step : ((double)(step + LINEAR) + 0.5) * (double)((uint64_t)1 << (row - 1)) - 0.5;
}

pgr_histogram *pgr_histogram_create(void) {
  return pgr_calloc(1, sizeof(pgr_histogram));
}

void pgr_histogram_destroy(pgr_histogram *h) {
  if (!h) return;
  for (int i = 0; i < ROWS; i++)
    pgr_free(h->rows[i]);
  pgr_free(h);
}

static pgr_code ensure_row(pgr_histogram *h, int row) {
  if (!h->rows[row]) h->rows[row] = pgr_calloc(LINEAR, sizeof *h->rows[row]);
  return h->rows[row] ? PGR_OK : PGR_ENOMEM;
}

static void widen(pgr_histogram *h, int64_t min, int64_t max) {
  if (h->count == 0 || min < h->min) h->min = min;
  if (h->count == 0 || max > h->max) h->max = max;
}

pgr_code pgr_histogram_record_many(pgr_histogram *h, int64_t value, uint64_t n) {
  if (n == 0) return PGR_OK;
  if (value < 0) value = 0;
  place p = place_of(value);
  pgr_code code = ensure_row(h, p.row);
  if (code) return code;
  h->rows[p.row][p.step] += n;
  widen(h, value, value);
  h->count += n;
  h->sum += (double)value * (double)n;
  return PGR_OK;
}

pgr_code pgr_histogram_record(pgr_histogram *h, int64_t value) {
  return pgr_histogram_record_many(h, value, 1);
}

pgr_code pgr_histogram_merge(pgr_histogram *h, const pgr_histogram *from) {
  if (from->count == 0) return PGR_OK;
  for (int row = 0; row < ROWS; row++) {
    if (!from->rows[row]) continue;
    pgr_code code = ensure_row(h, row);
    if (code) return code;
    for (int i = 0; i < LINEAR; i++)
      h->rows[row][i] += from->rows[row][i];
  }
  widen(h, from->min, from->max);
  h->count += from->count;
  h->sum += from->sum;
  return PGR_OK;
}

uint64_t pgr_histogram_count(const pgr_histogram *h) {
  return h->count;
}

int64_t pgr_histogram_min(const pgr_histogram *h) {
  return h->min;
}

int64_t pgr_histogram_max(const pgr_histogram *h) {
  return h->max;
}

double pgr_histogram_mean(const pgr_histogram *h) {
  return h->count ? h->sum / (double)h->count : 0;
}

int64_t pgr_histogram_quantile(const pgr_histogram *h, double q) {
  if (h->count == 0) return 0;
  if (q <= 0) return h->min;
  if (q >= 1) return h->max;
  double exact = q * (double)h->count;
  uint64_t rank = (uint64_t)exact, seen = 0;
  if ((double)rank < exact || rank == 0) rank++;
  for (int row = 0; row < ROWS; row++) {
    for (int64_t i = 0; h->rows[row] && i < LINEAR; i++) {
      seen += h->rows[row][i];
      if (seen < rank) continue;
      int64_t value = highest(row, i);
      return value > h->max ? h->max : value < h->min ? h->min : value;
    }
  }
  return h->max;
}

uint64_t pgr_histogram_count_to(const pgr_histogram *h, int64_t value) {
  if (value < 0) return 0;
  place p = place_of(value);
  uint64_t count = 0;
  for (int row = 0; row <= p.row; row++)
    for (int64_t i = 0; h->rows[row] && i < (row == p.row ? p.step + 1 : LINEAR); i++)
      count += h->rows[row][i];
  return count;
}

/* The sum over all values of (middle - about) to the power of 1 or 2. */
static double moment(const pgr_histogram *h, double about, int power) {
  double sum = 0;
  for (int row = 0; row < ROWS; row++)
    for (int64_t i = 0; h->rows[row] && i < LINEAR; i++) {
      double off = middle(row, i) - about;
      sum += (double)h->rows[row][i] * (power == 2 ? off * off : off);
    }
  return sum;
}

double pgr_histogram_deviation(const pgr_histogram *h) {
  if (h->count == 0) return 0;
  double n = (double)h->count;
  return sqrt(moment(h, moment(h, 0, 1) / n, 2) / n);
}
