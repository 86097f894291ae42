#!/bin/sh
# Installs what is missing on a Debian or Ubuntu machine that has a Rust toolchain.
#   scripts/setup.sh demo    what `make demo` needs
#   scripts/setup.sh test    that, and what `make test` needs
# Installs nothing that is there already, and nothing outside the distribution's packages but the
# npm packages of the TimescaleDB and OpenAPI checks and the PyPI packages of the latter, which go to the
# cache directory. (The dashboard's npm packages, and Node where it is too old, are scripts/dashboard.sh's.)
set -eu
purpose=${1:-demo}
here=$(cd "$(dirname "$0")" && pwd)

say() { printf 'setup: %s\n' "$*"; }

has_postgres() {
    for bin in /usr/lib/postgresql/*/bin; do
        case $bin in
            */9.*/bin | */1[0-4]/bin) continue ;;
        esac
        [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] && return 0
    done
    command -v initdb >/dev/null 2>&1 || return 1
    major=$(initdb --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    [ "$major" -ge 15 ]
}

has_node() {
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 &&
        [ "$(node --version | sed 's/v\([0-9]*\).*/\1/')" -ge 18 ]
}

has_python() {
    python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

has_redis() { command -v redis-server >/dev/null 2>&1; }

if ! command -v cargo >/dev/null 2>&1; then
    echo "setup: cargo is not on the PATH: install Rust 1.95 or newer first (https://rustup.rs)" >&2
    exit 1
fi

wanted=
command -v cc >/dev/null 2>&1 || wanted="$wanted build-essential"
has_postgres || wanted="$wanted postgresql"
# The dashboard is built with Node; scripts/node.sh gets one from PyPI where there is none.
"$here/node.sh" --found || has_python || wanted="$wanted python3-venv"
if [ "$purpose" = test ]; then
    has_node || wanted="$wanted nodejs npm"
    case $wanted in
        *python3-venv*) ;;
        *) has_python || wanted="$wanted python3-venv" ;;
    esac
    # Tests start Redis servers of their own, on free ports.
    has_redis || wanted="$wanted redis-server"
fi

if [ -n "$wanted" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: needed and not found:$wanted (a C compiler, PostgreSQL 15 or newer, Node 18 or newer, Python 3.10 or newer with venv, Redis 6 or newer); install them with your system's package manager" >&2
        exit 1
    fi
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root=sudo
    elif command -v sudo >/dev/null 2>&1 && [ -t 0 ]; then
        as_root=sudo
    else
        echo "setup: needed and not found:$wanted; as root, run:" >&2
        echo "  mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf" >&2
        echo "  apt-get update && apt-get install -y --no-install-recommends$wanted" >&2
        exit 1
    fi
    case $wanted in
        *postgresql*)
            # Coinsphere starts its own cluster; Debian's package must not leave one running.
            # (The file for a first installation, the directory for one that has the common package.)
            $as_root mkdir -p /etc/postgresql-common/createcluster.d
            for file in createcluster.conf createcluster.d/coinsphere.conf; do
                [ -e "/etc/postgresql-common/$file" ] ||
                    echo 'create_main_cluster = false' | $as_root tee "/etc/postgresql-common/$file" >/dev/null
            done
            ;;
    esac
    # Debian starts what it installs, and again with the machine; tests need the program only.
    policy=
    case $wanted in
        *redis-server*)
            if [ ! -e /usr/sbin/policy-rc.d ]; then
                policy=/usr/sbin/policy-rc.d
                printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
                $as_root chmod 755 "$policy"
                trap '$as_root rm -f "$policy"' EXIT
            fi
            ;;
    esac
    say "installing$wanted"
    $as_root apt-get update -qq
    # shellcheck disable=SC2086  # a list of package names
    $as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get install -y -qq \
        --no-install-recommends -o Dpkg::Options::=--force-confold $wanted
    if [ -n "$policy" ]; then
        $as_root rm -f "$policy"
        trap - EXIT
    fi
    case $wanted in
        *redis-server*)
            if command -v systemctl >/dev/null 2>&1; then
                $as_root systemctl disable --quiet redis-server 2>/dev/null || true
            fi
            command -v update-rc.d >/dev/null 2>&1 && $as_root update-rc.d redis-server disable 2>/dev/null || true
            ;;
    esac
fi

if ! has_postgres; then
    echo "setup: PostgreSQL 15 or newer is needed; this distribution's package is older: see https://www.postgresql.org/download/" >&2
    exit 1
fi

if [ "$purpose" = test ] && ! has_node; then
    echo "setup: Node 18 or newer is needed; this distribution's package is older: see https://nodejs.org" >&2
    exit 1
fi

if [ "$purpose" = test ] && [ -x "$here/install-test-timescale.sh" ]; then
    "$here/install-test-timescale.sh"
fi

if [ "$purpose" = test ] && ! has_python; then
    echo "setup: Python 3.10 or newer is needed; this distribution's package is older: see https://www.python.org" >&2
    exit 1
fi
if [ "$purpose" = test ]; then
    "$here/install-test-python.sh"
    "$here/install-test-openapi.sh"
fi
say "ready"
