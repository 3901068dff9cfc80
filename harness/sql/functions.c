/* Functions of PostgreSQL's own, by name. A user's function of the same name and other arguments is taken for one. */
#include "pgr_functions.h"

#include <string.h>

/* Each list begins and ends with a space. */
static const char harmless[] =
    " "
    "anytextcat array_sample array_shuffle array_to_json array_to_string bernoulli clock_timestamp concat "
    "concat_ws convert convert_from convert_to current_database current_query current_schema current_schemas "
    "current_setting current_user date date_add date_part date_subtract date_trunc enum_first enum_last "
    "enum_range extract format gen_random_uuid generate_series get_current_ts_config getdatabaseencoding in_range "
    "inet_client_addr inet_client_port inet_server_addr inet_server_port json_build_array json_build_object "
    "json_populate_record json_populate_recordset json_to_record json_to_recordset json_to_tsvector "
    "jsonb_build_array jsonb_build_object jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz "
    "jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset jsonb_to_record "
    "jsonb_to_recordset jsonb_to_tsvector length make_timestamptz money now numeric overlaps pg_backend_pid "
    "pg_client_encoding pg_collation_for pg_column_compression pg_column_size pg_is_in_recovery "
    "pg_postmaster_start_time pg_sleep pg_sleep_for pg_sleep_until pg_trigger_depth pg_typeof phraseto_tsquery "
    "plainto_tsquery quote_literal quote_nullable random random_normal regclass row_to_json session_user setseed "
    "statement_timestamp suppress_redundant_updates_trigger system textanycat time timeofday timestamp "
    "timestamptz timetz timezone to_char to_date to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector "
    "transaction_timestamp ts_headline tsvector_update_trigger tsvector_update_trigger_column uuidv4 uuidv7 "
    "version websearch_to_tsquery xml xml_is_well_formed ";

/* Source: pg_proc of PostgreSQL 15, without what operators, types and indexes call, and without geometry. */
static const char pure[] =
    " "
    "abbrev abs acos acosd acosh array_agg array_append array_cat array_dims array_fill array_length array_lower "
    "array_ndims array_position array_positions array_prepend array_remove array_replace array_to_tsvector "
    "array_upper ascii asin asind asinh atan atan2 atan2d atand atanh avg bit bit_and bit_count bit_length bit_or "
    "bit_xor bool bool_and bool_or bpchar broadcast btrim cardinality cash_words cbrt ceil ceiling char_length "
    "character_length chr corr cos cosd cosh cot cotd count covar_pop covar_samp cume_dist date_bin "
    "datemultirange daterange decode degrees dense_rank div encode every exp factorial family first_value float4 "
    "float8 floor gcd generate_subscripts get_bit get_byte hashtext hashtextextended host hostmask inet_merge "
    "inet_same_family initcap int2 int4 int4multirange int4range int8 int8multirange int8range interval "
    "is_normalized isempty isfinite json_agg json_array_elements json_array_elements_text json_array_length "
    "json_each json_each_text json_extract_path json_extract_path_text json_object json_object_agg "
    "json_object_keys json_strip_nulls json_typeof jsonb_agg jsonb_array_elements jsonb_array_elements_text "
    "jsonb_array_length jsonb_concat jsonb_contains jsonb_delete jsonb_delete_path jsonb_each jsonb_each_text "
    "jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text jsonb_insert "
    "jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query "
    "jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls "
    "jsonb_typeof justify_days justify_hours justify_interval lag last_value lcm lead left like like_escape ln "
    "log log10 lower lower_inc lower_inf lpad ltrim make_date make_interval make_time make_timestamp masklen max "
    "md5 min min_scale mod mode multirange netmask network normalize notlike nth_value ntile num_nonnulls "
    "num_nulls nummultirange numnode numrange octet_length overlay parse_ident percent_rank percentile_cont "
    "percentile_disc pg_encoding_max_length pg_lsn pg_size_bytes pg_size_pretty pg_wal_lsn_diff pi position pow "
    "power querytree quote_ident radians range_agg range_intersect_agg range_merge rank regexp_count regexp_instr "
    "regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table "
    "regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy "
    "repeat replace reverse right round row_number rpad rtrim scale set_bit set_byte set_masklen setweight sha224 "
    "sha256 sha384 sha512 sign similar_escape similar_to_escape sin sind sinh split_part sqrt starts_with stddev "
    "stddev_pop stddev_samp string_agg string_to_array string_to_table strip strpos substr substring sum tan tand "
    "tanh text textlen to_ascii to_hex translate trim_array trim_scale trunc ts_delete ts_filter ts_rank "
    "ts_rank_cd tsmultirange tsquery_phrase tsrange tstzmultirange tstzrange tsvector_to_array unistr unnest "
    "upper upper_inc upper_inf var_pop var_samp varchar variance width_bucket xml_is_well_formed_content "
    "xml_is_well_formed_document xmlagg xmlcomment xmlexists xpath xpath_exists ";

/* What looks at catalogs, at transactions, or speaks to other sessions. */
static const char others[] =
    " "
    "age col_description format_type has_any_column_privilege has_column_privilege has_database_privilege "
    "has_function_privilege has_schema_privilege has_sequence_privilege has_table_privilege obj_description "
    "pg_current_snapshot pg_current_xact_id pg_current_xact_id_if_assigned pg_function_is_visible "
    "pg_get_serial_sequence pg_get_userbyid pg_has_role pg_notify pg_table_is_visible pg_type_is_visible "
    "shobj_description to_regclass to_regnamespace to_regproc to_regprocedure to_regrole to_regtype txid_current "
    "txid_current_if_assigned txid_current_snapshot ";

/* Of extensions that come with PostgreSQL, where the name says so. */
static const char extensions[] = " gen_random_bytes gen_salt uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 ";

const char *pgr_functions_harmless(void) {
  return harmless;
}

const char *pgr_functions_pure(void) {
  return pure;
}

static bool is_in(const char *names, const char *name) {
  size_t len = strlen(name);
  for (const char *at = names; len && (at = strstr(at, name)); at++)
    if (at > names && at[-1] == ' ' && at[len] == ' ') return true;
  return false;
}

bool pgr_function_locks_nothing(const char *name) {
  static const char *const lists[] = {harmless, pure, others, extensions};
  bool found = false;
  for (size_t i = 0; i < sizeof lists / sizeof *lists && !strchr(name, ' '); i++)
    found = found || is_in(lists[i], name);
  return found;
}
