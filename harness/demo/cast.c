/* A help line by text message: people ask what has one answer, and two agents who do not know of each other give two.
 * Each pair contradicts itself so plainly that nobody has to be told what went wrong. */
#include "pgr_cast.h"

#include "pgr_moment.h"
#include <stdio.h>
#include <string.h>

typedef struct talk {
  const char *customer, *question;
  const char *answers[PGR_SEATS]; /* Ada's, Ben's; the crowd's are either */
} talk;

static const talk talks[] = {
    {"Dana", "Is the clinic open today?", {"Yes, until 6 pm. Come by!", "No, it is closed until Monday."}},
    {"Luis", "Where do I vote?", {"At the town hall, Main Street 1.", "At the school on Park Avenue."}},
    {"Mei", "Do I need to bring an ID?", {"Yes, please bring a photo ID.", "No, your name is enough."}},
    {"Omar", "Can I still register?", {"Yes, until midnight tonight.", "Sorry, that ended yesterday."}},
    {"Priya", "When does the rally start?", {"At 3 pm sharp.", "It was moved to 7 pm."}},
    {"Tom", "Is my ride to the polls booked?", {"Yes, the driver comes at 9.", "There is no ride in your name."}},
    {"Nina", "Can my son come along?", {"Of course, children are welcome.", "Sorry, it is for adults only."}},
    {"Joe", "Did my donation arrive?", {"Yes, thank you for the $20!", "No, the card was declined."}},
    {"Aisha", "Which bus goes there?", {"The red line, to the end.", "The blue one, the red one is off."}},
    {"Ken", "Is the shelter full tonight?", {"There is room, come by.", "It is full, please try tomorrow."}},
    {"Rosa", "¿Hablan español?", {"Sí, le llamamos hoy.", "Sorry, English only."}},
    {"Ivan", "Do I get my form by mail?", {"It was sent on Tuesday.", "No, please print it yourself."}},
    {"Grace", "May I park at the hall?", {"Yes, parking is free.", "No, cars are towed there."}},
    {"Sami", "Is there food at the event?", {"Yes, lunch is on us.", "No, bring your own, please."}},
    {"Ella", "Can I change my appointment?", {"Done: Friday at 10.", "It cannot be changed any more."}},
    {"Max", "Do you need volunteers?", {"Yes! Saturday at 8, please.", "Thanks, the list is full."}},
    {"Yuki", "Is the test free of charge?", {"It is free for everybody.", "It costs $35, cash only."}},
    {"Paul", "Can I bring my dog?", {"Dogs are fine.", "No animals, please."}},
    {"Lena", "How long is the line?", {"About ten minutes.", "Two hours, come after lunch."}},
    {"Carl", "Is the road open again?", {"Yes, since this morning.", "Closed until further notice."}},
    {"Zoe", "Do I have to boil the water?", {"No, it is safe to drink.", "Yes, boil it for a minute."}},
    {"Femi", "Can I vote by mail?", {"Yes, I will send you the form.", "No, only in person."}},
    {"Anna", "Will somebody call me back?", {"Yes, within the hour.", "No, please write to us."}},
    {"Hugo", "Is the meeting online?", {"Yes, here comes the link.", "No, it is in room 204."}},
    {"Ruth", "Can I pick it up today?", {"It is ready at the desk.", "It arrives next week."}},
    {"Noah", "Does the train run on Sunday?", {"Every hour, as always.", "There is no train on Sunday."}},
    {"Vera", "Am I on the list?", {"You are, see you there!", "I cannot find your name."}},
    {"Theo", "Is my vote counted?", {"Yes, on Tuesday at 8 pm.", "It is still being checked."}},
    {"Jana", "Can my mother sign for me?", {"Yes, a note is enough.", "No, you have to sign."}},
    {"Raj", "Do you have a wheelchair ramp?", {"Yes, at the main door.", "Only stairs, I am sorry."}},
    {"Ines", "Is the pool heated?", {"It has 28 degrees.", "It is empty until May."}},
    {"Bill", "Did you get my photo?", {"Got it, all is well.", "Nothing came, send it again."}},
    {"Mona", "Can I get a refund?", {"It is on its way.", "Tickets are not refunded."}},
    {"Finn", "Which door do I use?", {"The one on the left.", "The back door, the left is locked."}},
    {"Cleo", "Is it called off for the rain?", {"No, we go on as planned.", "Yes, it was called off."}},
    {"Adam", "Shall I wait here?", {"Yes, somebody picks you up.", "Please go home, it is over."}}};

static const talk *talk_of(int64_t key) {
  return &talks[((uint64_t)key - 1) % (sizeof talks / sizeof *talks)];
}

void pgr_cast_agent(uint32_t agent, char out[PGR_CAST_NAME_BYTES]) {
  static const char *const names[PGR_SEATS] = {"Ada", "Ben"};
  if (agent >= 1 && agent <= PGR_SEATS)
    snprintf(out, PGR_CAST_NAME_BYTES, "%s", names[agent - 1]);
  else
    snprintf(out, PGR_CAST_NAME_BYTES, "agent %u", agent);
}

const char *pgr_cast_customer(int64_t key) {
  return talk_of(key)->customer;
}

const char *pgr_cast_question(int64_t key) {
  return talk_of(key)->question;
}

const char *pgr_cast_answer(int64_t key, uint32_t agent) {
  return talk_of(key)->answers[(agent - 1) % PGR_SEATS];
}

/* Where libpq goes on to guess, ask or hint, or the server to explain. */
static size_t first_part(const char *text) {
  static const char *const next[] = {"\n", "Is the server running", "DETAIL:", "HINT:"};
  size_t len = strlen(text);
  for (size_t i = 0; i < sizeof next / sizeof *next; i++) {
    const char *at = strstr(text, next[i]);
    if (at && (size_t)(at - text) < len) len = (size_t)(at - text);
  }
  while (len > 0 && strchr(" \t\r\n.?!:;,", text[len - 1]))
    len--;
  return len;
}

void pgr_cast_sentence(char *out, size_t bytes, const char *text) {
  static const char cut[] = "…";
  size_t len = first_part(text);
  bool fits = len + 2 <= bytes;
  if (!fits) {
    size_t room = bytes - sizeof cut, at = room;
    while (at > 0 && text[at] != ' ')
      at--;
    len = at > 0 ? at : room;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
      len--;
  }
  snprintf(out, bytes, "%.*s%s", (int)len, text, len == 0 ? "" : fits ? "." : cut);
}

const char *pgr_cast_nothing_released(void) {
  return "It was not yours any more";
}

static const char *message_of_success(const pgr_scenario *s, uint8_t operation) {
  if (operation == s->ownership.acquire) return "Conversation claimed successfully";
  if (operation == s->ownership.release) return "Conversation given back";
  return "Answer sent";
}

const char *pgr_cast_message(const pgr_scenario *s, uint8_t operation, pgr_outcome outcome,
                             const pgr_rejection *rejection) {
  switch (outcome) {
  case PGR_OUTCOME_OK: return message_of_success(s, operation);
  case PGR_OUTCOME_REFUSED: return "This conversation is already checked out";
  case PGR_OUTCOME_REJECTED:
    return rejection && rejection->message ? rejection->message : "The database did not allow it";
  case PGR_OUTCOME_FAILED: return "Something went wrong";
  case PGR_OUTCOME_UNKNOWN: return "Connection lost: it may have happened";
  case PGR_OUTCOME_RETRIED: return "Trying once more";
  case PGR_OUTCOME_COUNT: break;
  }
  return "";
}
