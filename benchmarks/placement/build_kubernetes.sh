#!/bin/sh
# Builds kube-apiserver and kube-scheduler 1.20.2 from Debian's source package, which holds the
# whole vendored tree, into DIR (~/.cache/omnicloud/kubernetes-1.20.2 unless given). Debian 12,
# root; 20 to 40 minutes on two cores. Nothing but Debian's archive is asked.
set -eu

to=${1:-$HOME/.cache/omnicloud/kubernetes-1.20.2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

apt-get install -qq -y --no-install-recommends golang-go rsync jq dpkg-dev etcd-server >/dev/null

# The system's own list of sources stays as it is.
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/src" "$to"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb-src [signed-by=$keys] http://deb.debian.org/debian bookworm main" >"$work/apt/sources.list"
cat >"$work/apt/apt.conf" <<END
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
END
export APT_CONFIG="$work/apt/apt.conf"
apt-get update -qq
cd "$work"
apt-get source -qq --download-only kubernetes
tar xzf kubernetes_*.orig.tar.gz -C src --strip-components=1

cd src
export GOPATH="$PWD/.go" CGO_ENABLED=0 GOPROXY=off
export KUBE_GIT_VERSION=v1.20.2 KUBE_GIT_MAJOR=1 KUBE_GIT_MINOR=20
export KUBE_GIT_TREE_STATE=archive KUBE_GIT_COMMIT=debian
mkdir -p .go/src/k8s.io
ln -sfn ../../.. .go/src/k8s.io/kubernetes
nice -n 15 make WHAT="cmd/kube-apiserver cmd/kube-scheduler"
cp _output/bin/kube-apiserver _output/bin/kube-scheduler "$to/"
