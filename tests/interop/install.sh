#!/usr/bin/env bash
# Fetches every foreign client of the interop suite into tests/interop/.cache (not committed) and says
# which versions it got. Debian, PyPI, npm, Maven Central and Go modules, by their ordinary clients. Runs again
# in a moment when everything is there.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p .cache

if ! command -v kcat >/dev/null; then
  apt-get update -qq
  apt-get install -y -qq kcat >/dev/null
fi

# Makes a cached thing again where a file that it is made from is newer than it, or differs.
is_older() { [ ! -e "$1" ] || [ "$2" -nt "$1" ]; }

pip=.cache/venv/bin/pip
if [ ! -x .cache/venv/bin/python ] || ! $pip freeze | diff -q - python/requirements.txt >/dev/null 2>&1; then
  python3 -m venv .cache/venv
  $pip install --quiet --disable-pip-version-check -r python/requirements.txt
fi
# An older kafka-python besides the new one: put before it by PYTHONPATH.
if is_older .cache/kafka-python-before-3 python/requirements-before-3.txt; then
  rm -rf .cache/kafka-python-before-3
  $pip install --quiet --disable-pip-version-check --no-deps --target .cache/kafka-python-before-3 -r python/requirements-before-3.txt
fi

for java in java spark; do
  if is_older ".cache/$java-classpath.txt" "$java/pom.xml"; then
    (cd "$java" && mvn -q -B dependency:build-classpath "-Dmdep.outputFile=../.cache/$java-classpath.txt")
  fi
done

if is_older platformatic/node_modules/.package-lock.json platformatic/package-lock.json; then
  (cd platformatic && npm ci --silent --ignore-scripts --omit=optional)
fi

(cd go && go build -o ../.cache/franz-go-client .)
(cd sarama && go build -o ../.cache/sarama-client .)

kcat -V | sed -n 's/^Version //p' | sed 's/^/kcat /'
$pip freeze
sed 's/$/ (besides)/' python/requirements-before-3.txt
(cd go && go list -m github.com/twmb/franz-go)
(cd sarama && go list -m github.com/IBM/sarama)
for java in java spark; do sed -n "s/.*<\($java\|kafka\).version>\(.*\)<.*/\1 \2/p" "$java/pom.xml"; done
