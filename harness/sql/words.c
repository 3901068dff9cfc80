/* Finds words without knowing where strings and comments begin: what could be read in two ways is given in both, so
 * that a quote in a comment hides nothing. Source: scan.l and scansup.c of PostgreSQL. */
#include "pgr_words.h"

#include <stddef.h>
#include <string.h>

enum { QUOTED_BYTES_MAX = 512 }; /* between the quotes; a longer one is no name, or its beginning says enough */

static bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || ((unsigned char)c & 0x80);
}

static bool continues_word(char c) {
  return starts_word(c) || (c >= '0' && c <= '9');
}

static char folded(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Ends the word after len bytes, at most 63, and not within a character of UTF-8. */
static void end_word(pgr_words *w, size_t len, char next) {
  if (len == PGR_WORD_BYTES - 1 && ((unsigned char)next & 0xC0) == 0x80) {
    size_t first = len - 1;
    while (first > len - 3 && ((unsigned char)w->word[first] & 0xC0) == 0x80)
      first--;
    if ((unsigned char)w->word[first] >= 0xC0) len = first;
  }
  w->word[len] = '\0';
}

/* The word at p. Returns its end; with_dollar: $ belongs to it, and the end may be before it when it is too long. */
static const char *take(pgr_words *w, const char *p, bool with_dollar) {
  size_t len = 0;
  while ((continues_word(*p) || (with_dollar && *p == '$')) && len < PGR_WORD_BYTES - 1)
    w->word[len++] = folded(*p++);
  end_word(w, len, *p);
  while (!with_dollar && continues_word(*p))
    p++;
  return p;
}

/* The identifier behind the quote at p. false: there is no other quote soon, or nothing between them. */
static bool take_quoted(pgr_words *w, const char *p) {
  const char *end = p + 1 + QUOTED_BYTES_MAX;
  size_t len = 0;
  char next = '\0';
  for (p++; p < end && *p; p++) {
    if (*p == '"' && *++p != '"') {
      end_word(w, len, next);
      return len > 0;
    }
    if (len < PGR_WORD_BYTES - 1)
      w->word[len++] = *p;
    else if (!next)
      next = *p;
  }
  if (!*p || len < PGR_WORD_BYTES - 1) return false;
  end_word(w, len, next);
  return true;
}

bool pgr_words_next(pgr_words *w) {
  while (*w->at) {
    const char *p = w->at;
    if (*p == '"') {
      w->at++; /* and what is inside is read again */
      if (take_quoted(w, p)) return true;
    } else if (!starts_word(*p)) {
      w->at++;
    } else {
      const char *end = take(w, p, true);
      w->whole = !w->whole && memchr(p, '$', (size_t)(end - p));
      if (w->whole) return true; /* its pieces follow: the $ may be of a dollar quote */
      w->at = take(w, p, false);
      w->unclear |= strcmp(w->word, "u") == 0 && w->at[0] == '&' && w->at[1] == '"';
      return true;
    }
  }
  return false;
}
