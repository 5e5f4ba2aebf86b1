#!/usr/bin/env bash
# Fetches every foreign client of the interop suite into tests/interop/.cache (not committed) and says
# which versions it got. Debian, PyPI, Maven Central and Go modules, by their ordinary clients. Runs again
# in a moment when everything is there.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p .cache

if ! command -v kcat >/dev/null; then
  apt-get update -qq
  apt-get install -y -qq kcat >/dev/null
fi

if [ ! -x .cache/venv/bin/python ] || ! .cache/venv/bin/pip freeze | diff -q - python/requirements.txt >/dev/null 2>&1; then
  python3 -m venv .cache/venv
  .cache/venv/bin/pip install --quiet --disable-pip-version-check -r python/requirements.txt
fi

if [ ! -f .cache/java-classpath.txt ] || [ java/pom.xml -nt .cache/java-classpath.txt ]; then
  (cd java && mvn -q -B dependency:build-classpath -Dmdep.outputFile=../.cache/java-classpath.txt)
fi

(cd go && go build -o ../.cache/franz-go-client .)

kcat -V | sed -n 's/^Version //p' | sed 's/^/kcat /'
.cache/venv/bin/pip freeze
(cd go && go list -m github.com/twmb/franz-go)
