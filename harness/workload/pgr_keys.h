/* Which key next: the dial of contention. Pure. */
#ifndef PGR_KEYS_H
#define PGR_KEYS_H

#include "pgr_buf.h"
#include "pgr_random.h"

typedef enum pgr_spread {
  PGR_SPREAD_UNIFORM, /* every key alike */
  PGR_SPREAD_ZIPFIAN, /* the k-th key with a weight of k^-exponent */
  PGR_SPREAD_HOT,     /* `share` of the draws among the first `hot` keys, the others among the rest */
  PGR_SPREAD_ONCE     /* `each` draws in a row for a key, then never again: for what is owned for ever */
} pgr_spread;

typedef struct pgr_key_options {
  pgr_spread spread;
  int64_t count;   /* keys; >= 1 */
  double exponent; /* ZIPFIAN: > 0, at most 10 */
  int64_t hot;     /* HOT: 1 … count - 1 */
  double share;    /* HOT: 0 … 1 */
  int64_t each;    /* ONCE: >= 1 */
} pgr_key_options;

/* "uniform", "zipfian[:EXPONENT]" (default 1.1), "hot:KEYS:SHARE" (SHARE as 0.9 or 90%), "once:EACH". Leaves `count` as
 * it is. Errors: PGR_EUSAGE, one line that names what is wrong and what there is; `out` is unchanged then. */
pgr_code pgr_keys_parse(const char *text, pgr_key_options *out, pgr_err *err) PGR_MUST_CHECK;

/* Whether the fields fit each other (hot < count …). Errors: PGR_EUSAGE. */
pgr_code pgr_keys_check(const pgr_key_options *o, pgr_err *err) PGR_MUST_CHECK;

/* As parse reads it. Appended. */
void pgr_keys_write(const pgr_key_options *o, pgr_buf *out);

/* Made from checked options; immutable, hence shared by threads. Init by value. */
typedef struct pgr_keys {
  pgr_key_options o;
  double head, tail, shift; /* of the zipfian's rejection-inversion */
} pgr_keys;

void pgr_keys_init(pgr_keys *k, const pgr_key_options *o);

/* 0 … count - 1; O(1). number: of the draw, from 0, over all threads: ONCE alone looks at it, and gives -1 when no key
 * is left. Source of the zipfian: rejection-inversion, Hörmann & Derflinger, ACM TOMACS 6 (1996). */
int64_t pgr_keys_draw(const pgr_keys *k, pgr_random *r, int64_t number);

#endif
