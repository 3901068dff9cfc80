#include "pgr_utf8.h"

#include <string.h>

/* Length of the well-formed character at s, 0 when there is none. Overlong forms, surrogates and what lies beyond
 * U+10FFFF are not well formed; the NUL at the end of a string stops every look ahead. */
static size_t character(const unsigned char *s) {
  if (s[0] < 0x80) return 1;
  unsigned low = 0x80, high = 0xBF;
  size_t len = 0;
  if (s[0] >= 0xC2 && s[0] <= 0xDF) len = 2;
  if (s[0] >= 0xE0 && s[0] <= 0xEF) len = 3;
  if (s[0] >= 0xF0 && s[0] <= 0xF4) len = 4;
  if (s[0] == 0xE0) low = 0xA0;
  if (s[0] == 0xED) high = 0x9F;
  if (s[0] == 0xF0) low = 0x90;
  if (s[0] == 0xF4) high = 0x8F;
  for (size_t i = 1; i < len; i++, low = 0x80, high = 0xBF)
    if (s[i] < low || s[i] > high) return 0;
  return len;
}

void pgr_utf8_copy(char *out, size_t bytes, const char *text) {
  const unsigned char *s = (const unsigned char *)text;
  size_t used = 0;
  while (*s) {
    size_t len = character(s), take = len ? len : 1;
    if (used + take >= bytes) break;
    if (len == 0)
      out[used] = '?';
    else if (*s < 0x20 || *s == 0x7F)
      out[used] = ' ';
    else
      memcpy(out + used, s, len);
    used += take;
    s += take;
  }
  out[used] = '\0';
}

size_t pgr_utf8_offset(const char *text, size_t characters) {
  size_t offset = 0;
  for (; text[offset]; offset++)
    if (((unsigned char)text[offset] & 0xC0) != 0x80 && characters-- == 0) break;
  return offset;
}
