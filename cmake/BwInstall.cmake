# Where Debian expects what comes with the program; the binary itself is installed by src/cli, its man pages are made there.
#
# `cmake --install build/release` with -DCMAKE_INSTALL_PREFIX=/usr; DESTDIR is honoured. Settings that are there already
# stay as they are.
set(unit_dir lib/systemd/system)
configure_file(conf/badgewatch.service.in ${CMAKE_BINARY_DIR}/badgewatch.service @ONLY)
configure_file(conf/badgewatch-backup.service.in ${CMAKE_BINARY_DIR}/badgewatch-backup.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/badgewatch.service ${CMAKE_BINARY_DIR}/badgewatch-backup.service
  conf/badgewatch-backup.timer DESTINATION ${unit_dir})
install(FILES conf/badgewatch.sysusers DESTINATION lib/sysusers.d RENAME badgewatch.conf)
install(FILES db/roles.sql conf/prometheus.rules.yml DESTINATION ${CMAKE_INSTALL_DATADIR}/badgewatch)
install(FILES conf/badgewatch.conf.sample DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL) # no part of the image
install(CODE "
  set(etc \"\$ENV{DESTDIR}${CMAKE_INSTALL_FULL_SYSCONFDIR}/badgewatch\")
  if(NOT EXISTS \"\${etc}/badgewatch.conf\")
    file(INSTALL \"${CMAKE_SOURCE_DIR}/conf/badgewatch.conf.sample\" RENAME badgewatch.conf
      DESTINATION \"${CMAKE_INSTALL_FULL_SYSCONFDIR}/badgewatch\") # puts DESTDIR before it by itself
  endif()
  if(NOT EXISTS \"\${etc}/credentials\")
    file(MAKE_DIRECTORY \"\${etc}/credentials\")
    file(CHMOD \"\${etc}/credentials\" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
  endif()")
