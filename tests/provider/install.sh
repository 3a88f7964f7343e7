#!/bin/sh
# Install the packages of the OAuth provider on Debian or Ubuntu, as root.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
  puma ruby-activerecord ruby-doorkeeper ruby-railties ruby-sqlite3 tzdata
