# pgr_embed(TARGET <target> SYMBOL <name> [BASE <folder>] FILES …)
# Compiles text files into <target> as `const pgr_embedded <name>[]`, ended by a NULL name (see pgr_embedded.h),
# so that one binary carries what it needs and finds it wherever it is installed. A file is called by its path from
# BASE, or else by its name without a folder.
set(PGR_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed.cmake)
function(pgr_embed)
  cmake_parse_arguments(E "" "TARGET;SYMBOL;BASE" "FILES" ${ARGN})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${E_SYMBOL}.c)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DSYMBOL=${E_SYMBOL} "-DBASE=${E_BASE}" "-DFILES=${E_FILES}"
      -P ${PGR_EMBED_SCRIPT}
    DEPENDS ${E_FILES} ${PGR_EMBED_SCRIPT} VERBATIM)
  target_sources(${E_TARGET} PRIVATE ${out})
endfunction()
