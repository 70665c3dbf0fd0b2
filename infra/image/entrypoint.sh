#!/bin/sh
# Starts what FUNCTION_TARGET names: one function on $PORT, or the pod.
set -eu

# OpenFaaS hands secrets over as files. `ekiden-store-url` becomes EKIDEN_STORE_URL.
for file in "${SECRETS_FOLDER:-/var/openfaas/secrets}"/ekiden-* \
  "${SECRETS_FOLDER:-/var/openfaas/secrets}"/aws-*; do
  [ -f "$file" ] || continue
  name=$(basename "$file" | tr 'a-z-' 'A-Z_')
  value=$(cat "$file")
  export "$name=$value"
done

target=${FUNCTION_TARGET:?name a function, or pod}
if [ "$target" = pod ]; then
  exec python3 -m ekiden pod
fi
source=functions/$target/main.py
if [ ! -f "$source" ]; then
  echo "FUNCTION_TARGET=$target: there is no such function" >&2
  exit 64
fi
exec python3 -m functions_framework --source "$source" --target "$target"
