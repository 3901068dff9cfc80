/* Who waits for whom, since when, and whether a deadlock's victim was up to chance.
 *
 * A backend looks for a deadlock once, deadlock_timeout after its wait began; the first that looks and finds itself in
 * a circle ends itself. When the others' looks were over before the circle was closed, that is the one who closed it.
 *
 * The invariant most easily broken: when a wait began is known only between two moments. Whoever closed the circle is
 * taken at the earlier, the others at the later, so that a victim is called certain only when it was. */
#include "lockstep_internal.h"

#include "pgr_clock.h"

/* After its deadlock_timeout a backend has to be woken and to look. */
static const int64_t LOOK_NS = PGR_NS_PER_MS / 2;

/* The first seat of mask from `from` on; PGR_SEATS_MAX: none. */
static int next_seat(uint32_t mask, int from) {
  mask = mask & ~PGR_SEAT_CONTROL & ~(pgr__seat(from) - 1);
  return mask ? __builtin_ctz(mask) : PGR_SEATS_MAX;
}

/* NOLINTNEXTLINE(bugprone-macro-parentheses): i is declared here */
#define FOR_SEATS(i, mask) for (int i = next_seat(mask, 0); i < PGR_SEATS_MAX; i = next_seat(mask, i + 1))

/* circle: somebody. */
static int closer(const pgr__waits *w, uint32_t circle) {
  int last = __builtin_ctz(circle);
  FOR_SEATS(i, circle) {
    if (w->after_ns[i] > w->after_ns[last]) last = i;
  }
  return last;
}

/* Somebody of `waiting` may have looked for a deadlock after after_ns. */
static bool may_look(const pgr__waits *w, uint32_t waiting, int64_t after_ns) {
  FOR_SEATS(i, waiting) {
    if (after_ns - w->by_ns[i] < w->deadlock_ns + LOOK_NS) return true;
  }
  return false;
}

static bool close_call(const pgr__waits *w, uint32_t circle) {
  int last = closer(w, circle);
  return may_look(w, circle & ~pgr__seat(last), w->after_ns[last]);
}

static void dissolve(pgr__waits *w, uint32_t circle) {
  FOR_SEATS(i, circle) {
    w->circle[i] = 0;
  }
}

static bool by_chance(const pgr__waits *w, int victim, int64_t after_ns) {
  uint32_t circle = w->circle[victim];
  if (circle) return closer(w, circle) != victim || close_call(w, circle);
  /* The circle came and went between two answers: its victim closed it, unless it had been waiting all the time. */
  uint32_t known = w->blocked & ~w->unsteady;
  return known & pgr__seat(victim) || may_look(w, w->blocked & ~pgr__seat(victim), after_ns);
}

void pgr__waits_disturb(pgr__waits *w, uint32_t mask) {
  for (uint32_t more = mask; more;) {
    uint32_t next = 0;
    FOR_SEATS(i, w->blocked & ~w->unsteady) {
      if (w->blockers[i] & more) next |= pgr__seat(i);
    }
    w->unsteady |= next;
    more = next;
  }
}

void pgr__waits_ended(pgr__waits *w, uint32_t ended, uint32_t failed, uint32_t deadlocked, int64_t after_ns) {
  FOR_SEATS(i, deadlocked) {
    w->ambiguous |= by_chance(w, i, after_ns);
    dissolve(w, w->circle[i]);
  }
  FOR_SEATS(i, ended) {
    if (!w->circle[i]) continue;
    /* Without an error the server has put a queue in another order: who looked first decided which. */
    if (!(failed & pgr__seat(i))) w->ambiguous |= close_call(w, w->circle[i]);
    dissolve(w, w->circle[i]);
  }
  pgr__waits_disturb(w, ended);
  w->blocked &= ~ended;
  w->unsteady &= ~ended;
}

static void find_circles(pgr__waits *w) {
  uint32_t reach[PGR_SEATS_MAX];
  FOR_SEATS(i, w->blocked) {
    w->circle[i] = 0;
    reach[i] = w->blockers[i] & w->blocked;
  }
  FOR_SEATS(via, w->blocked) {
    FOR_SEATS(i, w->blocked) {
      if (reach[i] & pgr__seat(via)) reach[i] |= reach[via];
    }
  }
  FOR_SEATS(i, w->blocked) {
    if (!(reach[i] & pgr__seat(i))) continue;
    FOR_SEATS(j, reach[i]) {
      if (reach[j] & pgr__seat(i)) w->circle[i] |= pgr__seat(j);
    }
  }
}

uint32_t pgr__waits_answer(pgr__waits *w, uint32_t blocked, const uint32_t *blockers, int64_t after_ns,
                           int64_t now_ns) {
  uint32_t released = w->blocked & ~blocked, renewed = 0;
  FOR_SEATS(i, released) {
    if (w->circle[i]) w->ambiguous |= close_call(w, w->circle[i]);
    dissolve(w, w->circle[i]);
  }
  pgr__waits_disturb(w, released);
  FOR_SEATS(i, blocked) {
    bool same = w->blocked & ~w->unsteady & pgr__seat(i) && w->blockers[i] == blockers[i];
    w->blockers[i] = blockers[i];
    if (same) continue;
    renewed |= pgr__seat(i);
    w->after_ns[i] = after_ns;
    w->by_ns[i] = now_ns;
  }
  w->blocked = blocked;
  w->unsteady = 0;
  find_circles(w);
  return renewed;
}

uint32_t pgr__waits_closers(const pgr__waits *w, uint32_t among) {
  uint32_t found = 0;
  FOR_SEATS(i, w->blocked & among) {
    if (w->circle[i]) found |= pgr__seat(closer(w, w->circle[i]));
  }
  return found;
}

uint32_t pgr__waits_in_circles(const pgr__waits *w, uint32_t among) {
  uint32_t found = 0;
  FOR_SEATS(i, w->blocked & among) {
    if (w->circle[i]) found |= pgr__seat(i);
  }
  return found;
}

int64_t pgr__waits_checked_ns(const pgr__waits *w) {
  int64_t last_ns = 0;
  FOR_SEATS(i, w->blocked) {
    if (w->by_ns[i] > last_ns) last_ns = w->by_ns[i];
  }
  return last_ns ? last_ns + w->deadlock_ns + 2 * LOOK_NS : 0;
}
