#!/usr/bin/env bash
# Makes .venv: callboard, editable, and everything in requirements.lock, as wheels, nothing without its hash.
# Does nothing if .venv was made from the same lock, pyproject.toml and Python. PYTHON names another interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "setup: $*" >&2
    exit 1
}

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    fail "no Python 3.11, 3.12 or 3.13 found among: ${PYTHON:-python3 python3.13 python3.12 python3.11}"
}

python=$(find_python)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
made_from=$({ pwd; "$python" -VV; cat requirements.lock pyproject.toml; } | sha256sum)
stamp=.venv/made-from

if [ "$(cat "$stamp" 2>/dev/null)" = "$made_from" ] && [ -x .venv/bin/python ]; then
    exit 0
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    bash deploy/need_debian.sh "python$version-venv"
fi

rm -f "$stamp"
clear=
if [ -e .venv ] && [ "$(.venv/bin/python -VV 2>/dev/null)" != "$("$python" -VV)" ]; then
    clear=--clear
fi
echo "setup: .venv with Python $version (a minute or two)"
"$python" -m venv $clear .venv
pip=".venv/bin/python -m pip --disable-pip-version-check -qq"
$pip install --require-hashes --only-binary :all: --no-deps -r requirements.lock
$pip install --no-build-isolation --no-index --no-deps --editable .
.venv/bin/python -m pip --disable-pip-version-check check
echo "$made_from" > "$stamp"
