# bw_room(NAME SOURCES a.c b.c DEPS base core PKGS libuv)
#
# A room is a static library bw_NAME. Its public headers are include/badgewatch/NAME/; only a room that
# lists NAME in DEPS sees them: each room has an include root of its own (a link in the build folder), so an
# include that breaks the layering does not compile. PKGS are pkg-config names; they stay private, so a
# client's header is seen by its own room only.
find_package(PkgConfig REQUIRED)

function(bw_pkg out)
  set(targets)
  foreach(pkg ${ARGN})
    if(NOT TARGET PkgConfig::${pkg})
      pkg_check_modules(${pkg} REQUIRED IMPORTED_TARGET GLOBAL ${pkg})
    endif()
    list(APPEND targets PkgConfig::${pkg})
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

function(bw_room name)
  cmake_parse_arguments(R "" "" "SOURCES;DEPS;PKGS" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${root}/badgewatch)
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/include/badgewatch/${name} ${root}/badgewatch/${name} SYMBOLIC)
  add_library(bw_${name} STATIC ${R_SOURCES})
  target_include_directories(bw_${name} PUBLIC ${root} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  bw_pkg(pkgs ${R_PKGS})
  list(TRANSFORM R_DEPS PREPEND bw_)
  target_link_libraries(bw_${name} PUBLIC ${R_DEPS} PRIVATE bw_flags ${pkgs})
endfunction()
