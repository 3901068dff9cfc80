/* Shared by what adds up histograms that may not be there. */
#ifndef PGR_LATENCY_INTERNAL_H
#define PGR_LATENCY_INTERNAL_H

#include "pgr_histogram.h"

/* Adds `from`, unless it is NULL, to *to, made when it is NULL. Errors: as pgr_histogram_merge. */
pgr_code pgr__histogram_add(pgr_histogram **to, const pgr_histogram *from) PGR_MUST_CHECK;

#endif
