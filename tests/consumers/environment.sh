#!/usr/bin/env bash
# Makes an environment of real readers, unless it is up to date, and prints the path of its Python:
#
#   tests/consumers/environment.sh light    # datasets, pyarrow, webdataset, kaldiio, mlcroissant, soundfile; 590 MB
#   tests/consumers/environment.sh torch    # torch for CPU, Lhotse, and the readers of SpeechBrain, NeMo and ESPnet; 1.5 GB
#
# It is made in $SYNTH_CONSUMERS/NAME (default: .consumers/NAME in the repository). Every file is checked against its hash,
# except torch: `torch==...+cpu` is the build without CUDA, which pip takes from the place that PIP_FIND_LINKS or pip.conf names.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
name=${1:?name the environment: light or torch}
folder=${SYNTH_CONSUMERS:-$root/.consumers}/$name
python=${PYTHON:-$root/.venv/bin/python}

# What the environment depends on: if any of it changes, it is made again.
recipe() {
    "$python" -c 'import sys; print(sys.version)'
    echo "$folder"
    cat "$here/environment.sh" "$here/pins/$name".*
}

install() {
    "$folder/bin/python" -m pip install --quiet --quiet --no-input --disable-pip-version-check --no-deps "$@"
}

if [ ! -f "$here/pins/$name.txt" ]; then
    echo "no environment \`$name\`: there are light and torch" >&2
    exit 2
fi
mkdir -p "$(dirname "$folder")"
exec 9>"$folder.lock"
if command -v flock >/dev/null; then flock 9; fi # two workers of a test run may want it at the same time
if [ "$(recipe)" != "$(cat "$folder/made-from" 2>/dev/null)" ]; then
    echo "setting up $folder, packages as pinned in tests/consumers/pins/$name.txt" >&2
    "$python" -m venv --clear "$folder"
    if [ "$name" = torch ]; then
        install --only-binary :all: "$(grep '^torch==' "$here/pins/torch.in")"
    fi
    install --only-binary :all: --require-hashes -r "$here/pins/$name.txt"
    install --no-build-isolation --require-hashes -r "$here/pins/$name.more.txt"
    recipe >"$folder/made-from"
fi
echo "$folder/bin/python"
