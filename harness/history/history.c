/* The log: fixed-size chunks behind one table of pointers, so that appending never moves a record.
 * Invariant: every chunk but the last holds exactly CHUNK_OPS records, which makes `at` a division. Taking another
 * log's chunks keeps it by filling up the last one first. */
#include "pgr_history.h"

#include "pgr_mem.h"
#include <stdbool.h>
#include <string.h>

enum { CHUNK_OPS = 8192 };

struct pgr_history {
  pgr_op **chunks;
  size_t chunk_count, chunk_cap;
  size_t count, max;
  pgr_op *spare; /* a chunk kept from before it was cleared */
};

const char *pgr_outcome_name(pgr_outcome o) {
  switch (o) {
#define PGR_OUTCOME_NAME(name, text)                                                                                   \
  case name: return text;
    PGR_OUTCOMES(PGR_OUTCOME_NAME)
#undef PGR_OUTCOME_NAME
  case PGR_OUTCOME_COUNT: break;
  }
  return "?";
}

pgr_history *pgr_history_create(size_t max_ops) {
  pgr_history *h = pgr_calloc(1, sizeof *h);
  if (h) h->max = max_ops;
  return h;
}

void pgr_history_destroy(pgr_history *h) {
  if (!h) return;
  for (size_t i = 0; i < h->chunk_count; i++)
    pgr_free(h->chunks[i]);
  pgr_free(h->spare);
  pgr_free(h->chunks);
  pgr_free(h);
}

static pgr_code reserve_chunks(pgr_history *h, size_t count) {
  if (count <= h->chunk_cap) return PGR_OK;
  size_t cap = h->chunk_cap ? h->chunk_cap * 2 : 64;
  if (cap < count) cap = count;
  pgr_op **chunks = pgr_realloc(h->chunks, cap, sizeof *chunks);
  if (!chunks) return PGR_ENOMEM;
  h->chunks = chunks;
  h->chunk_cap = cap;
  return PGR_OK;
}

static pgr_code append(pgr_history *h, const pgr_op *op) {
  if (h->count == h->chunk_count * CHUNK_OPS) {
    pgr_code code = reserve_chunks(h, h->chunk_count + 1);
    if (code) return code;
    pgr_op *chunk = h->spare ? h->spare : pgr_calloc(CHUNK_OPS, sizeof *chunk);
    if (!chunk) return PGR_ENOMEM;
    h->spare = NULL;
    h->chunks[h->chunk_count++] = chunk;
  }
  h->chunks[h->count / CHUNK_OPS][h->count % CHUNK_OPS] = *op;
  h->count++;
  return PGR_OK;
}

pgr_code pgr_history_append(pgr_history *h, const pgr_op *op) {
  return h->count >= h->max ? PGR_ELIMIT : append(h, op);
}

/* Whole chunks change hands; the partly filled last chunk of one of the two is copied. */
pgr_code pgr_history_take(pgr_history *h, pgr_history *from) {
  size_t partial = h->count % CHUNK_OPS;
  pgr_op *tail = partial ? h->chunks[h->chunk_count - 1] : NULL;
  size_t whole = from->count / CHUNK_OPS, rest = from->count % CHUNK_OPS;
  size_t total = h->count + from->count;
  pgr_code code = reserve_chunks(h, h->chunk_count + from->chunk_count);
  if (code) return code;
  bool extra = partial + rest > CHUNK_OPS; /* the two partly filled chunks need a second one */
  pgr_op *second = NULL;
  if (extra && !(second = pgr_calloc(CHUNK_OPS, sizeof *second))) return PGR_ENOMEM;
  if (tail) h->chunk_count--;
  if (whole) memcpy(h->chunks + h->chunk_count, from->chunks, whole * sizeof *from->chunks);
  h->chunk_count += whole;
  pgr_op *from_tail = rest ? from->chunks[whole] : NULL;
  if (!tail && from_tail) {
    h->chunks[h->chunk_count++] = from_tail;
  } else if (tail) {
    size_t fits = rest < CHUNK_OPS - partial ? rest : CHUNK_OPS - partial;
    if (fits) memcpy(tail + partial, from_tail, fits * sizeof *tail);
    h->chunks[h->chunk_count++] = tail;
    if (second) {
      memcpy(second, from_tail + fits, (rest - fits) * sizeof *second);
      h->chunks[h->chunk_count++] = second;
    }
    pgr_free(from_tail);
  }
  h->max += from->count;
  h->count = total;
  from->count = from->chunk_count = 0;
  return PGR_OK;
}

void pgr_history_clear(pgr_history *h) {
  while (h->chunk_count > 0) {
    pgr_free(h->spare);
    h->spare = h->chunks[--h->chunk_count];
  }
  h->count = 0;
}

size_t pgr_history_count(const pgr_history *h) {
  return h->count;
}

const pgr_op *pgr_history_at(const pgr_history *h, size_t i) {
  return &h->chunks[i / CHUNK_OPS][i % CHUNK_OPS];
}
