/* A PostgreSQL of the test's own: initdb in a temporary folder, a unix socket there and a free port of 127.0.0.1.
 *
 *     struct pgserver *server = pgserver_new();         // started; once for a test program
 *     pgserver_database(server, "mine");                // fresh and empty, for each test
 *     pgserver_url(server, "mine", "", url);
 *     pgserver_exec(server, "mine", "CREATE TABLE ...");
 *     pgserver_free(server);
 *
 * Where the test runs as root, the server runs as user postgres, since it refuses root. It ends with the test, however
 * that ends. Whatever goes wrong here is no finding about the code under test: it prints why and aborts. Authentication
 * is trust, but for the user "locked" (scram, password "geheim"). */
#pragma once

#include <stdbool.h>

#define PGSERVER_URL 512

struct pgserver;

struct pgserver *pgserver_new(void);
void pgserver_free(struct pgserver *s);
void pgserver_start(struct pgserver *s); /* returns when it answers */
void pgserver_stop(struct pgserver *s,
                   int signum); /* SIGINT: in order; SIGQUIT: like a crash. Returns when it is gone */
int pgserver_port(const struct pgserver *s);
const char *pgserver_folder(const struct pgserver *s); /* of the socket */
/* Over the unix socket as the superuser; `more` is appended ("&options=..."). */
void pgserver_url(const struct pgserver *s, const char *database, const char *more, char out[PGSERVER_URL]);
/* Over 127.0.0.1 or another name of this machine; user may be "name:password". */
void pgserver_tcp_url(const struct pgserver *s, const char *user, const char *host, const char *database,
                      char out[PGSERVER_URL]);
void pgserver_database(struct pgserver *s, const char *name);
/* On a connection of its own, waiting. Several statements are allowed. */
void pgserver_exec(struct pgserver *s, const char *database, const char *sql);
/* A file through psql as the superuser, with ON_ERROR_STOP; option is one more argument ("-vname=value") or NULL. */
void pgserver_psql(struct pgserver *s, const char *database, const char *file, const char *option);
/* The first value of the answer as text ("" for NULL or no row); the caller frees it. */
char *pgserver_ask(struct pgserver *s, const char *database, const char *sql);
