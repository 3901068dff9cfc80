# pgr_test(NAME <name> LABEL unit|golden|live|fuzz SOURCES … LIBS … [TIMEOUT s] [ARGS …])
# A cmocka program registered with CTest. Every test has a time limit.
# pgr_script_test(NAME <name> LABEL … SCRIPT <file.sh> [TIMEOUT s] [ENV NAME=value …])
# A shell test of the built program; exit status 77 means skipped, and the test prints why.

set(PGR_TEST_ENV
  "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1")

# Live tests look at what is left in folders that all private servers of a user share.
function(pgr_alone_if_live test label)
  if(label STREQUAL live)
    set_tests_properties(${test} PROPERTIES RESOURCE_LOCK private_servers)
  endif()
endfunction()

function(pgr_test)
  cmake_parse_arguments(T "" "NAME;LABEL;TIMEOUT" "SOURCES;LIBS;ARGS" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 60)
  endif()
  set(target test_${T_LABEL}_${T_NAME})
  add_executable(${target} ${T_SOURCES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
  target_link_libraries(${target} PRIVATE pgr_flags ${T_LIBS} PkgConfig::CMOCKA)
  add_test(NAME ${T_LABEL}.${T_NAME} COMMAND ${target} ${T_ARGS})
  set_tests_properties(${T_LABEL}.${T_NAME} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS ${T_LABEL}
    ENVIRONMENT "${PGR_TEST_ENV}" SKIP_RETURN_CODE 77)
  pgr_alone_if_live(${T_LABEL}.${T_NAME} ${T_LABEL})
endfunction()

function(pgr_script_test)
  cmake_parse_arguments(T "" "NAME;LABEL;TIMEOUT;SCRIPT" "ENV" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  add_test(NAME ${T_LABEL}.${T_NAME} COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/${T_SCRIPT})
  set_tests_properties(${T_LABEL}.${T_NAME} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS ${T_LABEL}
    ENVIRONMENT "${PGR_TEST_ENV};PGRACE=$<TARGET_FILE:pgrace>;PGR_SOURCE_DIR=${PROJECT_SOURCE_DIR};PGR_BINARY_DIR=${PROJECT_BINARY_DIR};PGR_SANITIZE=${PGR_SANITIZE};${T_ENV}"
    SKIP_RETURN_CODE 77)
  pgr_alone_if_live(${T_LABEL}.${T_NAME} ${T_LABEL})
endfunction()
