/* cmocka and the headers it wants first. */
#ifndef PGR_TEST_H
#define PGR_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#endif
