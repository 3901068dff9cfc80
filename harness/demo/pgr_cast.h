/* Who plays in the demo: names, what customers ask, what agents answer and are told. Pure; one place for words that the
 * page and the terminal share. */
#ifndef PGR_CAST_H
#define PGR_CAST_H

#include "pgr_history.h"
#include "pgr_scenario.h"
#include <stdint.h>

/* agent from 1: "Ada", "Ben"; of the crowd "agent 17". out: at least 32 bytes. */
enum { PGR_CAST_NAME_BYTES = 32 };
void pgr_cast_agent(uint32_t agent, char out[PGR_CAST_NAME_BYTES]);

/* Of a conversation; it repeats after a few dozen. Static. */
const char *pgr_cast_customer(int64_t key);
const char *pgr_cast_question(int64_t key);
/* What an agent answers to it: those of two agents contradict each other. Static. */
const char *pgr_cast_answer(int64_t key, uint32_t agent);

/* What the application shows an agent whose operation ended so: "Conversation claimed successfully"; of a rejection the
 * scenario's own message. rejection: NULL when it was none. Static, or the scenario's. */
const char *pgr_cast_message(const pgr_scenario *s, uint8_t operation, pgr_outcome outcome,
                             const pgr_rejection *rejection);
/* … and whose release ended ok, but changed no row. */
const char *pgr_cast_nothing_released(void);

/* Why there is no database, as one sentence for people: of a library's text in several parts (its lines are joined with
 * blanks) the first; whole words, with "…" where it is cut; one full stop. out: bytes >= 8. */
void pgr_cast_sentence(char *out, size_t bytes, const char *text);

#endif
