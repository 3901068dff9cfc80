# find_package(pgrace): the program as pgrace::pgrace, and pgrace_add_scenario().
include(${CMAKE_CURRENT_LIST_DIR}/pgraceTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/PgraceAddScenario.cmake)
