/* Splits a script into SQL commands and the words of meta commands, where psql's lexer splits it (standard conforming
 * strings, an ASCII-compatible encoding). Invariant most easily broken: every byte from a statement's offset on is
 * sent as written, but for the backslash of \; and \:, so that a server's error position can be traced back. */
#include "script_internal.h"

#include <string.h>
#include <strings.h>

/* How far the words of a statement look like CREATE [OR REPLACE] FUNCTION|PROCEDURE, whose BEGIN … END may hold
 * semicolons. */
typedef enum head { HEAD_START, HEAD_CREATE, HEAD_OR, HEAD_REPLACE, HEAD_ROUTINE, HEAD_OTHER } head;

typedef struct scan {
  const char *text;
  size_t at, len;
  pgr__statement *out;
  head head;
  int parens;          /* that are open */
  size_t paren_offset; /* of the outermost */
  int begins;          /* BEGIN and CASE that are open in a routine's body */
  size_t begin_offset;
  bool counted; /* something of the present statement was sent that is not blank */
  char inside;  /* what the bytes that are emitted stand in, as in pgr_use */
} scan;

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name(char c) {
  return is_name_start(c) || is_digit(c);
}

size_t pgr__lex_name(const char *text) {
  if (!is_name_start(*text)) return 0;
  size_t n = 1;
  while (is_name(text[n]))
    n++;
  return n;
}

static char peek(const scan *s, size_t ahead) {
  return s->len - s->at > ahead ? s->text[s->at + ahead] : '\0';
}

static void emit_to(scan *s, size_t end) {
  pgr__statement *out = s->out;
  if (out->text.len == 0) out->offset = s->at;
  pgr_buf_add(&out->text, s->text + s->at, end - s->at);
  for (size_t i = s->at; out->inside && i < end; i++)
    pgr_buf_add(out->inside, &s->inside, 1);
  s->inside = '\0';
  s->at = end;
}

static void emit_token(scan *s, size_t end) {
  if (!s->counted) s->out->statement_count++;
  s->counted = true;
  emit_to(s, end);
}

static void not_closed(scan *s, const char *what, size_t offset, size_t bytes) {
  s->out->open = what;
  s->out->open_offset = offset;
  s->out->open_bytes = bytes;
}

static size_t past_digits(const scan *s, size_t i) {
  while (i < s->len && is_digit(s->text[i]))
    i++;
  return i;
}

/* To the end of a -- comment's line; the line's end does not belong to it. */
static size_t past_line(const scan *s, size_t i) {
  while (i < s->len && s->text[i] != '\n' && s->text[i] != '\r')
    i++;
  return i;
}

/* A nested comment. */
static void comment(scan *s) {
  size_t i = s->at + 2;
  for (int depth = 1; depth > 0;) {
    if (i + 1 >= s->len) {
      not_closed(s, "comment", s->at, 2);
      i = s->len;
      break;
    }
    char a = s->text[i], b = s->text[i + 1];
    bool opens = a == '/' && b == '*', closes = a == '*' && b == '/';
    depth += opens - closes;
    i += opens || closes ? 2 : 1;
  }
  s->inside = '-';
  emit_to(s, i);
}

/* Past the quote that closes the one at i; s->len + 1 when there is none. */
static size_t past_quote(const scan *s, size_t i, bool escapes) {
  char quote = s->text[i++];
  while (i < s->len) {
    bool doubled = s->text[i] == quote && i + 1 < s->len && s->text[i + 1] == quote;
    if (s->text[i] == quote && !doubled) return i + 1;
    i += doubled || (escapes && s->text[i] == '\\') ? 2 : 1;
  }
  return s->len + 1;
}

/* Strings with only blanks, a line's end and -- comments between them are one string. Where the next part of it opens;
 * 0 when no part follows. */
static size_t next_part(const scan *s, size_t i) {
  bool line_ended = false;
  while (i < s->len) {
    char c = s->text[i];
    if (c == '\'') return line_ended ? i : 0;
    if (c == '-' && i + 1 < s->len && s->text[i + 1] == '-') {
      i = past_line(s, i);
    } else if (is_space(c)) {
      line_ended |= c == '\n' || c == '\r';
      i++;
    } else {
      return 0;
    }
  }
  return 0;
}

/* A string or quoted name whose opening quote is `before` bytes ahead. */
static void quoted(scan *s, size_t before, bool escapes) {
  size_t start = s->at + before, end = past_quote(s, start, escapes);
  /* In a string without escapes the parts can as well be read one by one. */
  for (size_t part; escapes && end <= s->len && (part = next_part(s, end)) != 0;) {
    start = part;
    end = past_quote(s, start, escapes);
  }
  if (end > s->len) {
    not_closed(s, s->text[start] == '"' ? "quoted name" : "quote", start, 1);
    end = s->len;
  }
  s->inside = s->text[start];
  emit_token(s, end);
}

/* Past the name that begins at i, dollar signs and all. */
static size_t past_name(const scan *s, size_t i) {
  if (i >= s->len || !is_name_start(s->text[i])) return i;
  while (i < s->len && (is_name(s->text[i]) || s->text[i] == '$'))
    i++;
  return i;
}

/* $1, $tag$ … $tag$, or just a dollar sign. */
static void dollar(scan *s) {
  size_t i = s->at + 1;
  if (is_digit(peek(s, 1))) {
    emit_token(s, past_name(s, past_digits(s, i)));
    return;
  }
  if (is_name_start(peek(s, 1))) i += pgr__lex_name(s->text + i);
  if (i >= s->len || s->text[i] != '$') {
    emit_token(s, s->at + 1);
    return;
  }
  size_t tag_bytes = ++i - s->at;
  const char *end = memmem(s->text + i, s->len - i, s->text + s->at, tag_bytes);
  if (!end) not_closed(s, "dollar quote", s->at, tag_bytes);
  s->inside = '$';
  emit_token(s, end ? (size_t)(end - s->text) + tag_bytes : s->len);
}

/* A number takes with it the name right after it, or an exponent's sign without digits: 1end ends nothing, the quote of
 * 1e'' knows no escapes, 1e-- is no comment. */
static void number(scan *s) {
  size_t i = past_digits(s, s->at);
  if (i < s->len && s->text[i] == '.') i = past_digits(s, i + 1);
  if (i < s->len && (s->text[i] == 'e' || s->text[i] == 'E')) {
    size_t sign = i + 1;
    bool has_sign = sign < s->len && (s->text[sign] == '+' || s->text[sign] == '-');
    size_t digits = has_sign ? sign + 1 : sign, end = past_digits(s, digits);
    if (has_sign && end == digits) {
      emit_token(s, digits);
      return;
    }
    if (end > digits) i = end;
  }
  emit_token(s, past_name(s, i));
}

static bool is_word(const char *text, size_t len, const char *word) {
  return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

static head next_head(head h, const char *word, size_t len) {
  switch (h) {
  case HEAD_START: return is_word(word, len, "create") ? HEAD_CREATE : HEAD_OTHER;
  case HEAD_CREATE:
    if (is_word(word, len, "or")) return HEAD_OR;
    break;
  case HEAD_OR: return is_word(word, len, "replace") ? HEAD_REPLACE : HEAD_OTHER;
  case HEAD_REPLACE: break;
  case HEAD_ROUTINE:
  case HEAD_OTHER: return h;
  }
  return is_word(word, len, "function") || is_word(word, len, "procedure") ? HEAD_ROUTINE : HEAD_OTHER;
}

static void word(scan *s) {
  const char *text = s->text + s->at;
  if ((*text == 'e' || *text == 'E') && peek(s, 1) == '\'') {
    quoted(s, 1, true);
    return;
  }
  size_t len = past_name(s, s->at) - s->at;
  s->head = next_head(s->head, text, len);
  if (s->head == HEAD_ROUTINE && s->parens == 0) {
    bool begins = is_word(text, len, "begin");
    if (begins && s->begins == 0) s->begin_offset = s->at;
    if (begins || (s->begins > 0 && is_word(text, len, "case"))) {
      s->begins++;
    } else if (s->begins > 0 && is_word(text, len, "end")) {
      s->begins--;
    }
  }
  emit_token(s, s->at + len);
}

static void paren(scan *s, bool opens) {
  if (opens && s->parens++ == 0) s->paren_offset = s->at;
  if (!opens && s->parens > 0) s->parens--;
  emit_token(s, s->at + 1);
}

/* ::, :name (which need not be a name that a variable can have), or just a colon; :{?name} is remembered, which psql
 * replaces and pgbench makes FALSE. */
static void colon(scan *s) {
  size_t len = 1;
  while (is_name(peek(s, len)))
    len++;
  if (peek(s, 1) == ':') len = 2;
  size_t name = peek(s, 1) == '{' && peek(s, 2) == '?' ? pgr__lex_name(s->text + s->at + 3) : 0;
  if (name && peek(s, 3 + name) == '}' && s->out->brace_bytes == 0) {
    s->out->brace_offset = s->at;
    s->out->brace_bytes = name + 4;
  }
  emit_token(s, s->at + len);
}

/* One token that ends nothing. */
static void token(scan *s) {
  char c = s->text[s->at], next = peek(s, 1);
  if (c == '/' && next == '*') {
    comment(s);
  } else if (c == '\'' || c == '"') {
    quoted(s, 0, false);
  } else if (c == '$') {
    dollar(s);
  } else if (is_digit(c)) {
    number(s);
  } else if (is_name_start(c)) {
    word(s);
  } else if (c == '(' || c == ')') {
    paren(s, c == '(');
  } else if (c == ':') {
    colon(s);
  } else {
    emit_token(s, s->at + 1);
  }
}

/* Blanks and -- comments: sent where they stand between other things, dropped before the first. */
static bool blank(scan *s) {
  size_t end = s->at;
  if (is_space(s->text[end])) {
    end++;
  } else if (s->text[end] == '-' && peek(s, 1) == '-') {
    end = past_line(s, end);
    s->inside = '-';
  } else {
    return false;
  }
  if (s->out->text.len > 0) emit_to(s, end);
  s->inside = '\0';
  s->at = end;
  return true;
}

/* \; and \: are sent as ; and :, which mean nothing to us then. A \; in a routine's body leaves it one; psql forgets
 * there that it is in a body, and finds no end to it. */
static bool escape(scan *s) {
  char next = peek(s, 1);
  if (s->text[s->at] != '\\' || (next != ';' && next != ':')) return false;
  s->at++;
  if (next == ':') {
    emit_token(s, s->at + 1);
    return true;
  }
  if (s->parens == 0 && s->begins == 0) {
    s->counted = false;
    s->head = HEAD_START;
  }
  emit_to(s, s->at + 1);
  return true;
}

void pgr__lex_statement(const pgr_source *source, size_t *at, pgr__statement *out) {
  scan s = {.text = source->text, .at = *at, .len = source->len_bytes, .out = out};
  out->ending = PGR__ENDED_TEXT;
  while (s.at < s.len && out->ending == PGR__ENDED_TEXT) {
    char c = s.text[s.at];
    if (blank(&s) || escape(&s)) continue;
    if (c == ';' && s.parens == 0 && s.begins == 0) {
      emit_to(&s, s.at + 1);
      out->ending = PGR__ENDED_SEMICOLON;
    } else if (c == '\\') {
      s.at++;
      out->ending = PGR__ENDED_BACKSLASH;
    } else {
      token(&s);
    }
  }
  if (!out->open && s.begins > 0) not_closed(&s, "BEGIN of a function's body", s.begin_offset, 5);
  if (!out->open && s.parens > 0) not_closed(&s, "(", s.paren_offset, 1);
  if (out->statement_count == 0) out->statement_count = 1;
  *at = s.at;
}

size_t pgr__lex_line_end(const pgr_source *source, size_t at) {
  const char *text = source->text;
  for (size_t i = at; i < source->len_bytes; i++) {
    if (text[i] != '\n') continue;
    size_t before = i > at && text[i - 1] == '\r' ? i - 1 : i;
    if (before == at || text[before - 1] != '\\') return i;
  }
  return source->len_bytes;
}

/* How many bytes of a continuation (backslash, line's end) stand at `at`; 0: none. */
static size_t continuation(const char *text, size_t at, size_t end) {
  if (text[at] != '\\') return 0;
  size_t n = at + 1 < end && text[at + 1] == '\r' ? 2 : 1;
  return at + n < end && text[at + n] == '\n' ? n + 1 : 0;
}

bool pgr__lex_word(const pgr_source *source, size_t *at, size_t end, pgr__word *out) {
  const char *text = source->text;
  size_t i = *at, skip;
  while (i < end) {
    if ((skip = continuation(text, i, end)) != 0)
      i += skip;
    else if (is_space(text[i]))
      i++;
    else
      break;
  }
  out->offset = i;
  while (i < end && !is_space(text[i]) && continuation(text, i, end) == 0)
    i++;
  out->len_bytes = i - out->offset;
  *at = i;
  return out->len_bytes > 0;
}
