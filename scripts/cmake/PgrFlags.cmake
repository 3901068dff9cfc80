# Assertions stay on in what users run: they cost nothing that can be measured, and a broken invariant that goes on
# would be a wrong verdict.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

# pgr_flags: what every target of ours is compiled with. An INTERFACE target, so that nothing leaks into
# CMAKE_C_FLAGS and a dependency's headers keep their own rules.
add_library(pgr_flags INTERFACE)
target_compile_definitions(pgr_flags INTERFACE _GNU_SOURCE) # pdeathsig, timerfd, flock, setgroups: Linux on purpose
target_compile_options(pgr_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef
  -Wcast-align -Wwrite-strings -Wswitch-enum -Wconversion -Wno-sign-conversion
  $<$<BOOL:${PGR_WERROR}>:-Werror>
  -fno-omit-frame-pointer)
if(PGR_FUZZ)
  target_compile_options(pgr_flags INTERFACE -fsanitize=fuzzer-no-link) # so that libFuzzer sees into the modules
endif()
if(PGR_SANITIZE)
  target_compile_options(pgr_flags INTERFACE -fsanitize=${PGR_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(pgr_flags INTERFACE -fsanitize=${PGR_SANITIZE})
endif()
