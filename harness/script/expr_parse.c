/* Parses an expression: a lexer and a precedence climber that take exactly what pgbench 15's grammar takes. What stands
 * to the left of the token in hand, the context, decides as a LALR parser's top of stack does: a looser operator ends
 * the operand, a tighter one goes into it. Hence a loose prefix operator may stand right of a tight one and takes all
 * that binds tighter than itself: 2 * ~1 + 1 is 2 * ~(1 + 1). */
#include "expr_internal.h"

#include "pgr_units.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum token_kind {
  TOKEN_END,
  TOKEN_ERROR, /* a fault was added */
  TOKEN_INT,
  TOKEN_INT_MAX_PLUS_1, /* good after a unary minus only */
  TOKEN_DOUBLE,
  TOKEN_VARIABLE,
  TOKEN_NAME,
  TOKEN_PLUS,
  TOKEN_MINUS,
  TOKEN_STAR,
  TOKEN_SLASH,
  TOKEN_PERCENT,
  TOKEN_EQ,
  TOKEN_NE,
  TOKEN_LT,
  TOKEN_LE,
  TOKEN_GT,
  TOKEN_GE,
  TOKEN_LSHIFT,
  TOKEN_RSHIFT,
  TOKEN_BITOR,
  TOKEN_BITAND,
  TOKEN_BITXOR,
  TOKEN_TILDE,
  TOKEN_OPEN,
  TOKEN_CLOSE,
  TOKEN_COMMA,
  TOKEN_AND,
  TOKEN_OR,
  TOKEN_NOT,
  TOKEN_IS,
  TOKEN_ISNULL,
  TOKEN_NOTNULL,
  TOKEN_CASE,
  TOKEN_WHEN,
  TOKEN_THEN,
  TOKEN_ELSE,
  TOKEN_FINISH, /* the keyword END */
  TOKEN_TRUE,
  TOKEN_FALSE,
  TOKEN_NULL
} token_kind;

typedef struct token {
  token_kind kind;
  size_t begin, end; /* bytes of the source */
  pgr_value value;   /* of a number */
} token;

/* From loose to tight. */
typedef enum level {
  LEVEL_NONE,
  LEVEL_OR,
  LEVEL_AND,
  LEVEL_NOT,
  LEVEL_IS,
  LEVEL_COMPARISON, /* does not associate */
  LEVEL_BITWISE,    /* all alike, prefix ~ too */
  LEVEL_SUM,
  LEVEL_PRODUCT,
  LEVEL_UNARY
} level;

typedef struct parser {
  const pgr_source *source;
  size_t at, end;
  size_t last_end; /* of the token before the one in hand: where something is missing */
  token now;
  pgr_names *names;
  pgr_arena *arena;
  pgr_faults *faults;
  int depth, nodes;
} parser;

/* --- Faults --- */

/* The first one ends the parse: TOKEN_ERROR stays in hand and whoever meets it returns. Returns NULL. */
static void *PGR_PRINTF(5, 6) fault(parser *p, size_t begin, size_t end, const char *hint, const char *fmt, ...) {
  char message[256];
  if (p->now.kind == TOKEN_ERROR) return NULL;
  pgr_place_in at = pgr_place_at(p->source, begin);
  if (end > begin) at.width = (int)(end - begin);
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(message, sizeof message, fmt, ap);
  va_end(ap);
  pgr_faults_add(p->faults, p->source, at, hint, "%s", message);
  p->now.kind = TOKEN_ERROR;
  return NULL;
}

static void *PGR_PRINTF(2, 3) fault_here(parser *p, const char *fmt, ...) {
  char message[256];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(message, sizeof message, fmt, ap);
  va_end(ap);
  return fault(p, p->now.begin, p->now.end, NULL, "%s", message);
}

static void *out_of_memory(parser *p) {
  return fault_here(p, "out of memory");
}

/* For "%.*s": what is too long to repeat is cut. */
static int shown(const token *t) {
  size_t len = t->end - t->begin;
  return len > 40 ? 40 : (int)len;
}

static const char *hint_for(const parser *p) {
  const char *text = p->source->text + p->now.begin;
  char before = p->now.begin > 0 ? text[-1] : '\0';
  switch (*text) {
  case '\'':
  case '"': return "an expression has no text in it, only numbers, true, false and null";
  case ';': return "an expression ends with its line";
  case '!': return "write NOT, or <> for unequal";
  case '=': return before == '=' ? "write a single '='" : NULL;
  case '&': return before == '&' ? "write AND" : NULL;
  case '|': return before == '|' ? "write OR" : NULL;
  default: return p->now.kind == TOKEN_INT_MAX_PLUS_1 ? "only -9223372036854775808 fits into a bigint" : NULL;
  }
}

static void *unexpected(parser *p, const char *expected) {
  const token *t = &p->now;
  if (t->kind == TOKEN_END)
    return fault(p, p->last_end, p->last_end, NULL, "expected %s, the expression ends", expected);
  return fault(p, t->begin, t->end, hint_for(p), "expected %s, found '%.*s'", expected, shown(t),
               p->source->text + t->begin);
}

/* --- Tokens --- */

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

/* '\0' past the end. */
static char peek(const parser *p, size_t offset) {
  return offset < p->end ? p->source->text[offset] : '\0';
}

/* Blanks, and line ends with a backslash before them. */
static size_t skip_blanks(const parser *p, size_t i) {
  for (;;) {
    char c = peek(p, i);
    size_t line_end = peek(p, i + 1) == '\r' ? i + 2 : i + 1;
    if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v')
      i++;
    else if (c == '\\' && peek(p, line_end) == '\n')
      i = line_end + 1;
    else
      return i;
  }
}

static size_t skip_digits(const parser *p, size_t i) {
  while (is_digit(peek(p, i)))
    i++;
  return i;
}

static size_t skip_word(const parser *p, size_t i) {
  while (is_letter(peek(p, i)) || is_digit(peek(p, i)))
    i++;
  return i;
}

/* Past a number's exponent, when there is a whole one. */
static size_t skip_exponent(const parser *p, size_t i) {
  if (peek(p, i) != 'e' && peek(p, i) != 'E') return i;
  size_t digits = i + 1;
  if (peek(p, digits) == '+' || peek(p, digits) == '-') digits++;
  return is_digit(peek(p, digits)) ? skip_digits(p, digits) : i;
}

static token_kind number_too_large(parser *p, const char *type) {
  fault_here(p, "%s constant overflow (%.*s)", type, shown(&p->now), p->source->text + p->now.begin);
  return TOKEN_ERROR;
}

static token_kind read_int(parser *p) {
  static const char max_plus_1[] = "9223372036854775808";
  const char *digits = p->source->text + p->now.begin;
  size_t len = p->now.end - p->now.begin;
  int64_t n = 0;
  if (len == sizeof max_plus_1 - 1 && memcmp(digits, max_plus_1, len) == 0) return TOKEN_INT_MAX_PLUS_1;
  for (size_t i = 0; i < len; i++)
    if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digits[i] - '0', &n))
      return number_too_large(p, "bigint");
  p->now.value = pgr__int(n);
  return TOKEN_INT;
}

static token_kind read_double(parser *p) {
  size_t len = p->now.end - p->now.begin;
  char *copy = pgr_calloc(len + 1, 1); /* strtod must not see what follows */
  if (!copy) {
    out_of_memory(p);
    return TOKEN_ERROR;
  }
  memcpy(copy, p->source->text + p->now.begin, len);
  errno = 0;
  double d = strtod(copy, NULL);
  bool fits = errno == 0;
  pgr_free(copy);
  if (!fits) return number_too_large(p, "double");
  p->now.value = pgr__double(d);
  return TOKEN_DOUBLE;
}

static token_kind lex_number(parser *p, size_t i) {
  size_t digits_end = skip_digits(p, i), j = digits_end;
  if (peek(p, j) == '.') j = skip_digits(p, j + 1);
  p->now.end = p->at = skip_exponent(p, j);
  return p->at == digits_end ? read_int(p) : read_double(p);
}

static token_kind lex_word(parser *p, size_t i) {
  static const struct {
    const char *word;
    token_kind kind;
  } keywords[] = {{"and", TOKEN_AND},       {"or", TOKEN_OR},           {"not", TOKEN_NOT},    {"is", TOKEN_IS},
                  {"isnull", TOKEN_ISNULL}, {"notnull", TOKEN_NOTNULL}, {"case", TOKEN_CASE},  {"when", TOKEN_WHEN},
                  {"then", TOKEN_THEN},     {"else", TOKEN_ELSE},       {"end", TOKEN_FINISH}, {"true", TOKEN_TRUE},
                  {"false", TOKEN_FALSE},   {"null", TOKEN_NULL}};
  p->now.end = p->at = skip_word(p, i);
  size_t len = p->at - i;
  for (size_t k = 0; k < sizeof keywords / sizeof *keywords; k++)
    if (strlen(keywords[k].word) == len && strncasecmp(keywords[k].word, p->source->text + i, len) == 0)
      return keywords[k].kind;
  return TOKEN_NAME;
}

static token_kind lex_symbol(parser *p, size_t i) {
  static const struct {
    char text[3];
    token_kind kind;
  } symbols[] = {{"<=", TOKEN_LE},     {">=", TOKEN_GE},     {"<>", TOKEN_NE},   {"!=", TOKEN_NE},
                 {"<<", TOKEN_LSHIFT}, {">>", TOKEN_RSHIFT}, {"<", TOKEN_LT},    {">", TOKEN_GT},
                 {"=", TOKEN_EQ},      {"+", TOKEN_PLUS},    {"-", TOKEN_MINUS}, {"*", TOKEN_STAR},
                 {"/", TOKEN_SLASH},   {"%", TOKEN_PERCENT}, {"|", TOKEN_BITOR}, {"&", TOKEN_BITAND},
                 {"#", TOKEN_BITXOR},  {"~", TOKEN_TILDE},   {"(", TOKEN_OPEN},  {")", TOKEN_CLOSE},
                 {",", TOKEN_COMMA}};
  for (size_t k = 0; k < sizeof symbols / sizeof *symbols; k++) {
    size_t len = strlen(symbols[k].text);
    if (symbols[k].text[0] != peek(p, i) || (len == 2 && symbols[k].text[1] != peek(p, i + 1))) continue;
    p->now.end = p->at = i + len;
    return symbols[k].kind;
  }
  p->now.end = i + 1;
  unsigned char c = (unsigned char)peek(p, i);
  if (c > ' ' && c < 0x7f)
    fault(p, i, i + 1, hint_for(p), "unexpected character '%c'", c);
  else
    fault(p, i, i + 1, NULL, "unexpected byte 0x%02x", c);
  return TOKEN_ERROR;
}

/* Takes the next token in hand. After an error it stays. */
static void advance(parser *p) {
  if (p->now.kind == TOKEN_ERROR) return;
  p->last_end = p->now.end;
  size_t i = skip_blanks(p, p->at);
  p->now = (token){.kind = TOKEN_END, .begin = i, .end = i};
  char c = peek(p, i);
  p->at = i;
  if (i >= p->end || c == '\n') return;
  if (is_digit(c) || (c == '.' && is_digit(peek(p, i + 1)))) {
    p->now.kind = lex_number(p, i);
  } else if (is_letter(c)) {
    p->now.kind = lex_word(p, i);
  } else if (c == ':' && skip_word(p, i + 1) > i + 1) {
    p->now.end = p->at = skip_word(p, i + 1);
    p->now.kind = TOKEN_VARIABLE;
  } else {
    p->now.kind = lex_symbol(p, i);
  }
}

static bool accept(parser *p, token_kind kind) {
  if (p->now.kind != kind) return false;
  advance(p);
  return true;
}

/* --- Nodes --- */

static bool count_node(parser *p) {
  if (++p->nodes <= PGR_EXPR_NODES_MAX) return true;
  fault_here(p, "the expression has more than %d operands and operators", PGR_EXPR_NODES_MAX);
  return false;
}

static void *too_deep(parser *p) {
  return fault_here(p, "the expression is nested more than %d deep", PGR_EXPR_DEPTH_MAX);
}

static pgr_expr *new_node(parser *p, pgr__node_kind kind) {
  if (!count_node(p)) return NULL;
  pgr_expr *e = pgr_arena_alloc(p->arena, sizeof *e);
  if (!e) return out_of_memory(p);
  e->kind = kind;
  return e;
}

static pgr_expr *constant(parser *p, pgr_value value) {
  pgr_expr *e = new_node(p, PGR__NODE_CONSTANT);
  if (e) e->as.constant = value;
  return e;
}

static pgr_expr *raise_above(parser *p, pgr_expr *e, const pgr_expr *below) {
  if (below && below->height >= e->height) e->height = below->height + 1;
  return e->height > PGR_EXPR_DEPTH_MAX ? too_deep(p) : e;
}

/* left op right, by making a chain longer or beginning one. Whatever made left, its steps come first, so parentheses
 * and prefix operators need no node of their own. */
static pgr_expr *apply(parser *p, pgr_expr *left, pgr__op op, const pgr_expr *right) {
  pgr_expr *e = left;
  if (e->kind != PGR__NODE_CHAIN) {
    e = new_node(p, PGR__NODE_CHAIN);
    if (!e || !raise_above(p, e, left)) return NULL;
    e->as.chain.first = left;
    e->as.chain.end = &e->as.chain.steps;
  }
  if (!count_node(p)) return NULL;
  pgr__step *step = pgr_arena_alloc(p->arena, sizeof *step);
  if (!step) return out_of_memory(p);
  *step = (pgr__step){.op = op, .right = right};
  *e->as.chain.end = step;
  e->as.chain.end = &step->next;
  return raise_above(p, e, right);
}

/* --- Grammar --- */

static pgr_expr *parse(parser *p, level context);

/* Everything that recurses without getting tighter comes through here. */
static pgr_expr *parse_deeper(parser *p, level context) {
  if (p->depth == PGR_EXPR_DEPTH_MAX) return too_deep(p);
  p->depth++;
  pgr_expr *e = parse(p, context);
  p->depth--;
  return e;
}

static pgr_expr *variable(parser *p, const char *name, size_t len) {
  if (len > PGR_NAME_BYTES_MAX) return fault_here(p, "the variable's name is longer than %d bytes", PGR_NAME_BYTES_MAX);
  int slot = pgr_names_intern(p->names, name, len);
  if (slot < 0 && p->names->count >= PGR_NAMES_MAX)
    return fault_here(p, "there are more than %d variables", PGR_NAMES_MAX);
  if (slot < 0) return out_of_memory(p);
  pgr_expr *e = new_node(p, PGR__NODE_VARIABLE);
  if (e) e->as.slot = slot;
  return e;
}

static void *unknown_function(parser *p, const token *name) {
  char word[64], hint[160] = "";
  size_t len = name->end - name->begin;
  const char *near = NULL, *text = p->source->text + name->begin;
  if (len < sizeof word) {
    for (size_t i = 0; i < len; i++)
      word[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);
    word[len] = '\0';
    near = pgr_nearest(word, pgr__function_names());
  }
  if (near)
    snprintf(hint, sizeof hint, "did you mean '%s'?", near);
  else if (p->now.kind != TOKEN_OPEN && len < sizeof word)
    snprintf(hint, sizeof hint, "did you mean ':%.*s', the variable?", (int)len, text);
  return fault(p, name->begin, name->end, hint[0] ? hint : NULL, "unknown function '%.*s'", shown(name), text);
}

static void *wrong_count(parser *p, const token *name, const pgr__function *f, int given) {
  char range[48];
  if (f->max_args == PGR__ANY_NUMBER)
    snprintf(range, sizeof range, "at least %d", f->min_args);
  else if (f->max_args > f->min_args)
    snprintf(range, sizeof range, "%d or %d", f->min_args, f->max_args);
  else
    snprintf(range, sizeof range, "%d", f->min_args);
  bool one = f->max_args == 1 || f->max_args == PGR__ANY_NUMBER;
  return fault(p, name->begin, name->end, NULL, "%s() takes %s argument%s, not %d", f->name, range, one ? "" : "s",
               given);
}

/* Appends to the arguments of a CALL or CASE. */
static bool take_argument(parser *p, pgr_expr *e, pgr_expr ***end, pgr_expr *arg) {
  if (!arg) return false;
  **end = arg;
  *end = &arg->next;
  return raise_above(p, e, arg) != NULL;
}

/* The grammar lets a list begin with a comma: abs(,1) is abs(1). */
static pgr_expr *parse_call(parser *p) {
  token name = p->now;
  const pgr__function *f = pgr__function_find(p->source->text + name.begin, name.end - name.begin);
  advance(p);
  if (!f) return unknown_function(p, &name);
  pgr_expr *e = new_node(p, PGR__NODE_CALL);
  if (!e) return NULL;
  e->as.call.op = f->op;
  pgr_expr **end = &e->as.call.args;
  int count = 0;
  if (!accept(p, TOKEN_OPEN)) return unexpected(p, "'(' after the function's name");
  if (p->now.kind != TOKEN_CLOSE && p->now.kind != TOKEN_COMMA) {
    if (!take_argument(p, e, &end, parse_deeper(p, LEVEL_NONE))) return NULL;
    count++;
  }
  for (; accept(p, TOKEN_COMMA); count++)
    if (!take_argument(p, e, &end, parse_deeper(p, LEVEL_NONE))) return NULL;
  if (!accept(p, TOKEN_CLOSE)) return unexpected(p, "an operator, ',' or ')'");
  if (count < f->min_args || (f->max_args != PGR__ANY_NUMBER && count > f->max_args))
    return wrong_count(p, &name, f, count);
  static const char seed[] = "default_seed";
  if (f->max_args > count && !take_argument(p, e, &end, variable(p, seed, sizeof seed - 1))) return NULL;
  return e;
}

static pgr_expr *parse_case(parser *p) {
  pgr_expr *e = new_node(p, PGR__NODE_CASE);
  if (!e) return NULL;
  pgr_expr **end = &e->as.call.args;
  advance(p);
  if (p->now.kind != TOKEN_WHEN) return unexpected(p, "WHEN (CASE has a condition after each WHEN, and no value)");
  while (accept(p, TOKEN_WHEN)) {
    if (!take_argument(p, e, &end, parse_deeper(p, LEVEL_NONE))) return NULL;
    if (!accept(p, TOKEN_THEN)) return unexpected(p, "an operator or THEN");
    if (!take_argument(p, e, &end, parse_deeper(p, LEVEL_NONE))) return NULL;
  }
  if (accept(p, TOKEN_ELSE)) {
    if (!take_argument(p, e, &end, parse_deeper(p, LEVEL_NONE))) return NULL;
    if (!accept(p, TOKEN_FINISH)) return unexpected(p, "an operator or END");
    return e;
  }
  if (!accept(p, TOKEN_FINISH)) return unexpected(p, "an operator, WHEN, ELSE or END");
  return take_argument(p, e, &end, constant(p, (pgr_value){.type = PGR_TYPE_NULL})) ? e : NULL;
}

static pgr_expr *parse_parentheses(parser *p) {
  advance(p);
  pgr_expr *e = parse_deeper(p, LEVEL_NONE);
  if (!e || accept(p, TOKEN_CLOSE)) return e;
  return unexpected(p, "an operator or ')'");
}

/* -x is 0 - x, ~x is -1 # x. */
static pgr_expr *parse_prefix(parser *p) {
  token_kind kind = p->now.kind;
  advance(p);
  if (kind == TOKEN_MINUS && accept(p, TOKEN_INT_MAX_PLUS_1)) return constant(p, pgr__int(INT64_MIN));
  pgr_expr *zero = NULL;
  if (kind == TOKEN_MINUS || kind == TOKEN_TILDE) {
    zero = constant(p, pgr__int(kind == TOKEN_MINUS ? 0 : -1));
    if (!zero) return NULL;
  }
  level context = kind == TOKEN_NOT ? LEVEL_NOT : kind == TOKEN_TILDE ? LEVEL_BITWISE : LEVEL_UNARY;
  pgr_expr *e = parse_deeper(p, context);
  if (!e || kind == TOKEN_PLUS) return e;
  if (kind == TOKEN_NOT) return apply(p, e, PGR__OP_NOT, NULL);
  return apply(p, zero, kind == TOKEN_MINUS ? PGR__OP_SUB : PGR__OP_BITXOR, e);
}

static pgr_expr *parse_constant(parser *p, pgr_value value) {
  pgr_expr *e = constant(p, value);
  if (e) advance(p);
  return e;
}

static pgr_expr *parse_operand(parser *p) {
  const token *t = &p->now;
  pgr_expr *e;
  /* Of all tokens these can begin an operand. */
  if (t->kind == TOKEN_INT || t->kind == TOKEN_DOUBLE) return parse_constant(p, t->value);
  if (t->kind == TOKEN_NULL) return parse_constant(p, (pgr_value){.type = PGR_TYPE_NULL});
  if (t->kind == TOKEN_TRUE || t->kind == TOKEN_FALSE) return parse_constant(p, pgr__bool(t->kind == TOKEN_TRUE));
  if (t->kind == TOKEN_NAME) return parse_call(p);
  if (t->kind == TOKEN_CASE) return parse_case(p);
  if (t->kind == TOKEN_OPEN) return parse_parentheses(p);
  if (t->kind == TOKEN_PLUS || t->kind == TOKEN_MINUS || t->kind == TOKEN_TILDE || t->kind == TOKEN_NOT)
    return parse_prefix(p);
  if (t->kind != TOKEN_VARIABLE) return unexpected(p, "a value");
  e = variable(p, p->source->text + t->begin + 1, t->end - t->begin - 1);
  if (e) advance(p);
  return e;
}

typedef struct infix {
  token_kind kind;
  level level;
  pgr__op op;
  bool swapped; /* b op a, and b is evaluated first */
} infix;

static const infix *find_infix(token_kind kind) {
  static const infix table[] = {{TOKEN_OR, LEVEL_OR, PGR__OP_OR, false},
                                {TOKEN_AND, LEVEL_AND, PGR__OP_AND, false},
                                {TOKEN_IS, LEVEL_IS, PGR__OP_IS, false},
                                {TOKEN_ISNULL, LEVEL_IS, PGR__OP_IS, false},
                                {TOKEN_NOTNULL, LEVEL_IS, PGR__OP_IS, false},
                                {TOKEN_LT, LEVEL_COMPARISON, PGR__OP_LT, false},
                                {TOKEN_LE, LEVEL_COMPARISON, PGR__OP_LE, false},
                                {TOKEN_GT, LEVEL_COMPARISON, PGR__OP_LT, true},
                                {TOKEN_GE, LEVEL_COMPARISON, PGR__OP_LE, true},
                                {TOKEN_EQ, LEVEL_COMPARISON, PGR__OP_EQ, false},
                                {TOKEN_NE, LEVEL_COMPARISON, PGR__OP_NE, false},
                                {TOKEN_BITOR, LEVEL_BITWISE, PGR__OP_BITOR, false},
                                {TOKEN_BITXOR, LEVEL_BITWISE, PGR__OP_BITXOR, false},
                                {TOKEN_BITAND, LEVEL_BITWISE, PGR__OP_BITAND, false},
                                {TOKEN_LSHIFT, LEVEL_BITWISE, PGR__OP_LSHIFT, false},
                                {TOKEN_RSHIFT, LEVEL_BITWISE, PGR__OP_RSHIFT, false},
                                {TOKEN_PLUS, LEVEL_SUM, PGR__OP_ADD, false},
                                {TOKEN_MINUS, LEVEL_SUM, PGR__OP_SUB, false},
                                {TOKEN_STAR, LEVEL_PRODUCT, PGR__OP_MUL, false},
                                {TOKEN_SLASH, LEVEL_PRODUCT, PGR__OP_DIV, false},
                                {TOKEN_PERCENT, LEVEL_PRODUCT, PGR__OP_MOD, false}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].kind == kind) return &table[i];
  return NULL;
}

/* ISNULL, NOTNULL, IS [NOT] NULL, IS [NOT] TRUE, IS [NOT] FALSE. */
static pgr_expr *parse_is(parser *p, pgr_expr *left) {
  token_kind kind = p->now.kind;
  advance(p);
  bool negated = kind == TOKEN_NOTNULL || (kind == TOKEN_IS && accept(p, TOKEN_NOT));
  pgr_value what = {.type = PGR_TYPE_NULL};
  if (kind == TOKEN_IS && (p->now.kind == TOKEN_TRUE || p->now.kind == TOKEN_FALSE))
    what = pgr__bool(p->now.kind == TOKEN_TRUE);
  else if (kind == TOKEN_IS && p->now.kind != TOKEN_NULL)
    return unexpected(p, negated ? "NULL, TRUE or FALSE" : "NULL, TRUE, FALSE or NOT");
  if (kind == TOKEN_IS) advance(p);
  pgr_expr *e = constant(p, what);
  if (e) e = apply(p, left, PGR__OP_IS, e);
  return e && negated ? apply(p, e, PGR__OP_NOT, NULL) : e;
}

/* An operand and what binds tighter than the context. */
static pgr_expr *parse(parser *p, level context) {
  pgr_expr *left = parse_operand(p);
  for (const infix *next; left && (next = find_infix(p->now.kind)) && next->level >= context;) {
    if (next->level == LEVEL_COMPARISON && context == LEVEL_COMPARISON)
      return fault(p, p->now.begin, p->now.end, "write (a < b) and (b < c)", "comparisons do not chain");
    if (next->level == context) break;
    if (next->level == LEVEL_IS) {
      left = parse_is(p, left);
      continue;
    }
    advance(p);
    pgr_expr *right = parse(p, next->level);
    if (!right) return NULL;
    left = next->swapped ? apply(p, right, next->op, left) : apply(p, left, next->op, right);
  }
  return left;
}

bool pgr_expr_parse(const pgr_source *source, size_t begin, size_t end, pgr_names *names, pgr_arena *arena,
                    pgr_faults *faults, const pgr_expr **out) {
  parser p = {.source = source, .at = begin, .end = end, .names = names, .arena = arena, .faults = faults};
  p.now = (token){.kind = TOKEN_END, .begin = begin, .end = begin};
  advance(&p);
  pgr_expr *e = parse(&p, LEVEL_NONE);
  if (e && p.now.kind != TOKEN_END) e = unexpected(&p, "an operator or the end of the line");
  if (!e) return false;
  *out = e;
  return true;
}
