#!/bin/bash
# Give worker NAME every image that is newer than its last import. Runs inside the worker, as "import.sh NAME".
. "$(dirname "$(readlink -f "$0")")/settings.sh"
last=$RUN/$1/imported
for image in "$IMAGES"/*.tar; do
    [ ! -e "$last" ] || [ "$image" -nt "$last" ] || continue
    ctr --namespace k8s.io images import "$image" >> "$LOGS/$1-import.log" 2>&1
done
touch "$last"
