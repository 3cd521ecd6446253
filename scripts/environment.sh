# Sourced by ./demo and ./check. Sets up .venv from constraints.txt, with every file checked against its hash, unless it is up to date.
# Afterwards $bin is the folder of its programs.

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin="$PWD/.venv/bin"

find_python() {
    local name
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "no Python 3.11 or newer with venv and pip found; name one with PYTHON=/path/to/python3.12 $0" >&2
    return 2
}

# What the environment depends on: if any of it changes, .venv is set up again.
recipe_of_environment() {
    echo "$PWD"
    cat constraints.txt pyproject.toml scripts/environment.sh
}

make_environment() {
    local python
    python=$(find_python)
    echo "setting up .venv with $("$python" --version), packages as pinned in constraints.txt" >&2
    "$python" -m venv --clear .venv
    "$bin/python" -m pip install --quiet --quiet --no-input --disable-pip-version-check \
        --only-binary :all: --require-hashes -r constraints.txt
    # The project itself: no dependencies, no index, and the build backend that was just checked.
    "$bin/python" -m pip install --quiet --quiet --no-input --disable-pip-version-check \
        --no-deps --no-index --no-build-isolation --editable .
    recipe_of_environment >.venv/made-from
}

if ! recipe_of_environment | cmp --silent - .venv/made-from || ! "$bin/python" -P -c 'import synth' 2>/dev/null; then
    make_environment
fi
