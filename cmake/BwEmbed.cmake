# bw_embed(TARGET NAME files...): texts that travel inside the binary.
#
# Makes NAME.c in the build folder, with a table `const struct bw_embedded NAME[]` ({file name, text}, ended by a NULL
# name) in the order given, adds it to TARGET, and makes it anew when a file changes. Include "badgewatch/base/embedded.h".
function(bw_embed target name)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
  set(files)
  foreach(file ${ARGN})
    get_filename_component(path ${file} ABSOLUTE)
    list(APPEND files ${path})
  endforeach()
  string(REPLACE ";" "," joined "${files}")
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DOUT=${out} "-DFILES=${joined}" -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
