#!/bin/sh
# Makes the virtual environment $1 with $PYTHON (python3 unless told), unless a working one is there.
set -eu

folder=$1
python=${PYTHON:-python3}

fail() {
    rm -rf "$folder"
    echo "make: $1" >&2
    exit 1
}

if "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi
command -v "$python" >/dev/null 2>&1 || fail "$python is not installed: apt-get install python3 python3-venv"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case $version in
    3.1[0-3]) ;;
    *) fail "$python is Python $version; Rankify is tested with 3.10 to 3.13: make PYTHON=python3.13" ;;
esac
if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv --clear "$folder" || fail "$python -m venv failed"
elif command -v virtualenv >/dev/null 2>&1; then
    virtualenv --quiet --clear --python "$python" "$folder" || fail "virtualenv failed"
elif command -v uv >/dev/null 2>&1; then
    uv venv --quiet --seed --python "$python" "$folder" || fail "uv venv failed"
else
    "$python" -m venv --clear --without-pip "$folder" && "$python" "$(dirname "$0")/bootstrap_pip.py" "$folder" ||
        fail "this Python cannot make virtual environments: apt-get install python$version-venv"
fi
