/* Whether a trigger's function asks first what its trigger could ask: a body that is one IF over OLD and NEW, and a
 * RETURN. Words are enough to tell: where they are not, the answer is no. */
#include "schema_lint_internal.h"

#include <string.h>
#include <strings.h>

typedef enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_OTHER } token_kind;

typedef struct token {
  token_kind kind;
  const char *text;
  size_t len;
} token;

static bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

/* Behind white space and comments; these nest, as in SQL. */
static const char *skip_blanks(const char *p) {
  for (;;) {
    p += strspn(p, " \t\r\n\f\v");
    if (strncmp(p, "--", 2) == 0) {
      p += strcspn(p, "\n");
    } else if (strncmp(p, "/*", 2) == 0) {
      int depth = 0;
      do {
        if (strncmp(p, "/*", 2) == 0) {
          depth++;
          p += 2;
        } else if (strncmp(p, "*/", 2) == 0) {
          depth--;
          p += 2;
        } else {
          p++;
        }
      } while (depth > 0 && *p);
    } else {
      return p;
    }
  }
}

/* Behind a text or name that the quote at p opens; a doubled one is two of them. */
static const char *skip_quoted(const char *p) {
  const char *end = strchr(p + 1, *p);
  return end ? end + 1 : p + strlen(p);
}

static token next(const char **p) {
  const char *begin = skip_blanks(*p), *end = begin;
  token t = {TOKEN_OTHER, begin, 0};
  if (!*begin) {
    t.kind = TOKEN_END;
  } else if (*begin == '\'' || *begin == '"') {
    end = skip_quoted(begin);
  } else if (is_word_byte(*begin)) {
    t.kind = TOKEN_WORD;
    while (is_word_byte(*end))
      end++;
  } else {
    end = begin + 1;
  }
  t.len = (size_t)(end - begin);
  *p = end;
  return t;
}

static bool is(token t, const char *word) {
  return t.kind == TOKEN_WORD && strlen(word) == t.len && strncasecmp(t.text, word, t.len) == 0;
}

static bool is_sign(token t, char sign) {
  return t.kind == TOKEN_OTHER && t.len == 1 && *t.text == sign;
}

/* Of another word than a field's name. CASE has a THEN of its own; a dollar begins a parameter, or a text. */
static bool fits_when(token w, const pgr_made_trigger *t) {
  static const char *const no[] = {"SELECT", "EXISTS", "CASE", "FOUND", "SQLERRM", "SQLSTATE"};
  for (size_t i = 0; i < sizeof no / sizeof *no; i++)
    if (is(w, no[i])) return false;
  if (w.kind == TOKEN_WORD && w.len > 3 && strncasecmp(w.text, "TG_", 3) == 0) return false;
  if (is(w, "OLD")) return !t->inserts;
  if (is(w, "NEW")) return !t->deletes;
  return !is_sign(w, '$') && !is_sign(w, ';') && w.kind != TOKEN_END;
}

/* From behind IF to behind THEN. */
static bool read_condition(const char **p, const pgr_made_trigger *t, const char **condition, size_t *len) {
  const char *end = *p;
  bool field = false;
  *condition = skip_blanks(*p);
  for (;;) {
    token w = next(p);
    if (!field && is(w, "THEN")) break;
    if (!field && !fits_when(w, t)) return false;
    field = is_sign(w, '.');
    end = w.text + w.len;
  }
  *len = end > *condition ? (size_t)(end - *condition) : 0;
  return *len > 0;
}

/* From behind THEN to behind END IF. An ELSE is for what the condition does not hold. */
static bool skip_branch(const char **p) {
  int depth = 1;
  while (depth > 0) {
    token w = next(p);
    if (w.kind == TOKEN_END || (depth == 1 && (is(w, "ELSE") || is(w, "ELSIF") || is(w, "ELSEIF")))) return false;
    if (is(w, "IF")) depth++;
    if (!is(w, "END")) continue;
    const char *before = *p;
    if (is(next(p), "IF"))
      depth--;
    else
      *p = before;
  }
  return is_sign(next(p), ';');
}

/* RETURN something; END */
static bool only_returns(const char *p) {
  if (!is(next(&p), "RETURN")) return false;
  for (token w = next(&p); !is_sign(w, ';'); w = next(&p))
    if (w.kind == TOKEN_END) return false;
  if (!is(next(&p), "END")) return false;
  token last = next(&p);
  return last.kind == TOKEN_END || (is_sign(last, ';') && next(&p).kind == TOKEN_END);
}

bool pgr__lint_first_if(const pgr_made_function *f, const pgr_made_trigger *t, const char **condition, size_t *len) {
  const char *p = f->body;
  return p && f->language && strcasecmp(f->language, "plpgsql") == 0 && is(next(&p), "BEGIN") && is(next(&p), "IF") &&
         read_condition(&p, t, condition, len) && skip_branch(&p) && only_returns(p);
}
