#!/bin/sh
# The job as a plain loop: git commands under `xargs -P`, locks by flock(1).
#
#   plain.sh JOBS TREES AGENT...      run in the repository; AGENT gets the file as its last argument
#
# RUFF and PYTHON name the programs, TREES is a folder for worktrees and locks.
set -eu

if [ "$1" != --one ]; then
    jobs=$1
    shift
    TREES=$1
    shift
    export TREES
    "$RUFF" check --no-cache --exit-zero --output-format json |
        "$PYTHON" -c 'import json, os, sys; print(*sorted({os.path.relpath(f["filename"]) for f in json.load(sys.stdin)}), sep="\n")' |
        xargs -P "$jobs" -I FILE "$0" --one FILE "$@"
    exit
fi

file=$2
shift 2
repo=$PWD
tree=$TREES/$$

# Worktrees that are added at the same time fail now and then, so one at a time.
exec 9>"$TREES/worktrees.lock"
flock 9
git worktree add --quiet --detach "$tree" HEAD
exec 9>&-

cd "$tree"
"$@" "$file"
"$RUFF" check --no-cache --quiet "$file"
git diff --binary HEAD >"$tree.patch"
cd "$repo"

exec 9>"$TREES/main.lock"
flock 9
git apply --index "$tree.patch"
git commit --quiet --message "fix: unused import in $file"
exec 9>&-

exec 9>"$TREES/worktrees.lock"
flock 9
git worktree remove --force "$tree"
exec 9>&-
