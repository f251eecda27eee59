#!/usr/bin/env bash
# Build the Kubernetes control plane and kubelet from Debian's own source package.
#
#   build.sh WORK OUT      WORK is scratch (1.5 GB, may be deleted afterwards), OUT receives the programs
#
# The source package `kubernetes` of Debian 12 carries the whole vendored tree, of which Debian builds only kubectl.
# Neither a Go module proxy nor a container registry is contacted. Needs golang-1.19-go,
# golang-github-modern-go-reflect2-dev and dpkg-dev; takes 9.4 CPU-minutes and 0.8 GB of memory, once.
set -euo pipefail
work=$(readlink -m "$1")
out=$(readlink -m "$2")
version=1.20.2
here=$(readlink -f "$(dirname "$0")")
mkdir -p "$work" "$out"
cd "$work"

download_source() {
  # A private apt state, so that the machine's own list of sources stays as it is: its Debian entries, as deb-src.
  mkdir -p sources/lists/partial sources/parts
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] && sed 's/^Types: *deb$/Types: deb-src/' "$file" >"sources/parts/$(basename "$file")"
  done
  if [ -s /etc/apt/sources.list ]; then sed 's/^deb /deb-src /' /etc/apt/sources.list >sources/parts/main.list; fi
  local options=(-q -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$work/sources/parts"
    -o "Dir::State::lists=$work/sources/lists" -o "Dir::Cache::srcpkgcache=$work/sources/src.bin"
    -o "Dir::Cache::pkgcache=$work/sources/pkg.bin" -o "APT::Sandbox::User=root")
  apt-get "${options[@]}" update
  apt-get "${options[@]}" source --download-only kubernetes
}

prepare_tree() {
  dpkg-source -x kubernetes_*.dsc tree.new
  # The vendored reflect2 1.0.1 crashes under Go 1.18 and later ("fatal error: fault" in mapiterinit); 1.0.2 does not.
  local reflect2=tree.new/vendor/github.com/modern-go/reflect2
  rm -rf "$reflect2"
  mkdir "$reflect2"
  cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} "$reflect2/"
  mv tree.new tree
}

generate_openapi() {
  # The one generated file that the release archive leaves out: which packages ask for it is written in their comments.
  go build -o "$work/openapi-gen" k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen
  local staged=(api apimachinery apiserver apiextensions-apiserver kube-aggregator metrics component-base kube-proxy
    kube-scheduler kubelet kube-controller-manager cloud-provider client-go controller-manager)
  local packages
  packages=$(grep -rlE '^// *\+k8s:openapi-gen=' --include='*.go' pkg "${staged[@]/#/staging/src/k8s.io/}" |
    grep -v -e _test -e zz_generated | xargs -n1 dirname | sort -u |
    sed 's#^staging/src/#k8s.io/kubernetes/vendor/#; s#^pkg/#k8s.io/kubernetes/pkg/#' | paste -sd,)
  "$work/openapi-gen" -i "$packages" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
    -h hack/boilerplate/boilerplate.generatego.txt -r "$work/violations.txt" --output-base "$GOPATH/src" \
    >"$work/openapi.log" 2>&1 || { tail -3 "$work/openapi.log"; exit 1; }
}

[ -n "$(ls kubernetes_*.dsc 2>/dev/null)" ] || download_source
[ -d tree ] || prepare_tree
export GOPATH=$work/gopath GOCACHE=$work/gocache GOPROXY=off GO111MODULE=off CGO_ENABLED=0 HOME=$work
export PATH=/usr/lib/go-1.19/bin:$PATH
mkdir -p "$GOPATH/src/k8s.io"
ln -sfn "$work/tree" "$GOPATH/src/k8s.io/kubernetes"
cd "$GOPATH/src/k8s.io/kubernetes"
[ -s pkg/generated/openapi/zz_generated.openapi.go ] || generate_openapi

link="-s -w"
for package in component-base/version client-go/pkg/version; do
  name=k8s.io/kubernetes/vendor/k8s.io/$package
  link="$link -X $name.gitVersion=v$version -X $name.gitMajor=1 -X $name.gitMinor=20 -X $name.gitTreeState=archive"
done
programs=()
for program in kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet; do
  programs+=("k8s.io/kubernetes/cmd/$program")
done
# providerless and dockerless leave out the cloud vendors' libraries and the Docker shim.
go build -trimpath -tags providerless,dockerless -ldflags "$link" -o "$out/" "${programs[@]}"
# What the manifests are validated against, and the program that every sandbox runs.
install -m 644 api/openapi-spec/swagger.json "$out/openapi-$version.json"
gcc -Os -static -s -o "$out/pause" "$here/pause.c"
echo "$version" >"$out/version"
