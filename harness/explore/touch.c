/* The table of docs/exploring.md as bit masks. Easily broken: whatever is added must stay symmetric. */
#include "pgr_touch.h"

bool pgr_touch_is_empty(const pgr_touch *t) {
  uint64_t taken = t->reads | t->writes | t->keys | t->shares | t->appends | t->tracked;
  uint64_t given_back = t->publishes | t->releases | t->unshares;
  return !t->everything && !t->numbered && (taken | given_back) == 0;
}

static bool meets(const pgr_touch *a, const pgr_touch *b) {
  return (a->writes & (b->writes | b->appends | b->tracked | b->publishes | b->releases)) != 0 ||
         (a->keys & (b->shares | b->unshares)) != 0 || (a->appends & b->appends) != 0 ||
         (a->reads & b->publishes) != 0 || (a->numbered && b->numbered);
}

bool pgr_touch_conflicts(const pgr_touch *a, const pgr_touch *b) {
  if (a->everything || b->everything) return !pgr_touch_is_empty(a) && !pgr_touch_is_empty(b);
  return meets(a, b) || meets(b, a);
}

void pgr_touch_add(pgr_touch *to, const pgr_touch *more) {
  to->reads |= more->reads;
  to->writes |= more->writes;
  to->keys |= more->keys;
  to->shares |= more->shares;
  to->appends |= more->appends;
  to->publishes |= more->publishes;
  to->releases |= more->releases;
  to->unshares |= more->unshares;
  to->tracked |= more->tracked;
  to->numbered |= more->numbered;
  to->everything |= more->everything;
}
