/* The page with documents in it. The page is one file that the build made of reports/; it has a marker where a list of
 * JSON texts belongs, in a <script type="application/json"> element. In there only "<" could end the element or begin a
 * comment, and in JSON it stands in strings alone: written as an escape, no text of a document can be more than text.
 */
#include "pgr_page.h"

#include "pgr_embedded.h"
#include <assert.h>
#include <string.h>

#ifdef PGR_HTML
extern const pgr_embedded pgr_embedded_page[];

static const char marker[] = "@DOCUMENTS@"; /* of reports/index.html, once */

bool pgr_page_is_built(void) {
  return true;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The same document without white space between its tokens; numbers keep the digits they have. */
static void add_compact(const pgr_buf *document, pgr_buf *out) {
  const char *text = pgr_buf_text(document), *end = text + document->len, *from = text;
  bool in_string = false;
  for (const char *p = text; p < end; p++) {
    if (in_string && *p == '\\' && p + 1 < end) {
      p++;
      continue;
    }
    if (*p == '"') in_string = !in_string;
    bool blank = !in_string && is_blank(*p);
    if (*p != '<' && !blank) continue;
    pgr_buf_add(out, from, (size_t)(p - from));
    if (!blank) pgr_buf_adds(out, "\\u003c");
    from = p + 1;
  }
  pgr_buf_add(out, from, (size_t)(end - from));
}

pgr_code pgr_page(const pgr_buf *documents, size_t count, pgr_buf *out, pgr_err *err) {
  const char *page = pgr_embedded_page[0].data, *end = page + pgr_embedded_page[0].len_bytes;
  const char *place = strstr(page, marker);
  assert(place);
  pgr_buf_add(out, page, (size_t)(place - page));
  for (size_t i = 0; i < count; i++) {
    pgr_buf_adds(out, i ? ",\n" : "[");
    add_compact(&documents[i], out);
  }
  pgr_buf_adds(out, count ? "]" : "[]");
  place += sizeof marker - 1;
  pgr_buf_add(out, place, (size_t)(end - place));
  return out->failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}

#else
bool pgr_page_is_built(void) {
  return false;
}

pgr_code pgr_page(const pgr_buf *documents, size_t count, pgr_buf *out, pgr_err *err) {
  (void)documents;
  (void)count;
  (void)out;
  return pgr_fail(err, PGR_EUSAGE,
                  "this pgrace was built without the HTML report; to have it, build with -DPGR_HTML=ON");
}
#endif
