/* The command line (CONTRACT 2): data on stdout, messages on stderr, exit 0 ok / 1 failed / 2 wrong usage. */
#pragma once

int bw_cli_main(int argc, char **argv);
