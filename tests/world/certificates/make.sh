#!/usr/bin/env bash
# Makes the certificates of the tests anew: an authority, a server of it for localhost and 127.0.0.1, a
# server elsewhere, a client of it.
# They guard nothing; that their keys are in the open is how tests run without a tool to make them. They hold from 2020
# on, whatever clock the tests run by.
set -euo pipefail
target=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT && cd "$work"
touch index && echo 01 >serial
cat >config <<'END'
[ca]
default_ca = tests
[tests]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
[server]
subjectAltName = DNS:localhost,IP:127.0.0.1
[elsewhere]
subjectAltName = DNS:elsewhere.test
[client]
extendedKeyUsage = clientAuth
END
make() {
  openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
  openssl ca -batch -notext -config config -extensions "$1" -startdate 20200101000000Z -enddate 21200101000000Z \
    -keyfile "${3:-authority.key}" -in "$1.csr" -out "$1.pem" "${@:4}"
}
make authority 'logmill tests' authority.key -selfsign
make server localhost authority.key -cert authority.pem
make elsewhere elsewhere.test authority.key -cert authority.pem
make client 'a client' authority.key -cert authority.pem
cp authority.pem server.pem server.key elsewhere.pem elsewhere.key client.pem client.key "$target"
