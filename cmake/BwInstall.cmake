# Where Debian expects what comes with the program; the binary itself is installed by src/cli.
install(FILES db/roles.sql DESTINATION ${CMAKE_INSTALL_DATADIR}/badgewatch)
