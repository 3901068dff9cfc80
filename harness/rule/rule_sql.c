/* The trigger of a rule. Everything is decided in WHEN; the function only says no, and why. */
#include "rule_internal.h"

#include "pgr_names.h"
#include <stdio.h>
#include <string.h>

/* ---- pieces ---- */

void pgr__piece_literal(pgr_buf *piece, pgr_buf *out) {
  if (piece->failed) out->failed = true;
  pgr_sql_literal(pgr_buf_text(piece), out);
  pgr_buf_clear(piece);
}

void pgr__piece_end(pgr_buf *piece, pgr_buf *out) {
  if (piece->failed) out->failed = true;
  pgr_buf_deinit(piece);
}

void pgr__write_table(const pgr_rule *rule, pgr_buf *out) {
  pgr_sql_qualified(rule->schema, rule->table, out);
}

/* Next to its table, when that is qualified. */
static void write_function(const pgr_rule *rule, pgr_buf *out) {
  pgr_sql_qualified(rule->schema, rule->function, out);
  pgr_buf_adds(out, "()");
}

void pgr__write_comment(const char *text, pgr_buf *out) {
  enum { WIDTH = 117 };
  while (*text) {
    size_t len = strlen(text), end = len;
    if (len > WIDTH) {
      for (end = WIDTH; end > 0 && text[end] != ' ';)
        end--;
      if (end == 0) end = strcspn(text, " "); /* one long word */
    }
    pgr_buf_adds(out, "-- ");
    for (size_t i = 0; i < end; i++)
      pgr_buf_add(out, (unsigned char)text[i] < 0x20 ? " " : text + i, 1);
    pgr_buf_adds(out, "\n");
    text += end;
    text += strspn(text, " ");
  }
}

void pgr__write_dollars(const pgr_buf *body, pgr_buf *out) {
  const char *text = pgr_buf_text(body);
  char tag[32] = "$$";
  for (int i = 1; strstr(text, tag); i++)
    snprintf(tag, sizeof tag, "$rule%d$", i);
  pgr_buf_addf(out, "%s\n%s%s", tag, text, tag);
}

/* ---- triggers ---- */

static void add_trigger(pgr__trigger *triggers, int *count, pgr__event event, int column) {
  bool further = *count > 0 && triggers[*count - 1].event == event;
  triggers[(*count)++] = (pgr__trigger){.event = event, .column = column, .further = further};
}

int pgr__triggers(const pgr_rule *rule, pgr__trigger out[PGR__TRIGGERS_MAX]) {
  int count = 0;
  for (int i = 0; i < rule->column_count; i++)
    if (rule->columns[i].same && pgr__refuses_changes(&rule->columns[i])) add_trigger(out, &count, PGR__UPDATE, i);
  for (int i = 0; i < rule->column_count; i++)
    if (!rule->columns[i].same) add_trigger(out, &count, PGR__UPDATE_OF, i);
  for (int i = 0; i < rule->column_count; i++)
    if (pgr__refuses_begins(&rule->columns[i])) add_trigger(out, &count, PGR__INSERT, i);
  return count;
}

void pgr__trigger_name(const pgr_rule *rule, const pgr__trigger *trigger, int i, pgr_buf *out) {
  pgr_buf_adds(out, rule->name);
  if (i == 0) return;
  pgr_buf_adds(out, trigger->event == PGR__INSERT ? "_insert" : "_set");
  if (trigger->event != PGR__INSERT || trigger->further) pgr_buf_addf(out, "_%s", rule->columns[trigger->column].name);
}

static void write_trigger_name(const pgr_rule *rule, const pgr__trigger *trigger, int i, pgr_buf *out) {
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr__trigger_name(rule, trigger, i, &name);
  pgr_sql_name(pgr_buf_text(&name), out);
  pgr__piece_end(&name, out);
}

/* OLD.c and NEW.c */
typedef struct row_sides {
  pgr_buf before, after;
} row_sides;

static void row_sides_init(row_sides *s, const pgr_rule_column *column) {
  pgr_buf_init(&s->before, 0);
  pgr_buf_init(&s->after, 0);
  pgr_buf_adds(&s->before, "OLD.");
  pgr_sql_name(column->name, &s->before);
  pgr_buf_adds(&s->after, "NEW.");
  pgr_sql_name(column->name, &s->after);
}

static void row_sides_deinit(row_sides *s, pgr_buf *out) {
  pgr__piece_end(&s->before, out);
  pgr__piece_end(&s->after, out);
}

static void write_condition(const pgr_rule_column *column, pgr__event event, pgr_buf *out) {
  row_sides sides;
  row_sides_init(&sides, column);
  if (event == PGR__INSERT)
    pgr__write_refused_begin(column, pgr_buf_text(&sides.after), out);
  else
    pgr__write_refused(column, pgr_buf_text(&sides.before), pgr_buf_text(&sides.after), 4, out);
  row_sides_deinit(&sides, out);
}

/* Its own part of the rule. "… Two texters must not own one conversation. Raises 23514; shown as "…"." */
static void trigger_comment(const pgr_rule *rule, const pgr__trigger *trigger, pgr_buf *out) {
  if (trigger->event == PGR__INSERT)
    pgr__begin_words(rule, &rule->columns[trigger->column], out);
  else
    pgr__change_words(rule, &rule->columns[trigger->column], out);
  pgr_buf_adds(out, ".");
  if (rule->why) pgr_buf_addf(out, " %s", rule->why);
  pgr_buf_addf(out, " Raises %s", rule->sqlstate);
  if (rule->shown) pgr_buf_addf(out, "; shown as \"%s\"", rule->shown);
  pgr_buf_adds(out, ".");
}

/* New rows are looked at AFTER: BEFORE fires for rows, too, that ON CONFLICT then does not insert. Changes are looked
 * at BEFORE: AFTER does not fire where a row moves to another partition. */
static void write_trigger(const pgr_rule *rule, const pgr__trigger *trigger, int i, pgr_buf *out) {
  pgr_buf comment;
  pgr_buf_init(&comment, 0);
  trigger_comment(rule, trigger, &comment);
  pgr_buf_adds(out, "\nCREATE OR REPLACE TRIGGER ");
  write_trigger_name(rule, trigger, i, out);
  pgr_buf_adds(out, trigger->event == PGR__INSERT ? "\n  AFTER INSERT ON " : "\n  BEFORE UPDATE ");
  if (trigger->event == PGR__UPDATE_OF) {
    pgr_buf_adds(out, "OF ");
    pgr_sql_name(rule->columns[trigger->column].name, out);
    pgr_buf_adds(out, " ");
  }
  if (trigger->event != PGR__INSERT) pgr_buf_adds(out, "ON ");
  pgr__write_table(rule, out);
  pgr_buf_adds(out, "\n  FOR EACH ROW\n  WHEN (");
  write_condition(&rule->columns[trigger->column], trigger->event, out);
  pgr_buf_adds(out, ")\n  EXECUTE FUNCTION ");
  write_function(rule, out);
  pgr_buf_adds(out, ";\nCOMMENT ON TRIGGER ");
  write_trigger_name(rule, trigger, i, out);
  pgr_buf_adds(out, " ON ");
  pgr__write_table(rule, out);
  pgr_buf_adds(out, " IS\n  ");
  pgr_sql_literal(pgr_buf_text(&comment), out);
  pgr_buf_adds(out, ";\n");
  pgr__piece_end(&comment, out);
}

/* ---- the function ---- */

/* Who wrote: session_user alone would be the pool's after SET ROLE, and current_user the function's owner. */
#define ROLE "coalesce(nullif(current_setting('role'), 'none'), session_user)"

/* Text that format() says as it is. */
static void add_format(const char *text, pgr_buf *out) {
  for (const char *s = text; *s; s++) {
    if (*s == '%') pgr_buf_adds(out, "%");
    pgr_buf_add(out, s, 1);
  }
}

/* format('status may not go from %L to %L.', OLD.status, NEW.status); qualified: where the function sets no search_path
 */
static void write_reason(const pgr_rule_column *column, pgr__event event, bool qualified, pgr_buf *out) {
  pgr_buf words;
  row_sides sides;
  pgr_buf_init(&words, 0);
  row_sides_init(&sides, column);
  add_format(column->name, &words);
  pgr_buf_adds(&words, event == PGR__INSERT ? " may not begin with %L." : " may not go from %L to %L.");
  pgr_buf_adds(out, qualified ? "pg_catalog.format(" : "format(");
  pgr_sql_literal(pgr_buf_text(&words), out);
  if (event != PGR__INSERT) pgr_buf_addf(out, ", %s", pgr_buf_text(&sides.before));
  pgr_buf_addf(out, ", %s)", pgr_buf_text(&sides.after));
  row_sides_deinit(&sides, out);
  pgr__piece_end(&words, out);
}

/* Error messages reach who may update and not read. A function that runs as its owner cannot ask whether the caller's
 * rows are hidden, only whether anybody's are. column: a literal or a variable. indent: of the second line. */
static void write_may_read(const pgr_rule *rule, const char *column, bool qualified, int indent, pgr_buf *out) {
  const char *prefix = qualified ? "pg_catalog." : "";
  if (rule->log == PGR_RULE_LOG_TABLE)
    pgr_buf_addf(out,
                 "has_column_privilege((" ROLE ")::name,\n%*sTG_RELID, %s, 'SELECT')\n%*sAND NOT "
                 "(SELECT relrowsecurity FROM pg_class WHERE oid = TG_RELID)",
                 indent + 2, "", column, indent, "");
  else
    pgr_buf_addf(out, "%shas_column_privilege(TG_RELID, %s, 'SELECT')\n%*sAND NOT %srow_security_active(TG_RELID)",
                 prefix, column, indent, "", prefix);
}

static const char not_to_this[] = " may not be set to this.";

/* The DETAIL of the only trigger. */
static void write_only_reason(const pgr_rule *rule, const pgr__trigger *trigger, bool qualified, pgr_buf *out) {
  const pgr_rule_column *column = &rule->columns[trigger->column];
  pgr_buf text, name;
  pgr_buf_init(&text, 0);
  pgr_buf_init(&name, 0);
  pgr_sql_literal(column->name, &name);
  pgr_buf_adds(out, "CASE -- values are for who may read them\n      WHEN ");
  write_may_read(rule, pgr_buf_text(&name), qualified, 8, out);
  pgr_buf_adds(out, "\n      THEN ");
  write_reason(column, trigger->event, qualified, out);
  pgr_buf_adds(out, "\n      ELSE ");
  pgr_buf_addf(&text, "%s%s", column->name, not_to_this);
  pgr__piece_literal(&text, out);
  pgr_buf_adds(out, " END");
  pgr__piece_end(&name, out);
  pgr__piece_end(&text, out);
}

/* Which of several triggers has fired says what was wrong: in the last branch, the first of them. */
static void write_causes(const pgr_rule *rule, const pgr__trigger *triggers, int count, pgr_buf *out) {
  pgr_buf name;
  pgr_buf_init(&name, 0);
  for (int i = count - 1; i >= 0; i--) {
    const pgr_rule_column *column = &rule->columns[triggers[i].column];
    if (i > 0) {
      pgr__trigger_name(rule, &triggers[i], i, &name);
      pgr_buf_adds(out, i == count - 1 ? "  IF TG_NAME = " : "  ELSIF TG_NAME = ");
      pgr__piece_literal(&name, out);
      pgr_buf_adds(out, " THEN\n");
    } else {
      pgr_buf_adds(out, "  ELSE\n");
    }
    pgr_buf_adds(out, "    broken := ");
    pgr_sql_literal(column->name, out);
    pgr_buf_adds(out, ";\n    reason := ");
    write_reason(column, triggers[i].event, false, out);
    pgr_buf_adds(out, ";\n");
  }
  pgr_buf_adds(out, "  END IF;\n  IF (");
  write_may_read(rule, "broken", false, 4, out);
  pgr_buf_addf(out,
               ") IS NOT TRUE THEN\n    reason := broken || '%s'; -- values are for who may read them\n  END IF;\n",
               not_to_this);
  pgr__piece_end(&name, out);
}

/* jsonb_build_object('status', OLD.status, …) */
static void write_logged_values(const pgr_rule *rule, const char *row, pgr_buf *out) {
  pgr_buf_adds(out, "jsonb_build_object(");
  for (int i = 0; i < rule->column_count; i++) {
    if (i > 0) pgr_buf_adds(out, ", ");
    pgr_sql_literal(rule->columns[i].name, out);
    pgr_buf_addf(out, ", %s.", row);
    pgr_sql_name(rule->columns[i].name, out);
  }
  pgr_buf_adds(out, ")");
}

static const char key_of_row[] = "(SELECT jsonb_object_agg(a.attname, to_jsonb(NEW) -> a.attname::text)\n"
                                 "       FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = "
                                 "ANY (i.indkey)\n"
                                 "       WHERE i.indrelid = TG_RELID AND i.indisprimary)";

static void write_server_log(const pgr_rule *rule, pgr_buf *out) {
  pgr_buf_adds(out, "  -- One line of JSON in the server's log: it stays when the transaction is rolled back.\n"
                    "  BEGIN\n    RAISE LOG '%', json_build_object(\n      'rejection', ");
  pgr_sql_literal(rule->name, out);
  pgr_buf_adds(out, ", 'at', clock_timestamp(),\n"
                    "      'role', " ROLE ", 'login', session_user,\n"
                    "      'application', current_setting('application_name'), 'address', inet_client_addr(), "
                    "'pid', pg_backend_pid(),\n"
                    "      'table', TG_RELID::regclass, 'operation', TG_OP,\n      'key', ");
  pgr_buf_addf(out, "%s,\n      'old', ", key_of_row);
  write_logged_values(rule, "OLD", out);
  pgr_buf_adds(out, ",\n      'new', ");
  write_logged_values(rule, "NEW", out);
  pgr_buf_adds(out, ");\n  EXCEPTION WHEN OTHERS THEN\n"
                    "    RAISE WARNING 'this rejection is not in the server''s log: %', SQLERRM;\n  END;\n");
}

static void write_table_log(const pgr_rule *rule, pgr_buf *out) {
  pgr_buf_adds(
      out, "  -- A row of pgrace.rejections, over a connection of its own: it stays when this transaction is rolled "
           "back. Each\n  -- rejection waits for that connection, some milliseconds; what is not refused pays "
           "nothing.\n  DECLARE\n    recorded text;\n  BEGIN\n"
           "    EXECUTE (SELECT format('SELECT %I.dblink_exec($1, $2)', n.nspname)\n"
           "             FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = "
           "'dblink')\n"
           "    INTO recorded USING 'pgrace_rejections', format(\n"
           "      'INSERT INTO pgrace.rejections'\n"
           "      ' (at, role, login, application, address, pid, trigger, relation, operation, key, old, new)'\n"
           "      ' SELECT %L, %L, %L, %L, %L, pid, %L, %L, %L, %L, %L, %L'\n"
           "      ' FROM pg_catalog.pg_stat_activity WHERE pid = %L AND datname = current_database()',\n"
           "      clock_timestamp(), " ROLE ", session_user,\n"
           "      current_setting('application_name'), inet_client_addr(),\n      ");
  pgr_sql_literal(rule->name, out);
  pgr_buf_addf(out, ", TG_RELID::regclass, TG_OP,\n      %s,\n      ", key_of_row);
  write_logged_values(rule, "OLD", out);
  pgr_buf_adds(out, ",\n      ");
  write_logged_values(rule, "NEW", out);
  pgr_buf_adds(out, ",\n      pg_backend_pid());\n"
                    "    IF recorded <> 'INSERT 0 1' THEN -- this database is a copy: the server has the other's name\n"
                    "      RAISE EXCEPTION 'the server pgrace_rejections leads to another database';\n"
                    "    END IF;\n"
                    "  EXCEPTION WHEN OTHERS THEN\n"
                    "    RAISE WARNING 'this rejection is not recorded in pgrace.rejections: %', SQLERRM;\n  END;\n");
}

/* A function that sets search_path costs a rejection half as much again: only where names are looked up that cannot be
 * written out. */
static bool sets_search_path(const pgr_rule *rule) {
  pgr__trigger triggers[PGR__TRIGGERS_MAX];
  return rule->log != PGR_RULE_LOG_NONE || pgr__triggers(rule, triggers) > 1;
}

static void write_body(const pgr_rule *rule, int version, pgr_buf *out) {
  pgr__trigger triggers[PGR__TRIGGERS_MAX];
  int count = pgr__triggers(rule, triggers);
  bool one_cause = count == 1;
  pgr_buf line;
  pgr_buf_init(&line, 0);
  pgr_buf_addf(&line, "%s, version %d: ", rule->name, version);
  pgr_rule_words(rule, &line);
  pgr__write_comment(pgr_buf_text(&line), out);
  pgr__piece_end(&line, out);
  if (!one_cause) pgr_buf_adds(out, "DECLARE\n  broken text; -- the column\n  reason text;\n");
  pgr_buf_adds(out, "BEGIN\n");
  if (!one_cause) write_causes(rule, triggers, count, out);
  if (rule->log == PGR_RULE_LOG_SERVER) write_server_log(rule, out);
  if (rule->log == PGR_RULE_LOG_TABLE) write_table_log(rule, out);
  pgr_buf_addf(out, "  RAISE EXCEPTION USING\n    ERRCODE = '%s',\n    MESSAGE = ", rule->sqlstate);
  pgr_sql_literal(rule->message, out);
  pgr_buf_adds(out, ",\n    DETAIL = ");
  if (one_cause)
    write_only_reason(rule, &triggers[0], !sets_search_path(rule), out);
  else
    pgr_buf_adds(out, "reason");
  pgr_buf_adds(out, ",\n    SCHEMA = TG_TABLE_SCHEMA,\n    TABLE = TG_TABLE_NAME,\n    COLUMN = ");
  if (one_cause)
    pgr_sql_literal(rule->columns[triggers[0].column].name, out);
  else
    pgr_buf_adds(out, "broken");
  pgr_buf_adds(out, ",\n    CONSTRAINT = ");
  pgr_sql_literal(rule->name, out);
  pgr_buf_adds(out, ";\nEND;\n");
}

static void write_function_definition(const pgr_rule *rule, int version, pgr_buf *out) {
  pgr_buf body, comment;
  pgr_buf_init(&body, 0);
  pgr_buf_init(&comment, 0);
  write_body(rule, version, &body);
  pgr_buf_addf(&comment, "Trigger %s on ", rule->name);
  pgr__write_table(rule, &comment);
  pgr_buf_addf(&comment, ", version %d: says no, and why. The rule is the trigger's WHEN.", version);
  pgr_buf_adds(out, "CREATE OR REPLACE FUNCTION ");
  write_function(rule, out);
  pgr_buf_adds(out, " RETURNS trigger\nLANGUAGE plpgsql\n");
  if (rule->log == PGR_RULE_LOG_TABLE)
    pgr_buf_adds(out, "SECURITY DEFINER -- its owner may write pgrace.rejections, others need not be able to\n");
  if (sets_search_path(rule)) pgr_buf_adds(out, "SET search_path = pg_catalog, pg_temp\n");
  pgr_buf_adds(out, "AS ");
  pgr__write_dollars(&body, out);
  pgr_buf_adds(out, ";\n");
  if (rule->log == PGR_RULE_LOG_TABLE) {
    pgr_buf_adds(out, "REVOKE ALL ON FUNCTION ");
    write_function(rule, out);
    pgr_buf_adds(out,
                 " FROM PUBLIC; -- who updates needs no privilege on it, who would make a trigger of his own does\n");
  }
  pgr_buf_adds(out, "COMMENT ON FUNCTION ");
  write_function(rule, out);
  pgr_buf_adds(out, " IS\n  ");
  pgr_sql_literal(pgr_buf_text(&comment), out);
  pgr_buf_adds(out, ";\n");
  pgr__piece_end(&body, out);
  pgr__piece_end(&comment, out);
}

/* ---- a version ---- */

/* The place of rejections, shared by all triggers that log there. */
static const char rejections[] =
    "\n-- Where rejections are recorded. Whoever runs this must be allowed to create the extension dblink, or find it\n"
    "-- there. The server connects to itself as the role that runs this, which is tried at the end. Who is no "
    "superuser\n"
    "-- needs a password for that, and a superuser who makes the server and the mapping beforehand:\n"
    "-- CREATE USER MAPPING FOR ... SERVER pgrace_rejections OPTIONS (user '...', password '...').\n"
    "CREATE EXTENSION IF NOT EXISTS dblink;\n"
    "CREATE SCHEMA IF NOT EXISTS pgrace;\n"
    "CREATE TABLE IF NOT EXISTS pgrace.rejections (\n"
    "  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n"
    "  at timestamptz NOT NULL,\n"
    "  role text NOT NULL,  -- in whose name it was tried: SET ROLE's\n"
    "  login text NOT NULL, -- who had connected\n"
    "  application text,\n"
    "  address inet,\n"
    "  pid integer NOT NULL,\n"
    "  trigger text NOT NULL,\n"
    "  relation text NOT NULL,\n"
    "  operation text NOT NULL,\n"
    "  key jsonb,\n"
    "  old jsonb,\n"
    "  new jsonb\n"
    ");\n"
    "COMMENT ON TABLE pgrace.rejections IS 'What triggers refused, whatever became of the transaction. Nobody deletes "
    "from it but you.';\n"
    "DO $$\n"
    "DECLARE\n"
    "  here boolean;\n"
    "  said text;\n"
    "BEGIN\n"
    "  IF NOT EXISTS (SELECT FROM pg_foreign_server WHERE srvname = 'pgrace_rejections') THEN\n"
    "    EXECUTE format(\n"
    "      'CREATE SERVER pgrace_rejections FOREIGN DATA WRAPPER dblink_fdw'\n"
    "      ' OPTIONS (host %L, port %L, dbname %L, connect_timeout ''2'', options ''-c lock_timeout=2s'')',\n"
    "      coalesce(nullif(trim(split_part( -- of sockets, where this role may know of them\n"
    "        (SELECT setting FROM pg_settings WHERE name = 'unix_socket_directories'), ',', 1)), ''), 'localhost'),\n"
    "      current_setting('port'), current_database());\n"
    "  END IF;\n"
    "  EXECUTE format('CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER pgrace_rejections OPTIONS (user "
    "%L)',\n"
    "    current_user);\n"
    "  BEGIN\n"
    "    EXECUTE (SELECT format('SELECT here FROM %I.dblink($1, $2) AS found (here boolean)', n.nspname)\n"
    "             FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'dblink')\n"
    "    INTO here USING 'pgrace_rejections', format(\n"
    "      'SELECT count(*) > 0 FROM pg_catalog.pg_stat_activity WHERE pid = %L AND datname = current_database()',\n"
    "      pg_backend_pid());\n"
    "  EXCEPTION WHEN OTHERS THEN\n"
    "    GET STACKED DIAGNOSTICS said = PG_EXCEPTION_DETAIL;\n"
    "    RAISE EXCEPTION USING\n"
    "      DETAIL = coalesce(nullif(said, ''), SQLERRM),\n"
    "      MESSAGE = format('log: table: pgrace_rejections cannot be reached as %s: %s: make its server and a user '\n"
    "        'mapping with OPTIONS (user ''...'', password ''...'') beforehand', current_user, SQLERRM),\n"
    "      HINT = 'A superuser makes them and grants USAGE on the server. Or declare log: server.';\n"
    "  END;\n"
    "  IF here IS NOT TRUE THEN\n"
    "    RAISE EXCEPTION USING MESSAGE = 'log: table: the server pgrace_rejections leads to another database',\n"
    "      HINT = format('ALTER SERVER pgrace_rejections OPTIONS (SET dbname %L)', current_database());\n"
    "  END IF;\n"
    "END;\n"
    "$$;\n\n";

/* Triggers of versions that had others: they would call this version's function. Another rule may call it, too: only
 * names that this one makes, each version of which has made the first. In a block, because DROP TRIGGER IF
 * EXISTS keeps readers waiting even where there is nothing to be dropped. */
static void write_stale(const pgr_rule *rule, const pgr__trigger *triggers, int count, pgr_buf *out) {
  pgr_buf body, text, table;
  pgr_buf_init(&body, 0);
  pgr_buf_init(&text, 0);
  pgr_buf_init(&table, 0);
  pgr__write_table(rule, &table);
  pgr_buf_adds(&text, pgr_buf_text(&table));
  pgr_buf_adds(&body, "DECLARE stale name; BEGIN\n  FOR stale IN SELECT tgname FROM pg_trigger WHERE tgrelid = ");
  pgr__piece_literal(&text, &body);
  pgr_buf_adds(&body, "::regclass\n    AND tgfoid = ");
  write_function(rule, &text);
  pgr__piece_literal(&text, &body);
  pgr_buf_adds(&body, "::regprocedure\n    AND (tgname = ");
  pgr_buf_addf(&text, "%s_insert", rule->name);
  pgr__piece_literal(&text, &body);
  pgr_buf_adds(&body, " OR starts_with(tgname, ");
  pgr_buf_addf(&text, "%s_insert_", rule->name);
  pgr__piece_literal(&text, &body);
  pgr_buf_adds(&body, ")\n      OR starts_with(tgname, ");
  pgr_buf_addf(&text, "%s_set_", rule->name);
  pgr__piece_literal(&text, &body);
  pgr_buf_adds(&body, "))\n    AND tgname NOT IN (");
  for (int i = 0; i < count; i++) {
    pgr__trigger_name(rule, &triggers[i], i, &text);
    if (i > 0) pgr_buf_adds(&body, ", ");
    pgr__piece_literal(&text, &body);
  }
  pgr_buf_adds(&body, ")\n  LOOP EXECUTE format(");
  pgr_buf_adds(&text, "DROP TRIGGER %I ON ");
  add_format(pgr_buf_text(&table), &text);
  pgr__piece_literal(&text, &body);
  pgr_buf_adds(&body, ", stale); END LOOP;\nEND ");
  pgr_buf_adds(
      out, "\n-- Triggers that another version had and this one has not; DROP TRIGGER IF EXISTS would lock readers out "
           "for nothing.\nDO ");
  pgr__write_dollars(&body, out);
  pgr_buf_adds(out, ";\n");
  pgr__piece_end(&table, out);
  pgr__piece_end(&body, out);
  pgr__piece_end(&text, out);
}

void pgr_rule_write_version(const pgr_rule *rule, int version, pgr_buf *out) {
  pgr__trigger triggers[PGR__TRIGGERS_MAX];
  int count = pgr__triggers(rule, triggers);
  pgr_buf words;
  pgr_buf_init(&words, 0);
  pgr_rule_words(rule, &words);
  pgr__write_comment(pgr_buf_text(&words), out);
  pgr__piece_end(&words, out);
  if (rule->why) pgr__write_comment(rule->why, out);
  pgr_buf_addf(
      out,
      "-- The application matches SQLSTATE %s and the constraint's name: they are part of the contract.\n"
      "-- The rule is WHEN; NULL there refuses nothing. Its operators are found once, by the search_path this is run "
      "with.\n",
      rule->sqlstate);
  if (count > 0 && triggers[count - 1].event == PGR__INSERT)
    pgr_buf_adds(out, "-- A row that an UPDATE moves to another partition is a new row there.\n");
  if (rule->log == PGR_RULE_LOG_TABLE) pgr_buf_adds(out, rejections);
  write_function_definition(rule, version, out);
  for (int i = 0; i < count; i++)
    write_trigger(rule, &triggers[i], i, out);
  write_stale(rule, triggers, count, out);
}

static void write_drop_trigger(const pgr_rule *rule, const pgr__trigger *trigger, int i, pgr_buf *out) {
  pgr_buf_adds(out, "DROP TRIGGER IF EXISTS ");
  write_trigger_name(rule, trigger, i, out);
  pgr_buf_adds(out, " ON ");
  pgr__write_table(rule, out);
  pgr_buf_adds(out, ";\n");
}

/* Other rules may record there, and what is recorded is nobody's to throw away but the reader's. */
static const char what_stays[] =
    "-- What other triggers may use stays. When none does, and nobody needs what was recorded, this takes it away:\n"
    "--   DROP SERVER IF EXISTS pgrace_rejections CASCADE; -- and its user mappings\n"
    "--   DROP EXTENSION IF EXISTS dblink; -- if nothing else calls it\n"
    "--   DROP TABLE IF EXISTS pgrace.rejections;\n";

void pgr_rule_write_drop(const pgr_rule *rule, pgr_buf *out) {
  pgr__trigger triggers[PGR__TRIGGERS_MAX];
  int count = pgr__triggers(rule, triggers);
  for (int i = 0; i < count; i++)
    write_drop_trigger(rule, &triggers[i], i, out);
  pgr_buf_adds(out, "DROP FUNCTION IF EXISTS ");
  write_function(rule, out);
  pgr_buf_adds(out, ";\n");
  if (rule->log == PGR_RULE_LOG_TABLE) pgr_buf_adds(out, what_stays);
}
