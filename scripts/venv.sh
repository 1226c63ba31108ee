#!/bin/sh
# Makes .venv with the locked dependencies; does nothing when it is already as the lock says.
set -eu
cd "$(dirname "$0")/.."

find_python() {
    for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "opsctl needs Python 3.11, 3.12 or 3.13 (on Debian: apt-get install python3)" >&2
    exit 1
}

make_venv() {
    python=$1
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv .venv
    elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "python$version-venv"
        "$python" -m venv .venv
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip install -q --target .venv-tools virtualenv
        PYTHONPATH=.venv-tools "$python" -m virtualenv -q .venv
        rm -rf .venv-tools
    else
        echo "$python cannot make virtual environments: install python3-venv (apt-get install python3-venv)" >&2
        exit 1
    fi
}

# A start without compiled modules takes half as long again, and where PYTHONDONTWRITEBYTECODE is set nobody else makes them.
compile_ours() {
    .venv/bin/python -m compileall -q opsctl
}

wanted=$(cat requirements.lock pyproject.toml | sha256sum | cut -d' ' -f1)
if [ -x .venv/bin/python ] && [ "$(cat .venv/lock.sha256 2>/dev/null)" = "$wanted" ]; then
    compile_ours
    exit 0
fi
[ -x .venv/bin/python ] || { rm -rf .venv; make_venv "$(find_python)"; }
echo "installing the locked dependencies into .venv (once; one to three minutes)"
.venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
compile_ours
echo "$wanted" >.venv/lock.sha256
