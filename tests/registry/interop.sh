#!/usr/bin/env bash
# Our registry with other people's clients, and our client with another registry. Started by `cargo x registry-interop`,
# which gives TIDEGATE, WKG, PYTHON, REGISTRY (the other one) and COMPONENT.
set -euo pipefail

work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$work"' EXIT
here=$(cd "$(dirname "$0")" && pwd)
cd "$work"
export HOME="$work/home" TIDEGATE_STATE="$work/state" TIDEGATE_POLICY="$work/policy.toml"
mkdir -p "$HOME/.config/tidegate"
passed=0
ok() { passed=$((passed + 1)); echo "ok   $*"; }
fail() { echo "FAIL $*" >&2; exit 1; }

"$TIDEGATE" key new --out tests.key >/dev/null
printf 'version = 1\n[signers.tests]\npublic-key-file = "tests.pub"\n' >policy.toml
cp "$COMPONENT" echo.wasm

token=$("$TIDEGATE" registry token add all --scope '*' --permission push 2>/dev/null)
"$TIDEGATE" registry serve --listen 127.0.0.1:0 --log warn 2>serve.log &
pids+=($!)
for _ in $(seq 100); do grep -q 'http://' serve.log && break; sleep 0.1; done
ours=$(sed -n 's|.*http://\([^,]*\),.*|\1|p' serve.log | head -1)
[ -n "$ours" ] || fail "our registry does not start: $(cat serve.log)"
printf '{"registries": {"%s": {"password": "%s"}}}' "$ours" "$token" >"$HOME/.config/tidegate/registries.json"
chmod 600 "$HOME/.config/tidegate/registries.json"

# --- wkg ---
"$WKG" oci push --insecure "$ours" -u any -p "$token" "$ours/wkg/echo:0.1.0" echo.wasm >wkg.log 2>&1 || fail "wkg push: $(cat wkg.log)"
"$WKG" oci pull --insecure "$ours" -u any -p "$token" "$ours/wkg/echo:0.1.0" -o pulled.wasm >wkg.log 2>&1 || fail "wkg pull: $(cat wkg.log)"
cmp echo.wasm pulled.wasm && ok "wkg pushes to us and pulls from us"
if "$TIDEGATE" add "oci://$ours/wkg/echo:0.1.0" >add.log 2>&1; then fail "unsigned was added"; fi
grep -q 'has no signature' add.log && ok "what wkg published is refused without a signature"
"$TIDEGATE" publish --key tests.key pulled.wasm "oci://$ours/acme/echo" >publish.log 2>&1 || fail "publish: $(cat publish.log)"
"$TIDEGATE" add "oci://$ours/acme/echo:0.1.0" >add.log 2>&1 || fail "add: $(cat add.log)"
ok "what wkg published is added after it was signed"
"$TIDEGATE" call echo message=hello >call.log 2>&1 && grep -q hello call.log || fail "call: $(cat call.log)"
ok "and runs"
"$WKG" oci pull --insecure "$ours" -u any -p "$token" "$ours/acme/echo:0.1.0" -o ours.wasm >wkg.log 2>&1 || fail "wkg pull: $(cat wkg.log)"
"$TIDEGATE" verify ours.wasm >/dev/null 2>&1 && fail "a signature came from nowhere"
# Signed again, the pulled bytes are those that were signed.
"$TIDEGATE" sign --key tests.key ours.wasm >/dev/null && "$TIDEGATE" verify ours.wasm >/dev/null
ok "what we published is pulled by wkg"

# --- wkg get: packages by name, through wkg's own mapping ---
cat >wkg.toml <<TOML
[namespace_registries]
acme = { registry = "$ours", metadata = { preferredProtocol = "oci", oci = { registry = "$ours", namespacePrefix = "" } } }
[registry."$ours".oci]
auth = { username = "any", password = "$token" }
protocol = "http"
TOML
if "$WKG" get --config wkg.toml acme:echo@0.1.0 -o "./got.wasm" --overwrite --format wasm >wkg.log 2>&1; then
  cmp got.wasm ours.wasm && ok "wkg get finds ours by package name"
else
  fail "wkg get: $(cat wkg.log)"
fi

# --- oras ---
"$PYTHON" "$here/oras_client.py" "$ours" "$token" >oras.log 2>&1 || fail "oras: $(cat oras.log)"
ok "oras pushes to us and pulls from us"

# --- skopeo ---
creds=(--src-creds "any:$token" --src-tls-verify=false)
skopeo copy -q "${creds[@]}" "docker://$ours/acme/echo:0.1.0" "oci:layout:echo" >skopeo.log 2>&1 || fail "skopeo from: $(cat skopeo.log)"
skopeo copy -q --dest-creds "any:$token" --dest-tls-verify=false "oci:layout:echo" "docker://$ours/skopeo/echo:0.1.0" >skopeo.log 2>&1 \
  || fail "skopeo to: $(cat skopeo.log)"
one=$(skopeo inspect --raw --creds "any:$token" --tls-verify=false "docker://$ours/acme/echo:0.1.0" | sha256sum)
two=$(skopeo inspect --raw --creds "any:$token" --tls-verify=false "docker://$ours/skopeo/echo:0.1.0" | sha256sum)
[ "$one" = "$two" ] && ok "skopeo copies from us and to us, byte by byte"

# --- TLS, with an authority of our own ---
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=authority -keyout ca.key -out ca.pem \
  -addext basicConstraints=critical,CA:TRUE >openssl.log 2>&1 || fail "openssl: $(cat openssl.log)"
openssl req -newkey rsa:2048 -nodes -subj /CN=registry -keyout registry.key -out registry.csr >openssl.log 2>&1
printf 'subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >leaf.ext
openssl x509 -req -in registry.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile leaf.ext -out registry.pem >openssl.log 2>&1
cat >registry.toml <<TOML
listen = "127.0.0.1:0"
data = "tls"
anonymous-pull = true
[tls]
certificate = "registry.pem"
key = "registry.key"
TOML
secure=$("$TIDEGATE" registry token add all --scope '*' --permission push --config registry.toml 2>/dev/null)
"$TIDEGATE" registry serve --config registry.toml --log warn 2>tls.log &
pids+=($!)
for _ in $(seq 100); do grep -q 'https://' tls.log && break; sleep 0.1; done
tls=$(sed -n 's|.*https://\([^,]*\),.*|\1|p' tls.log | head -1)
echo "$secure" | "$TIDEGATE" publish --key tests.key pulled.wasm "oci://$tls/acme/echo" --ca-file ca.pem --password-stdin >publish.log 2>&1 \
  || fail "publish with TLS: $(cat publish.log)"
"$TIDEGATE" add "oci://$tls/acme/echo:0.1.0" --ca-file ca.pem >add.log 2>&1 || fail "add with TLS: $(cat add.log)"
if "$TIDEGATE" add "oci://$tls/acme/echo:0.1.0" --ca-file registry.pem >add.log 2>&1; then fail "another authority was believed"; fi
grep -q 'no TLS with' add.log || fail "add with another authority: $(cat add.log)"
curl -sf --cacert ca.pem "https://$tls/v2/acme/echo/tags/list" | grep -q '0.1.0' && ok "TLS, and only with the authority that was named"

# --- the other registry, which knows no referrers ---
cat >other.yml <<YML
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/other}, delete: {enabled: true}}
http: {addr: 127.0.0.1:${PORT:-5987}}
YML
other=127.0.0.1:${PORT:-5987}
"$REGISTRY" serve other.yml >other.log 2>&1 &
pids+=($!)
for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/${PORT:-5987}") 2>/dev/null && break; sleep 0.1; done
"$TIDEGATE" publish --key tests.key pulled.wasm "oci://$other/acme/echo" >publish.log 2>&1 || fail "publish to docker-registry: $(cat publish.log)"
rm -rf state/components
"$TIDEGATE" add "oci://$other/acme/echo:0.1.0" >add.log 2>&1 || fail "add from docker-registry: $(cat add.log)"
ok "we publish to and add from docker-registry, by the fallback tag"
"$TIDEGATE" mirror fetch "oci://$ours/acme/echo:0.1.0" --to stick >mirror.log 2>&1 || fail "mirror fetch: $(cat mirror.log)"
"$TIDEGATE" mirror send stick "oci://$other/copied" >mirror.log 2>&1 || fail "mirror send: $(cat mirror.log)"
"$TIDEGATE" add "oci://$other/copied/acme/echo:0.1.0" >add.log 2>&1 || fail "add from the copy: $(cat add.log)"
ok "a mirror goes from ours to docker-registry"

# --- our mirror, read by others ---
mkdir read
skopeo copy -q "oci:stick:acme/echo:0.1.0" "dir:read" >skopeo.log 2>&1 || fail "skopeo from the mirror: $(cat skopeo.log)"
ok "skopeo reads our mirror"
echo "$passed passed, 0 failed"
