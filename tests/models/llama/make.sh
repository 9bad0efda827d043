#!/bin/bash
# Makes the models of the llama architecture and their goldens below DIR, with PYTHON, in which requirements.txt is installed:
#   make.sh PYTHON DIR [--tiny-only]
# What exists is kept; remove it to make it anew. Training takes minutes, and one or two processors at the lowest priority.
set -euo pipefail
python=$1 folder=$2 only=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
for name in tiny small; do
  [ "$name" = small ] && [ "$only" = --tiny-only ] && continue
  [ -e "$folder/$name-f32.gguf" ] || nice -n 15 "$python" "$here/train.py" "$name" "$folder" --minutes 8
  [ -e "$folder/$name-q4_k.gguf" ] || "$python" "$here/reference.py" quantise "$folder" "$name"
  [ -e "$folder/$name-goldens.json" ] || "$python" "$here/reference.py" goldens "$folder" "$name" "$folder/$name-goldens.json"
done
