#!/bin/sh
# make servers: installs the real servers that the tests run against. Safe to run again; quick when all is there.
#
# From Debian: MariaDB, Redis, nginx, Prometheus, Alertmanager, the field's exporters, sshd, Chromium, a Chinese font,
# Java. From Maven Central: Elasticsearch and jmx_exporter, into .servers/.
# Debian's services are not started: a policy-rc.d forbids it for the time of the install and is then put back as it
# was. A service that ran before is left alone; a newly installed one stays disabled.
# What cannot be installed here is named at the end, and the tests that need it are skipped. With CI=true that fails.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
servers=$root/.servers
elastic_version=8.19.21
elastic=$servers/elasticsearch-$elastic_version
elastic_user=opsctl-elastic
jmx=jmx_prometheus_javaagent
jmx_version=1.0.1
policy=/usr/sbin/policy-rc.d
saved=$policy.before-opsctl
PATH=$PATH:/usr/sbin:/sbin
export PATH

# program                 package                   its service ("-": none)
table='
mariadbd                  mariadb-server            mariadb
mariadb-backup            mariadb-backup            -
redis-server              redis-server              redis-server
nginx                     nginx-light               nginx
prometheus                prometheus                prometheus
promtool                  prometheus                prometheus
prometheus-alertmanager   prometheus-alertmanager   prometheus-alertmanager
amtool                    prometheus-alertmanager   prometheus-alertmanager
prometheus-node-exporter  prometheus-node-exporter  prometheus-node-exporter
prometheus-mysqld-exporter         prometheus-mysqld-exporter         prometheus-mysqld-exporter
prometheus-redis-exporter          prometheus-redis-exporter          prometheus-redis-exporter
prometheus-nginx-exporter          prometheus-nginx-exporter          prometheus-nginx-exporter
prometheus-elasticsearch-exporter  prometheus-elasticsearch-exporter  prometheus-elasticsearch-exporter
prometheus-blackbox-exporter       prometheus-blackbox-exporter       prometheus-blackbox-exporter
sshd                      openssh-server            ssh
chromium                  chromium                  -
chromedriver              chromium-driver           -
java                      openjdk-17-jre-headless   -
noto-cjk                  fonts-noto-cjk            -
noto-emoji                fonts-noto-color-emoji    -
mvn                       maven                     -
'

present() {
    case $1 in
        noto-cjk) [ -n "$(find /usr/share/fonts -iname 'NotoSansCJK*' 2>/dev/null | head -n 1)" ] ;;
        noto-emoji) [ -n "$(find /usr/share/fonts -iname 'NotoColorEmoji*' 2>/dev/null | head -n 1)" ] ;;
        mvn) fetched || command -v mvn >/dev/null ;;  # only needed to fetch what Maven Central has
        *) command -v "$1" >/dev/null ;;
    esac
}

fetched() { [ -x "$elastic/bin/elasticsearch" ] && [ -e "$servers/$jmx-$jmx_version.jar" ]; }

wanted_packages() {
    echo "$table" | while read -r program package _; do
        if [ -n "$program" ] && ! present "$program"; then echo "$package"; fi
    done | sort -u
}

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

forbid_starts() {
    if [ -e "$saved" ]; then mv -f "$saved" "$policy"; fi  # an earlier run was killed
    trap allow_starts EXIT
    trap 'exit 130' INT TERM HUP
    if [ -e "$policy" ]; then cp -p "$policy" "$saved"; fi
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
}

allow_starts() {
    if [ -e "$saved" ]; then mv -f "$saved" "$policy"; else rm -f "$policy"; fi
}

# Units of packages that this run installs are disabled; those that were there before are not touched.
disable_services() {
    command -v systemctl >/dev/null || return 0
    echo "$table" | while read -r _ package service; do
        case " $1 " in
            *" $package "*) if [ "$service" != - ]; then systemctl disable --quiet "$service" 2>/dev/null || true; fi ;;
        esac
    done
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    fresh=""
    for package in $1; do installed "$package" || fresh="$fresh $package"; done
    forbid_starts
    get="apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends"
    apt-get -q update || echo "servers: apt-get update failed; trying with the lists that are here" >&2
    # Together where possible; one by one where one of them is unknown, so that the others still come.
    # shellcheck disable=SC2086
    $get install $1 || for package in $1; do $get install "$package" || true; done
    disable_services "$fresh"
    allow_starts
    trap - EXIT INT TERM HUP
}

fetch_elasticsearch() {
    [ -x "$elastic/bin/elasticsearch" ] && return 0
    command -v mvn >/dev/null || return 0
    mkdir -p "$servers"
    echo "servers: fetching Elasticsearch $elastic_version"
    (cd "$servers" && mvn -q -B -ntp dependency:copy -DoutputDirectory="$servers" \
        "-Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$elastic_version:zip") || return 0
    rm -rf "$servers/unpacking"
    python3 -m zipfile -e "$servers/elasticsearch-$elastic_version.zip" "$servers/unpacking"
    chmod 755 "$servers/unpacking/elasticsearch-$elastic_version"/bin/*
    mv "$servers/unpacking/elasticsearch-$elastic_version" "$elastic"
    rm -rf "$servers/unpacking" "$servers/elasticsearch-$elastic_version.zip"
}

fetch_jmx_exporter() {
    [ -e "$servers/$jmx-$jmx_version.jar" ] && return 0
    command -v mvn >/dev/null || return 0
    mkdir -p "$servers"
    echo "servers: fetching jmx_exporter $jmx_version"
    (cd "$servers" && mvn -q -B -ntp dependency:copy -DoutputDirectory="$servers" \
        "-Dartifact=io.prometheus.jmx:$jmx:$jmx_version") || return 0
}

# Elasticsearch refuses to run as root: where root runs the tests, it gets a user and the folder is that user's.
own_elasticsearch() {
    [ "$(id -u)" = 0 ] && [ -d "$elastic" ] || return 0
    id "$elastic_user" >/dev/null 2>&1 ||
        useradd --system --no-create-home --home-dir "$elastic" --shell /usr/sbin/nologin "$elastic_user"
    setpriv --reuid="$elastic_user" --clear-groups test -x "$elastic/bin" || move_elasticsearch
    [ "$(stat -L -c %U "$elastic")" = "$elastic_user" ] || chown -R "$elastic_user:" "$elastic/"
}

# A clone below a folder that only root may enter: the server lives outside, with a link to it.
move_elasticsearch() {
    [ ! -L "$elastic" ] || return 0
    mkdir -p /opt/opsctl-servers
    rm -rf "/opt/opsctl-servers/elasticsearch-$elastic_version"
    mv "$elastic" /opt/opsctl-servers/
    ln -s "/opt/opsctl-servers/elasticsearch-$elastic_version" "$elastic"
}

missing() {
    echo "$table" | while read -r program package _; do
        if [ -n "$program" ] && [ "$program" != mvn ] && ! present "$program"; then echo "  $program ($package)"; fi
    done
    [ -x "$elastic/bin/elasticsearch" ] || echo "  elasticsearch ($elastic_version, from Maven Central)"
    [ -e "$servers/$jmx-$jmx_version.jar" ] || echo "  jmx_exporter ($jmx_version, from Maven Central)"
}

packages=$(wanted_packages | tr '\n' ' ')
if [ -n "$packages" ]; then
    if ! command -v apt-get >/dev/null; then
        echo "servers: this is not Debian, so these are not installed: $packages" >&2
    elif [ "$(id -u)" != 0 ]; then
        echo "servers: not root, so these are not installed: $packages" >&2
        echo "  hint: sudo make servers, or sudo apt-get install $packages" >&2
    else
        install_packages "$packages"
    fi
fi
fetch_elasticsearch
fetch_jmx_exporter
own_elasticsearch

left=$(missing)
if [ -z "$left" ]; then
    echo "servers: all are here"
    exit 0
fi
echo "servers: missing, and the tests that need them are skipped:" >&2
echo "$left" >&2
[ "${CI:-}" != true ] || exit 1
