/* What went wrong, owned by whoever asks: one code for the program, one line for the person. */
#ifndef PGR_ERR_H
#define PGR_ERR_H

/* X(code, exit status of a command that ends with it) */
#define PGR_CODES(X)                                                                                                   \
  X(PGR_OK, 0)                                                                                                         \
  X(PGR_EINTERRUPTED, 2) /* the user asked us to stop */                                                               \
  X(PGR_EUSAGE, 4)       /* an option, an argument, a file the user wrote */                                           \
  X(PGR_ELIMIT, 4)       /* a stated cap was reached */                                                                \
  X(PGR_EDATABASE, 5)    /* the server said no, or went away */                                                        \
  X(PGR_EENVIRONMENT, 5) /* files, processes, packages */                                                              \
  X(PGR_ENOMEM, 5)

typedef enum pgr_code {
#define PGR_CODE_ENUM(code, status) code,
  PGR_CODES(PGR_CODE_ENUM)
#undef PGR_CODE_ENUM
} pgr_code;

/* Lives on the caller's stack. `msg` is one line: what, where, what to do. Never holds a password. */
typedef struct pgr_err {
  pgr_code code;
  char msg[640];
} pgr_err;

#define PGR_MUST_CHECK __attribute__((warn_unused_result))
#define PGR_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Fill *err and return `code`, so that a failing function can `return pgr_fail(…)`. Control characters and line
 * ends in the formatted text become spaces; text that does not fit is cut. err may be NULL. */
pgr_code pgr_fail(pgr_err *err, pgr_code code, const char *fmt, ...) PGR_PRINTF(3, 4);

/* Exit status of a command that ended with `code` (the table in docs/man/pgrace.1). */
int pgr_exit_status(pgr_code code);

#endif
