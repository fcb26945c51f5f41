# The images of docker-compose.yml, each a target: badgewatch (the last, so also the default), simulator (the demo).
#
#   docker build -t badgewatch .
#
# Runs as user 10001 without any right; what it needs to write is in Redis and Postgres. psql and pg_dump are taken out
# of their package: Debian's postgresql-client would bring the whole of Perl for a wrapper.
FROM debian:bookworm-slim AS build
WORKDIR /src
COPY tools/packages.sh tools/packages.sh
RUN apt-get update \
    && apt-get install -y --no-install-recommends $(tools/packages.sh list build) \
    && rm -rf /var/lib/apt/lists/*
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY include include
COPY db db
COPY conf conf
COPY src src
COPY test/bench/CMakeLists.txt test/bench/floor.c test/bench/
RUN cmake --preset release -DCMAKE_INSTALL_PREFIX=/usr \
    && cmake --build --preset release \
    && DESTDIR=/out cmake --install build/release --strip \
    && install -s -D build/release/src/sim/badgewatch-sim /sim/usr/bin/badgewatch-sim

FROM debian:bookworm-slim AS runtime
COPY tools/packages.sh /tmp/packages.sh
RUN apt-get update \
    && apt-get install -y --no-install-recommends $(/tmp/packages.sh list image) \
    && cd /tmp && apt-get download postgresql-client-15 \
    && dpkg-deb --fsys-tarfile postgresql-client-15_*.deb | tar -x -C / \
        ./usr/lib/postgresql/15/bin/psql ./usr/lib/postgresql/15/bin/pg_dump ./usr/lib/postgresql/15/bin/pg_restore \
    && ln -s ../lib/postgresql/15/bin/psql ../lib/postgresql/15/bin/pg_dump ../lib/postgresql/15/bin/pg_restore /usr/bin/ \
    && rm -rf /tmp/* /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/* /var/log/* /usr/share/doc/* /usr/share/man/*
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin badgewatch

FROM runtime AS simulator
RUN install -d -o 10001 -g 10001 /data
COPY --from=build /sim/ /
COPY --from=build /out/usr/bin/badgewatch /usr/bin/badgewatch
COPY tools/compose-demo.sh /usr/bin/badgewatch-demo
USER 10001:10001
ENTRYPOINT ["badgewatch-sim"]

FROM runtime AS badgewatch
COPY --from=build /out/ /
COPY tools/compose-migrate.sh /usr/bin/badgewatch-migrate
COPY tools/compose-backup.sh /usr/bin/badgewatch-backup
RUN install -d -m 0700 -o 10001 -g 10001 /backups
WORKDIR /srv
USER 10001:10001
EXPOSE 9787
STOPSIGNAL SIGTERM
ENTRYPOINT ["badgewatch"]
CMD ["run"]
