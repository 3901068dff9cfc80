/* The table of docs/exploring.md as bit masks. Easily broken: whatever is added must stay symmetric. */
#include "pgr_touch.h"

bool pgr_touch_is_empty(const pgr_touch *t) {
  uint64_t all = t->reads | t->writes | t->shares | t->appends | t->publishes | t->releases | t->unshares | t->tracked;
  return !t->everything && all == 0;
}

static bool meets(const pgr_touch *a, const pgr_touch *b) {
  uint64_t given_back = b->publishes | b->releases;
  return (a->writes & (b->writes | b->shares | b->tracked | given_back | b->unshares)) != 0 ||
         (a->shares & given_back) != 0 || (a->reads & b->publishes) != 0;
}

bool pgr_touch_conflicts(const pgr_touch *a, const pgr_touch *b) {
  if (a->everything || b->everything) return !pgr_touch_is_empty(a) && !pgr_touch_is_empty(b);
  return meets(a, b) || meets(b, a);
}

void pgr_touch_add(pgr_touch *to, const pgr_touch *more) {
  to->reads |= more->reads;
  to->writes |= more->writes;
  to->shares |= more->shares;
  to->appends |= more->appends;
  to->publishes |= more->publishes;
  to->releases |= more->releases;
  to->unshares |= more->unshares;
  to->tracked |= more->tracked;
  to->everything |= more->everything;
}
