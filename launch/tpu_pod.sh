#!/usr/bin/env bash
# Trains on a TPU pod slice: takes it, installs, runs on every worker, follows the
# log, and after a pre-emption takes a new one and goes on.
set -euo pipefail

usage() {
  cat <<'HELP'
usage: launch/tpu_pod.sh --name NAME --zone ZONE --workdir DIR [options] [-- TRAIN FLAGS]

  --name NAME         of the slice; one of that name is used if it is there
  --zone ZONE         such as us-west4-a
  --workdir DIR       the run's folder, one that every worker sees (a mounted Filestore
                      or bucket), under the folder of --mount
  --type TYPE         accelerator (default v5litepod-16)
  --runtime VERSION   of the TPU machine (default v2-alpha-tpuv5-lite)
  --mount COMMAND     run on every worker before training, to mount that folder
  --repo URL          to clone (default: this clone's origin)
  --ref REF           branch, tag or commit (default main)
  --spot              cheaper, may be taken away at any time
  --delete            give the slice back, and stop
  --dry-run           print each command, run none

What follows -- goes to lmkjax train, such as
  -- --config configs/daln.py --config.data.ibug_300w=/mnt/data/300w
HELP
}

name='' zone='' workdir='' type=v5litepod-16 runtime=v2-alpha-tpuv5-lite
mount=true repo='' ref=main spot=() delete=false dry=false train=()
while (($#)); do
  case $1 in
    --spot) spot=(--spot) ;;
    --delete) delete=true ;;
    --dry-run) dry=true ;;
    -h | --help)
      usage
      exit 0
      ;;
    --)
      shift
      train=("$@")
      break
      ;;
    --name | --zone | --workdir | --type | --runtime | --mount | --repo | --ref)
      if (($# < 2)); then
        echo "error: $1 wants a value; --help tells which." >&2
        exit 2
      fi
      printf -v "${1#--}" '%s' "$2"
      shift
      ;;
    *)
      echo "error: Unknown flag $1; --help tells the known ones." >&2
      exit 2
      ;;
  esac
  shift
done

need() {
  if [[ -z $2 ]]; then
    echo "error: Wanted --$1; --help tells what it is." >&2
    exit 2
  fi
}
need name "$name"
need zone "$zone"

run() {
  printf '+'
  printf ' %q' "$@"
  printf '\n'
  if ! $dry; then "$@"; fi
}

if $delete; then
  run gcloud compute tpus queued-resources delete "$name" --zone "$zone" --force --quiet
  exit 0
fi
need workdir "$workdir"
if ((${#train[@]} == 0)); then train=(--config configs/daln.py); fi
if [[ -z $repo ]]; then
  repo=$(git -C "$(dirname "$0")" remote get-url origin 2>/dev/null || true)
fi
need repo "$repo"

# ACTIVE, WAITING_FOR_RESOURCES, SUSPENDED, FAILED, ...; empty: there is none.
state() {
  gcloud compute tpus queued-resources describe "$name" --zone "$zone" \
    --format 'value(state.state)' 2>/dev/null || true
}

take() {
  if ! $dry; then
    case $(state) in
      SUSPENDED | SUSPENDING | FAILED)
        run gcloud compute tpus queued-resources delete "$name" --zone "$zone" \
          --force --quiet
        ;;
      '') ;;
      *) return ;;
    esac
  fi
  run gcloud compute tpus queued-resources create "$name" --node-id "$name" \
    --zone "$zone" --accelerator-type "$type" --runtime-version "$runtime" \
    ${spot[@]+"${spot[@]}"} # bash 3.2, as macOS has it, takes an empty list for unset
}

wait_until_active() {
  if $dry; then return; fi
  until [[ $(state) == ACTIVE ]]; do
    case $(state) in
      FAILED)
        echo "error: The slice could not be had; gcloud compute tpus queued-resources" \
          "describe $name --zone $zone tells why." >&2
        exit 1
        ;;
      SUSPENDED) return ;;
      '')
        echo "error: gcloud tells of no slice $name in $zone any more; the same" \
          "command asks for it again." >&2
        exit 1
        ;;
    esac
    sleep 30
  done
}

everywhere() {
  run gcloud compute tpus tpu-vm ssh "$name" --zone "$zone" --worker all --command "$1"
}

# shellcheck disable=SC2016  # expanded on the worker
install=$(printf 'set -e; %s; [ -d lmkjax ] || git clone %q lmkjax; cd lmkjax; %s %q; git checkout -q FETCH_HEAD; %s; %s' \
  "$mount" "$repo" 'git fetch -q origin' "$ref" \
  'python3 -m venv .venv' \
  ".venv/bin/pip install -q -c launch/constraints.txt -e '.[train,tpu]'")
# Ends with ssh: a worker that stays behind would hold the chips.
# A slice that is taken away stops a run in good order: that is no end (75: try again).
start=$(printf 'cd lmkjax && .venv/bin/python -m lmkjax.train --stopped-code 75 --workdir %q' \
  "$workdir")
for word in "${train[@]}"; do start+=$(printf ' %q' "$word"); done

while true; do
  take
  wait_until_active
  # Every worker says the same but the first, which alone prints; ssh passes it on.
  if everywhere "$install" && everywhere "$start"; then exit 0; fi
  sleep 60 # a slice that is being taken away says ACTIVE for a while
  if [[ $(state) == ACTIVE ]]; then
    echo "error: Training ended on a slice that is still there; see above." >&2
    exit 1
  fi
  echo 'The slice was taken away; a new one goes on from the last checkpoint.'
done
