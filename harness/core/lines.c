/* Texts in narrow columns: what a terminal can be given, how wide it comes out, where a line of it ends. Everything but
 * pgr_line_fit relies on its having been called: on well-formed UTF-8. */
#include "pgr_lines.h"

#include "pgr_utf8.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct range {
  uint32_t first, last;
} range;

static bool is_in(uint32_t c, const range *ranges, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (c >= ranges[i].first && c <= ranges[i].last) return true;
  return false;
}

#define IS_IN(c, ranges) is_in(c, ranges, sizeof(ranges) / sizeof *(ranges))

/* Letters of every script print; these do something instead. Source: Unicode, general category Cf, and UAX #9. */
static const range unprintable[] = {{0x061C, 0x061C}, {0x180E, 0x180E},   {0x200B, 0x200B},   {0x200E, 0x200F},
                                    {0x202A, 0x202E}, {0x2060, 0x206F},   {0xFEFF, 0xFEFF},   {0xFFF0, 0xFFFB},
                                    {0xE000, 0xF8FF}, {0xE0000, 0xE0FFF}, {0xF0000, 0x10FFFF}};
static const range blank[] = {{0, 0x20},        {0x7F, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
                              {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
/* Source: Unicode, general categories Mn and Me; of the common scripts. */
static const range marks[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2},
                              {0x05C4, 0x05C5}, {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0670, 0x0670}, {0x06D6, 0x06DC},
                              {0x06DF, 0x06E4}, {0x0900, 0x0902}, {0x093C, 0x093C}, {0x0941, 0x0948}, {0x094D, 0x094D},
                              {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
                              {0x200C, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
/* Source: Unicode, UAX #11, East Asian width W and F, and emoji. */
static const range wide[] = {{0x1100, 0x115F},   {0x231A, 0x231B},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},
                             {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                             {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF}, {0x1B000, 0x1B2FF},
                             {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A},
                             {0x1F200, 0x1F320}, {0x1F32D, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F7E0, 0x1F7EB},
                             {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD}};

/* The character at s, which is well formed. */
static uint32_t decode(const char *s, size_t *len_bytes) {
  const unsigned char *u = (const unsigned char *)s;
  *len_bytes = u[0] < 0x80 ? 1 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
  uint32_t c = *len_bytes == 1 ? u[0] : u[0] & (0x7FU >> *len_bytes);
  for (size_t i = 1; i < *len_bytes; i++)
    c = c << 6 | (u[i] & 0x3FU);
  return c;
}

static int width_of(uint32_t c) {
  if (c < 0x300) return 1;
  return IS_IN(c, marks) ? 0 : IS_IN(c, wide) ? 2 : 1;
}

char *pgr_line_fit(pgr_arena *arena, const char *text) {
  size_t bytes = strlen(text) + 1, len;
  char *shown = pgr_arena_alloc(arena, bytes), *out = shown;
  if (!shown) return NULL;
  pgr_utf8_copy(shown, bytes, text);
  for (const char *in = shown; *in; in += len) {
    uint32_t c = decode(in, &len);
    if (c > ' ' && c < 0x7F) {
      *out++ = *in;
    } else if (IS_IN(c, blank)) {
      if (out > shown && out[-1] != ' ') *out++ = ' ';
    } else if (IS_IN(c, unprintable)) {
      *out++ = '?';
    } else {
      memmove(out, in, len);
      out += len;
    }
  }
  if (out > shown && out[-1] == ' ') out--;
  *out = '\0';
  return shown;
}

int pgr_line_width(const char *text, size_t len_bytes) {
  int width = 0;
  for (size_t i = 0, len; i < len_bytes; i += len)
    width += width_of(decode(text + i, &len));
  return width;
}

/* ---- where a line ends ---- */

/* words are in capitals */
static bool is_word(const char *text, size_t len_bytes, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    size_t k = 0;
    while (k < len_bytes && words[i][k] && toupper((unsigned char)text[k]) == words[i][k])
      k++;
    if (k == len_bytes && !words[i][k]) return true;
  }
  return false;
}

/* How well a line ends at the blank text[at]. 3: a clause begins after it; 0: what it ends with belongs to what
 * follows. */
static int rank(const char *text, size_t at) {
  static const char *const clauses[] = {"FROM",  "WHERE", "SET",    "AND",    "OR",     "VALUES", "RETURNING", "ON",
                                        "ORDER", "GROUP", "LIMIT",  "FOR",    "JOIN",   "LEFT",   "USING",     "SELECT",
                                        "UNION", "WITH",  "UPDATE", "INSERT", "DELETE", "HAVING"};
  static const char *const links[] = {"=", "<", ">",  "<=", ">=", "<>", "!=",   "+",  "-",
                                      "*", "/", "||", "IS", "AS", "BY", "INTO", "NOT"};
  const size_t clause_count = sizeof clauses / sizeof *clauses, link_count = sizeof links / sizeof *links;
  size_t before = at, after = at + 1, end;
  while (before > 0 && text[before - 1] != ' ')
    before--;
  while (text[before] == '(')
    before++;
  while (text[after] == '(')
    after++;
  for (end = after; text[end] && text[end] != ' ';)
    end++;
  if (is_word(text + before, at - before, clauses, clause_count)) return 0;
  if (is_word(text + before, at - before, links, link_count)) return 0;
  if (is_word(text + after, end - after, clauses, clause_count)) return 3;
  return is_word(text + after, end - after, links, link_count) ? 1 : 2;
}

bool pgr_line_ends_well(const char *text, size_t at) {
  return text[at] == ' ' && rank(text, at) >= 2;
}

size_t pgr_line_end(const char *text, int width, bool is_sql) {
  size_t best = 0, hard = 0, at = 0, len;
  int best_rank = -2, column = 0;
  for (; text[at]; at += len) {
    uint32_t c = decode(text + at, &len);
    if (c == ' ') {
      int r = !is_sql ? 0 : column * 3 >= width ? rank(text, at) : -1;
      if (at > 0 && r >= best_rank) {
        best = at;
        best_rank = r;
      }
    }
    column += width_of(c);
    if (column > width) break;
    hard = at + len;
  }
  if (!text[at]) return at;
  if (hard == 0) (void)decode(text, &hard); /* a wide character in a column of one */
  return best ? best : hard;
}
