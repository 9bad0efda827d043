#!/usr/bin/env bash
# A folder that `tidegate new` made: published, added on another node, and every statement about it looked at and verified, also
# with OpenSSL. Started by `cargo x registry-interop`, which gives TIDEGATE, PYTHON, NODE
# and NODE_PATH.
set -euo pipefail

work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$work"' EXIT
here=$(cd "$(dirname "$0")" && pwd)
cd "$work"
passed=0
ok() { passed=$((passed + 1)); echo "ok   $*"; }
fail() { echo "FAIL $*" >&2; exit 1; }
# The builder needs the real home for its toolchain; everything of ours is here.
export TIDEGATE_CONFIG="$work/tidegate.toml" TIDEGATE_STATE="$work/publisher" TIDEGATE_POLICY="$work/policy.toml"
touch tidegate.toml

"$TIDEGATE" key new --out tests.key >/dev/null
printf 'version = 1\n[signers.tests]\npublic-key-file = "tests.pub"\n' >policy.toml
token=$("$TIDEGATE" registry token add all --scope '*' --permission push 2>/dev/null)
"$TIDEGATE" registry serve --listen 127.0.0.1:0 --log warn 2>serve.log &
pids+=($!)
for _ in $(seq 100); do grep -q 'http://' serve.log && break; sleep 0.1; done
ours=$(sed -n 's|.*http://\([^,]*\),.*|\1|p' serve.log | head -1)
[ -n "$ours" ] || fail "our registry does not start: $(cat serve.log)"
printf '{"registries": {"%s": {"password": "%s"}}}' "$ours" "$token" >registries.json
chmod 600 registries.json

"$TIDEGATE" new sea-level >/dev/null
git -C sea-level init -q && git -C sea-level add -A
# The lock file is made by the first build.
(cd sea-level && cargo generate-lockfile -q) || fail "no lock file"
git -C sea-level add -A
git -C sea-level -c user.name=tests -c user.email=tests@localhost commit -qm "a tool"
"$TIDEGATE" publish --key tests.key sea-level "oci://$ours/acme/sea-level" --json >published.json 2>publish.log \
  || fail "publish: $(tail -20 publish.log)"
ok "a folder is built and published"
digest=$("$PYTHON" -c 'import json; print(json.load(open("published.json"))["digest"])')
again=$("$TIDEGATE" publish --key tests.key sea-level "oci://$ours/acme/sea-level" --json 2>publish.log | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["digest"])')
[ "$again" = "$digest" ] || fail "published again it is $again and not $digest"
ok "published again it is the same release"

# Another node, which has the publisher's public key and nothing else.
export TIDEGATE_STATE="$work/reader"
"$TIDEGATE" add "oci://$ours/acme/sea-level:0.1.0" >add.log 2>&1 || fail "add: $(cat add.log)"
"$TIDEGATE" call count_words text='to be or not' >call.log 2>&1 || fail "call: $(cat call.log)"
grep -q 4 call.log || fail "call: $(cat call.log)"
ok "another node adds it and calls it"

"$TIDEGATE" mirror fetch "oci://$ours/acme/sea-level:0.1.0" --to copy >mirror.log 2>&1 || fail "mirror: $(cat mirror.log)"
"$PYTHON" "$here/statements.py" copy sea-level "$(git -C sea-level rev-parse HEAD)" "$(sha256sum sea-level/Cargo.lock | cut -d' ' -f1)" \
  >statements.log 2>&1 || fail "statements: $(cat statements.log)"
while read -r line; do ok "$line"; done <statements.log

"$TIDEGATE" verify --statement provenance.sigstore.json --statement bom.sigstore.json sea-level.wasm >verify.log 2>&1 \
  || fail "verify: $(cat verify.log)"
grep -q 'built by https://tidegate.dev/cli/' verify.log && grep -q 'CycloneDX' verify.log || fail "verify: $(cat verify.log)"
ok "the signature, the provenance and the bill of materials verify against the policy"

# By hand: what is signed is in the file, and OpenSSL knows the key.
for file in sea-level.wasm provenance bom; do
  openssl pkeyutl -verify -rawin -pubin -inkey tests.pub -in "$file.pae" -sigfile "$file.sig" >openssl.log 2>&1 \
    || fail "openssl $file: $(cat openssl.log)"
done
ok "OpenSSL verifies the same three signatures with the pinned key"
files=(sea-level.wasm.sigstore.json provenance.sigstore.json bom.sigstore.json)
"$NODE" "$here/key.cjs" tests.pub "${files[@]}" >key.log 2>&1 || fail "npm sigstore: $(cat key.log)"
ok "npm's sigstore verifies them with the pinned key"
"$TIDEGATE" key new --out other.key >/dev/null
if "$NODE" "$here/key.cjs" other.pub "${files[@]}" >key.log 2>&1; then fail "npm's sigstore believes another key"; fi
grep -q 'SIGNATURE_ERROR' key.log || fail "npm sigstore: $(cat key.log)"
ok "and not with another"
printf 'x' >>provenance.pae
if openssl pkeyutl -verify -rawin -pubin -inkey tests.pub -in provenance.pae -sigfile provenance.sig >openssl.log 2>&1; then
  fail "OpenSSL believes a changed statement"
fi
ok "OpenSSL refuses a changed one"
echo "$passed passed, 0 failed"
