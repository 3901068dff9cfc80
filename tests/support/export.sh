# What the tests of exports share; after lib.sh. The folder is this repository's own and what no form should trip over.

# hostile_folder: ./schema, this repository's own, and after it migrations whose names are alike and whose texts try to
# end whatever they are written into; the last one cannot be taken back.
hostile_folder() {
  cp -r "$PGR_SOURCE_DIR/schema" schema
  mkdir -p schema/triggers/hostile_guard schema/parts
  cat >schema/0003_hostile-texts.up.sql <<'END_OF_FILE'
  -- '#{raise 1}' %s %(a)s %% ''' """ \
CREATE TABLE hostile (id int PRIMARY KEY, note text, "50% """"""#{q}" text);

INSERT INTO hostile (id, note) VALUES
  (1, '#{System.halt(1)} #$stderr #@x %s %(a)s %% {0} ${placeholder} \n \\ \""" '''''' """'),
  (2, E'tab\t \' \\ \u00e9 🐘 $$ ; --'); -- behind; it
SELECT 1;;
DO $do$ BEGIN
    INSERT INTO hostile (id, note) VALUES (3, '
SQL
    SQL
"""
    """
''''''
  
	$$ /* ; */
');
END $do$
END_OF_FILE
  printf "; INSERT INTO hostile (id, note) VALUES (4, 'a\r\nb\r c\001 \u0085 \u2028 \u202E')" >>schema/0003_hostile-texts.up.sql
  echo 'DROP TABLE hostile' >schema/0003_hostile-texts.down.sql
  printf '%s\n' '\ir triggers/hostile_guard/v1.sql' '\ir parts/more.sql' >schema/0004_hostile_texts.up.sql
  echo "INSERT INTO hostile (id, note) VALUES (5, 'more')" >schema/parts/more.sql
  printf '%s\n' 'DROP TRIGGER hostile_guard ON hostile;' 'DROP FUNCTION hostile_guard();' 'DELETE FROM hostile WHERE id = 5;' \
    >schema/0004_hostile_texts.down.sql
  echo 'COMMENT ON TABLE hostile IS NULL;' >schema/0005_final.up.sql
  cat >schema/triggers/hostile_guard/trigger.yaml <<'YAML'
table: hostile
function: hostile_guard
rule:
  - column: note
    allow: null->any, same
message: A note is for good.
shown:
  field: note
  message: 'Say "#{no}" to 50% of \it, 🐘'
YAML
  cat >schema/triggers/hostile_guard/v1.sql <<'END_OF_FILE'
CREATE OR REPLACE FUNCTION hostile_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
/*
SQL
"""
    """ #{raise 1}
'''
$$ ;
*/
  IF OLD.note IS NOT NULL AND NEW.note IS DISTINCT FROM OLD.note THEN
    RAISE EXCEPTION '50%% of \it, "#{no}"' USING ERRCODE = 'check_violation', CONSTRAINT = 'hostile_guard';
  END IF;
  RETURN NEW;
END $guard$;
CREATE OR REPLACE TRIGGER hostile_guard BEFORE UPDATE ON hostile FOR EACH ROW EXECUTE FUNCTION hostile_guard();
COMMENT ON TRIGGER hostile_guard ON hostile IS '🐘 %s #{x} \' -- it goes on; without an end
END_OF_FILE
}

# state DATABASE: its functions, triggers, rows and comments, byte for byte
state() {
  boss -d "$1" <<'SQL'
SELECT proname, encode(convert_to(prosrc, 'UTF8'), 'hex'), obj_description(oid, 'pg_proc') FROM pg_proc
  WHERE pronamespace = 'public'::regnamespace ORDER BY 1;
SELECT pg_get_triggerdef(oid), tgenabled, obj_description(oid, 'pg_trigger') FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1;
SELECT attrelid::regclass, attname, atttypid::regtype, col_description(attrelid, attnum) FROM pg_attribute
  WHERE attrelid IN (to_regclass('conversations'), to_regclass('replies'), to_regclass('hostile')) AND attnum > 0
  ORDER BY attrelid::regclass::text, attnum;
SELECT CASE WHEN to_regclass('hostile') IS NOT NULL THEN query_to_xml(
  'SELECT id, encode(convert_to(note, ''UTF8''), ''hex'') AS note FROM hostile ORDER BY 1', false, true, '')::text END;
SQL
}

# Sets reference: the state after all migrations, applied by psql as they are in the folder; nothing: of an empty
# database.
make_reference() {
  boss -c 'CREATE DATABASE reference'
  nothing=$(state reference)
  for up in schema/*.up.sql; do
    boss -d reference -v ON_ERROR_STOP=1 -1 -f "$up" >/dev/null
  done
  reference=$(state reference)
  [[ $reference == *conversation_texter_assignment_constraint* && $reference == *hostile_guard* ]] || fail "no reference"
}
