/* The shape of a scenario: which keys there are, which must be there, what may be how many, as a schema of libcyaml's.
 * Invariant: what pgr__shape_load returns lies in the arena whole, hence libcyaml never frees anything. */
#include "scenario_internal.h"

#define TEXT(key, type, member) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, CYAML_UNLIMITED)
#define MAYBE_TEXT(key, type, member)                                                                                  \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, CYAML_UNLIMITED)
#define LIST(key, type, member, count, item, max)                                                                      \
  CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER, type, member, count, item, 1, max)
#define MAYBE_LIST(key, type, member, count, item, max)                                                                \
  CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, count, item, 1, max)

static const cyaml_schema_value_t text_item = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED)};

static const cyaml_schema_field_t key_fields[] = {MAYBE_TEXT("name", pgr__raw_key, name),
                                                  MAYBE_TEXT("first", pgr__raw_key, first),
                                                  MAYBE_TEXT("last", pgr__raw_key, last), CYAML_FIELD_END};

static const cyaml_schema_field_t ownership_fields[] = {
    TEXT("rule", pgr__raw_ownership, rule), TEXT("acquire", pgr__raw_ownership, acquire),
    MAYBE_TEXT("release", pgr__raw_ownership, release), MAYBE_TEXT("capacity", pgr__raw_ownership, capacity),
    CYAML_FIELD_END};

static const cyaml_schema_field_t operation_fields[] = {
    TEXT("name", pgr__raw_operation, name), MAYBE_TEXT("script", pgr__raw_operation, script),
    MAYBE_TEXT("after", pgr__raw_operation, after), MAYBE_TEXT("when", pgr__raw_operation, when), CYAML_FIELD_END};
static const cyaml_schema_value_t operation_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, pgr__raw_operation, operation_fields)};

static const cyaml_schema_field_t invariant_fields[] = {TEXT("rule", pgr__raw_invariant, rule),
                                                        TEXT("sql", pgr__raw_invariant, sql), CYAML_FIELD_END};
static const cyaml_schema_value_t invariant_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, pgr__raw_invariant, invariant_fields)};

static const cyaml_schema_field_t rejection_fields[] = {
    TEXT("sqlstate", pgr__raw_rejection, sqlstate), MAYBE_TEXT("constraint", pgr__raw_rejection, constraint),
    MAYBE_TEXT("field", pgr__raw_rejection, field), MAYBE_TEXT("message", pgr__raw_rejection, message),
    CYAML_FIELD_END};
static const cyaml_schema_value_t rejection_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, pgr__raw_rejection, rejection_fields)};

static const cyaml_schema_field_t retry_fields[] = {
    CYAML_FIELD_IGNORE("sqlstate", CYAML_FLAG_DEFAULT), MAYBE_TEXT("attempts", pgr__raw_retry, attempts),
    MAYBE_TEXT("backoff", pgr__raw_retry, backoff),     MAYBE_TEXT("max_backoff", pgr__raw_retry, max_backoff),
    MAYBE_TEXT("again", pgr__raw_retry, again),         CYAML_FIELD_END};
static const cyaml_schema_value_t retry_item = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, pgr__raw_retry, retry_fields)};

static const cyaml_schema_field_t isolation_fields[] = {
    MAYBE_TEXT("read committed", pgr__raw_isolation, at[PGR_READ_COMMITTED]),
    MAYBE_TEXT("repeatable read", pgr__raw_isolation, at[PGR_REPEATABLE_READ]),
    MAYBE_TEXT("serializable", pgr__raw_isolation, at[PGR_SERIALIZABLE]), CYAML_FIELD_END};

static const cyaml_schema_field_t strategy_fields[] = {
    TEXT("name", pgr__raw_strategy, name),
    TEXT("summary", pgr__raw_strategy, summary),
    MAYBE_TEXT("sampled", pgr__raw_strategy, sampled),
    MAYBE_LIST("install", pgr__raw_strategy, install, install_count, &text_item, PGR_INSTALLS_MAX),
    CYAML_FIELD_IGNORE("scripts", CYAML_FLAG_OPTIONAL),
    MAYBE_LIST("retries", pgr__raw_strategy, retries, retry_count, &retry_item, PGR_RETRIES_MAX),
    CYAML_FIELD_MAPPING("isolation", CYAML_FLAG_DEFAULT, pgr__raw_strategy, isolation, isolation_fields),
    CYAML_FIELD_END};
static const cyaml_schema_value_t strategy_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, pgr__raw_strategy, strategy_fields)};

static const cyaml_schema_field_t fields[] = {
    TEXT("title", pgr__raw, title),
    TEXT("lesson", pgr__raw, lesson),
    MAYBE_TEXT("see", pgr__raw, see),
    MAYBE_TEXT("broken", pgr__raw, broken),
    MAYBE_LIST("schema", pgr__raw, schema, schema_count, &text_item, PGR_INSTALLS_MAX),
    MAYBE_TEXT("seed", pgr__raw, seed),
    MAYBE_TEXT("reset", pgr__raw, reset),
    MAYBE_LIST("ignore", pgr__raw, ignore, ignore_count, &text_item, PGR_IGNORED_MAX),
    MAYBE_TEXT("protocol", pgr__raw, protocol),
    MAYBE_TEXT("pool_mode", pgr__raw, pool_mode),
    CYAML_FIELD_MAPPING("key", CYAML_FLAG_OPTIONAL, pgr__raw, key, key_fields),
    CYAML_FIELD_IGNORE("variables", CYAML_FLAG_OPTIONAL),
    LIST("operations", pgr__raw, operations, operation_count, &operation_item, PGR_OPERATIONS_MAX),
    CYAML_FIELD_MAPPING("ownership", CYAML_FLAG_OPTIONAL, pgr__raw, ownership, ownership_fields),
    MAYBE_LIST("invariants", pgr__raw, invariants, invariant_count, &invariant_item, PGR_INVARIANTS_MAX),
    MAYBE_LIST("rejections", pgr__raw, rejections, rejection_count, &rejection_item, PGR_REJECTIONS_MAX),
    MAYBE_LIST("retries", pgr__raw, retries, retry_count, &retry_item, PGR_RETRIES_MAX),
    LIST("strategies", pgr__raw, strategies, strategy_count, &strategy_item, PGR_STRATEGIES_MAX),
    MAYBE_LIST("compare", pgr__raw, compare, compare_count, &text_item, PGR_STRATEGIES_MAX),
    MAYBE_LIST("thresholds", pgr__raw, thresholds, threshold_count, &text_item, PGR_LIMITS_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t scenario_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, pgr__raw, fields)};

_Static_assert(sizeof fields / sizeof *fields <= PGR_YAML_FIELDS_MAX + 1, "the loader holds them all");

const pgr__raw *pgr__shape_load(pgr_yaml *y, pgr_arena *arena, pgr_faults *faults) {
  static const pgr_yaml_noun level = {isolation_fields, "isolation level", "write it like {read committed: safe}"};
  return pgr_yaml_load(y, &scenario_value, "the scenario", &level, arena, faults);
}
