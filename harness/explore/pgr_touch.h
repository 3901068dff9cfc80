/* What an event touched, and whether two of them commute. Bits stand for objects (relations, the advisory locks, …);
 * which bit is which is the caller's. Pure. docs/exploring.md explains the table. */
#ifndef PGR_TOUCH_H
#define PGR_TOUCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct pgr_touch {
  uint64_t reads;     /* committed state was looked at: conflicts with publishes */
  uint64_t writes;    /* rows added or changed, or locked for oneself: conflicts with writes, their ends and appends */
  uint64_t keys;      /* keys of rows appear, change or go, or are locked: conflicts with shares. Always in writes, too,
                         or in how they end */
  uint64_t shares;    /* rows whose keys are locked together with others (foreign keys): conflicts with keys */
  uint64_t appends;   /* rows added that nothing can collide with: conflicts with what else may place rows (who comes
                         first is read first), and with nobody who reads, until they are published */
  uint64_t publishes; /* what was written before became visible, and its locks were given back */
  uint64_t releases;  /* what was written before is undone, and its locks were given back: nothing for reads */
  uint64_t unshares;  /* shared locks were given back: conflicts with keys */
  uint64_t tracked;   /* read under SERIALIZABLE: conflicts with writes */
  bool numbered;      /* the transaction may have got its number: conflicts with the same. Somebody may look at the
                         numbers; and who waits for several that hold a row together waits for the lowest first */
  bool everything;    /* conflicts with every touch that is not empty */
} pgr_touch;

bool pgr_touch_is_empty(const pgr_touch *t);
/* Whether the order of the two may matter. Symmetric. */
bool pgr_touch_conflicts(const pgr_touch *a, const pgr_touch *b);
void pgr_touch_add(pgr_touch *to, const pgr_touch *more);

#endif
