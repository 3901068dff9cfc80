# pgr_module(NAME <module> SOURCES … HEADERS … [PUBLIC …] [PRIVATE …])
# One static library a module. Its include path is its own folder and no other, so a header of a module that
# is not named here is not found: the layering of docs/architecture.md is enforced by the compiler.
# PUBLIC: modules or libraries whose types its headers expose. PRIVATE: used in its sources alone.
function(pgr_module)
  cmake_parse_arguments(M "" "NAME" "SOURCES;HEADERS;PUBLIC;PRIVATE" ${ARGN})
  add_library(pgr_${M_NAME} STATIC ${M_SOURCES})
  target_sources(pgr_${M_NAME} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_CURRENT_SOURCE_DIR} FILES ${M_HEADERS})
  target_link_libraries(pgr_${M_NAME} PUBLIC ${M_PUBLIC} PRIVATE pgr_flags ${M_PRIVATE})
  set_target_properties(pgr_${M_NAME} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()
