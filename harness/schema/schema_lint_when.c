/* What the words of a function's body tell: whether it asks first what its trigger could ask (a body that is one IF
 * over OLD and NEW, and a RETURN), whether it catches what it raises, and what it may change in the row. Words are
 * enough to tell: where they are not, the first two answers are no, and the last one is everything. */
#include "schema_lint_internal.h"

#include <ctype.h>
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

/* ---- what is raised, and caught ---- */

/* How much deeper in blocks and CASEs one is behind the word w. END IF and END LOOP end neither. */
static int steps_down(token w, const char **p) {
  if (is(w, "BEGIN") || is(w, "CASE")) return 1;
  if (!is(w, "END")) return 0;
  const char *before = *p;
  token of = next(p);
  if (is(of, "IF") || is(of, "LOOP")) return 0;
  if (!is(of, "CASE")) *p = before;
  return -1;
}

/* Behind EXCEPTION: up to the END of the block, it has WHEN OTHERS and no RAISE alone. */
static bool catches_all(const char *p) {
  bool others = false;
  int depth = 0;
  token before = {TOKEN_OTHER, "", 0};
  for (token w = next(&p); w.kind != TOKEN_END && depth >= 0; before = w, w = next(&p)) {
    if (depth == 0 && is(w, "OTHERS") && (is(before, "WHEN") || is(before, "OR"))) others = true;
    if (is(before, "RAISE") && is_sign(w, ';')) return false;
    depth += steps_down(w, &p);
  }
  return others;
}

bool pgr__lint_is_caught(const char *body, int line) {
  const char *counted = body;
  int at = 1, depth = 0, raised = -1; /* the depth of the innermost block around it that is still open */
  token before = {TOKEN_OTHER, ";", 1};
  for (token w = next(&body); w.kind != TOKEN_END; before = w, w = next(&body)) {
    for (; counted < w.text; counted++)
      at += *counted == '\n';
    if (raised < 0 && at == line && is(w, "RAISE")) raised = depth;
    if (raised == depth && depth > 0 && is(w, "EXCEPTION") && is_sign(before, ';') && catches_all(body)) return true;
    depth += steps_down(w, &body);
    if (raised > depth) raised = depth;
  }
  return false;
}

/* ---- what is changed in the row ---- */

static bool speaks_of(const char *text, token field) {
  if (*field.text == '"' && field.len >= 2) {
    field.text++;
    field.len -= 2;
  }
  for (token w = next(&text); w.kind != TOKEN_END; w = next(&text)) {
    bool quoted = *w.text == '"' && w.len == field.len + 2;
    if ((quoted || (w.kind == TOKEN_WORD && w.len == field.len)) &&
        strncasecmp(w.text + quoted, field.text, field.len) == 0)
      return true;
  }
  return false;
}

/* The name that begins at p, quoted or not, is this one. */
static bool is_written(const char *p, const char *name) {
  if (*p != '"') {
    while (*name && tolower((unsigned char)*p) == *name)
      p++, name++;
    return !*name && !is_word_byte(*p);
  }
  for (p++; *p && (*p != '"' || p[1] == '"'); p++, name++) {
    if (*p != *name) return false;
    p += *p == '"';
  }
  return !*name;
}

/* OLD.column, or NEW.column */
static bool asks_for(const char *when, const char *column) {
  bool field = false;
  for (token w = next(&when); w.kind != TOKEN_END; w = next(&when)) {
    if (field && is_written(w.text, column)) return true;
    field = is_sign(w, '.');
  }
  return false;
}

bool pgr__lint_watches(const pgr_rule *rule, const pgr_made_trigger *made, const char *column) {
  bool asks = false;
  for (size_t i = 0; i < made->column_count; i++)
    if (strcmp(made->columns[i], column) == 0) return true;
  if (!made->when) return made->column_count == 0;
  for (int i = 0; i < rule->column_count && !asks; i++)
    asks = asks_for(made->when, rule->columns[i].name);
  return asks ? asks_for(made->when, column) : made->column_count == 0;
}

static bool looks_at(const pgr_trigger *t, const pgr_made_trigger *made, token field) {
  const pgr_objects *o = &pgr_trigger_latest(t)->objects;
  for (int i = 0; i < t->rule.column_count; i++)
    if (is_written(field.text, t->rule.columns[i].name))
      return pgr__lint_watches(&t->rule, made, t->rule.columns[i].name);
  if (t->rule.column_count > 0) return false;
  for (size_t i = 0; i < o->trigger_count; i++)
    if (o->triggers[i].when && speaks_of(o->triggers[i].when, field)) return true;
  for (size_t i = 0; i < o->function_count; i++)
    if (o->functions[i].body && speaks_of(o->functions[i].body, field)) return true;
  return false;
}

/* NEW, OLD, NULL, or nothing: the row as the function has it, or none. */
static bool returns_row(const char *p) {
  token w = next(&p);
  return is_sign(w, ';') || ((is(w, "NEW") || is(w, "OLD") || is(w, "NULL")) && is_sign(next(&p), ';'));
}

static bool begins_statement(token before) {
  return is_sign(before, ';') || is(before, "BEGIN") || is(before, "THEN") || is(before, "ELSE") || is(before, "LOOP");
}

/* From behind NEW, which is set. */
static bool sets_what_matters(const pgr_trigger *t, const pgr_made_trigger *made, const char *p) {
  return !is_sign(next(&p), '.') || looks_at(t, made, next(&p));
}

bool pgr__lint_may_change(const pgr_trigger *t, const pgr_made_trigger *made, const char *language, const char *body) {
  token before = {TOKEN_OTHER, ";", 1};
  bool into = false; /* names follow that get values: INTO a, b */
  if (!body || strcasecmp(language, "plpgsql") != 0) return true;
  for (token w = next(&body); w.kind != TOKEN_END; before = w, w = next(&body)) {
    bool target =
        begins_statement(before) || (into && (is(before, "INTO") || is(before, "STRICT") || is_sign(before, ',')));
    if (is(w, "RETURN") && !returns_row(body)) return true;
    if (is(w, "NEW") && target && sets_what_matters(t, made, body)) return true;
    if (is(w, "INTO"))
      into = true;
    else if (is_sign(w, ';') || is_sign(w, '(') || is(w, "FROM") || is(w, "SELECT") || is(w, "VALUES"))
      into = false;
  }
  return false;
}
