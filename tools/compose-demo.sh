#!/bin/sh
# The demo of docker-compose.yml: `serve` is the simulator, `visit` adds its products and has them asked for.
# An hour of Keepa is 5 s here, as in ./run; the simulated time begins long ago, so that it takes hours to overtake ours.
set -eu
case ${1:-} in
serve)
    exec badgewatch-sim --open --listen 0.0.0.0:9788 --state /data/state --generate 95 --speed 720 --churn 0.4 \
        --rate 6000 --start "$(date -u -d '90 days ago' +%Y-%m-%dT%H:%MZ)"
    ;;
visit)
    # Made-up products must not be asked of the real Keepa.
    if [ "${KEEPA_BASE_URL:-}" != http://simulator:9788 ]; then
        echo "demo: Keepa is not the simulator: run tools/compose-setup.sh --demo first" >&2
        exit 1
    fi
    until tracked=$(badgewatch asin export); do sleep 2; done
    if [ "$(printf '%s\n' "$tracked" | wc -l)" -le 1 ]; then
        curl -f -s "$KEEPA_BASE_URL/control/products.csv" | badgewatch asin import -
    fi
    while :; do
        badgewatch poll --all >/dev/null || true
        sleep 5
    done
    ;;
*)
    echo "usage: badgewatch-demo serve|visit" >&2
    exit 2
    ;;
esac
