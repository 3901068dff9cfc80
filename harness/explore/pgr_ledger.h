/* One agent's transaction as the search sees it: from what a statement may reach to what an event touched. Pure. */
#ifndef PGR_LEDGER_H
#define PGR_LEDGER_H

#include "pgr_touch.h"

typedef enum pgr_level { PGR_LEVEL_READ_COMMITTED, PGR_LEVEL_REPEATABLE_READ, PGR_LEVEL_SERIALIZABLE } pgr_level;

typedef enum pgr_reach_kind {
  PGR_REACH_NOTHING,  /* BEGIN, SET, SAVEPOINT */
  PGR_REACH_QUERY,    /* takes a snapshot, reads and writes */
  PGR_REACH_END,      /* COMMIT */
  PGR_REACH_UNDO,     /* ROLLBACK */
  PGR_REACH_PART_END, /* ROLLBACK TO: gives back some locks */
  PGR_REACH_EVERYTHING
} pgr_reach_kind;

/* What a statement may touch, whatever its values: from its text and the catalogs, triggers and foreign keys included.
 * An END may have reads and writes: deferred triggers. Two bits of the masks are no relations: PGR_REACH_TRACKING,
 * kept for the ledger, is commits under SERIALIZABLE; PGR_REACH_NUMBERS is read by what looks at snapshots: which
 * transactions have numbers and have not ended. */
typedef struct pgr_reach {
  pgr_reach_kind kind;
  uint64_t reads, writes; /* reads: as far as the statement's snapshot decides what it sees */
  uint64_t keys;          /* of writes: keys of rows that are there may change, go, or be locked */
  uint64_t adds;          /* of writes and appends: there may be new keys, as soon as they are published */
  uint64_t shares;        /* rows are looked up by their keys and locked as foreign keys do, which others may do too */
  uint64_t appends;       /* rows are added that collide with none: nobody sees them before they are published */
  bool joins;             /* rows may be locked together with others, by FOR SHARE or besides being changed */
  bool numbers;           /* asks for its transaction's number, which gives it one */
  bool nests;             /* has subtransactions, whose ends snapshots show, too */
  bool counts;            /* rows that it reports are rows of tables, added or changed: its transaction has a number */
  int level; /* a pgr_level that the statement sets for its transaction (BEGIN, SET TRANSACTION); -1: none */
} pgr_reach;

#define PGR_REACH_TRACKING (UINT64_C(1) << 63)
#define PGR_REACH_NUMBERS (UINT64_C(1) << 62)

/* Init with {.level = the session's default, .default_level = the same}; scope may be set between transactions. */
typedef struct pgr_ledger {
  pgr_level default_level, level; /* of the transaction that is open, or will be */
  bool open, snapshot;            /* a transaction is open; above READ COMMITTED it has its snapshot */
  uint64_t written, keyed, added, appended, shared, tracked; /* by the transaction so far */
  uint64_t scope; /* all that a transaction of this agent can come to: what its snapshot is worth. 0: not known */
  bool wrote_everything;
  bool crowd;    /* of three agents or more, and rows may be locked together: see pgr_touch.numbered */
  bool watched;  /* somebody may look at the numbers of transactions */
  bool may_have; /* a number, that is; has: certainly */
  bool has;
} pgr_ledger;

/* The statement is sent: what it touches whether it ends or waits. */
pgr_touch pgr_ledger_sent(pgr_ledger *l, const pgr_reach *r);
typedef struct pgr_statement_end {
  bool open;   /* a transaction is open after it */
  bool failed; /* it, or its transaction, is in error: locks are given back then, though the transaction is not over */
  bool rows;   /* it reported some */
} pgr_statement_end;

pgr_touch pgr_ledger_ended(pgr_ledger *l, const pgr_reach *r, pgr_statement_end end);

#endif
