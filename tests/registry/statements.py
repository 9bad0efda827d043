"""Finds what is attached to the one component of a mirror, looks at it, and writes it into the working directory.

Arguments: the mirror, the component's name, the commit and the SHA-256 of the lock file that the provenance must name.
Writes NAME.wasm, NAME.wasm.sigstore.json, provenance.sigstore.json, bom.sigstore.json, and for each the signed bytes (.pae) and
the signature (.sig). Sources: DSSE v1, protocol.md; in-toto statement v1; SLSA provenance v1; CycloneDX 1.5.
"""

import base64
import hashlib
import json
import pathlib
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

mirror, name, commit, lock = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]


def blob(descriptor):
    data = (mirror / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")).read_bytes()
    assert hashlib.sha256(data).hexdigest() == descriptor["digest"].removeprefix("sha256:")
    return data


index = json.loads((mirror / "index.json").read_bytes())
by_name = {entry["annotations"]["org.opencontainers.image.ref.name"].split(":", 1)[1]: entry for entry in index["manifests"]}
manifest_descriptor = by_name["0.1.0"]
manifest = json.loads(blob(manifest_descriptor))
assert manifest["config"]["mediaType"] == "application/vnd.wasm.config.v0+json", manifest
(layer,) = manifest["layers"]
assert layer["mediaType"] == "application/wasm"
component = blob(layer)
assert component[:8] == b"\0asm\x0d\0\1\0", "a component"
config = json.loads(blob(manifest["config"]))
assert config["layerDigests"] == [layer["digest"]] and config["os"] == "wasip2", config
assert any(export.startswith("tidegate:tool/tools@") for export in config["component"]["exports"]), config
assert b".debug_info" not in component and b"producers" not in component, "what is for debuggers is gone"
pathlib.Path(f"{name}.wasm").write_bytes(component)
print("the manifest is a Wasm OCI artifact: one plain layer, a config with imports and exports, nothing for debuggers")

files = {
    "https://tidegate.dev/attestation/component/v1": f"{name}.wasm",
    "https://cyclonedx.org/bom": "bom",
    "https://slsa.dev/provenance/v1": "provenance",
}
statements = {}
for entry in json.loads(blob(by_name[manifest_descriptor["digest"].replace(":", "-")]))["manifests"]:
    attached = json.loads(blob(entry))
    assert attached["subject"]["digest"] == manifest_descriptor["digest"]
    data = blob(attached["layers"][0])
    bundle = json.loads(data)
    assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    envelope = bundle["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"], validate=True)
    statement = json.loads(payload)
    kind = statement["predicateType"]
    assert kind == entry["annotations"]["dev.sigstore.bundle.predicateType"]
    subjects = {subject["digest"]["sha256"] for subject in statement["subject"]}
    wanted = {layer["digest"], manifest_descriptor["digest"]}
    assert subjects == {digest.removeprefix("sha256:") for digest in wanted}, statement
    file = files[kind]
    pathlib.Path(f"{file}.sigstore.json").write_bytes(data)
    kind_bytes = envelope["payloadType"].encode()
    pae = b"DSSEv1 %d %s %d %s" % (len(kind_bytes), kind_bytes, len(payload), payload)
    pathlib.Path(f"{file}.pae").write_bytes(pae)
    pathlib.Path(f"{file}.sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"], validate=True))
    statements[kind] = statement["predicate"]
assert set(statements) == set(files), set(statements)
print("three statements are attached, each about the component and its manifest")

bom = statements["https://cyclonedx.org/bom"]
assert (bom["bomFormat"], bom["specVersion"], bom["version"]) == ("CycloneDX", "1.5", 1)
assert bom["metadata"]["component"]["name"] == name
refs = [part["bom-ref"] for part in bom["components"]]
assert len(set(refs)) == len(refs) and all(ref.startswith("pkg:cargo/") for ref in refs)
packages = [part["name"] for part in bom["components"]]
assert "wit-bindgen" in packages and name not in packages, packages
hashed = [part for part in bom["components"] if "hashes" in part]
assert len(hashed) >= len(refs) - 2, "all but the SDK, which lies in the folder"
assert all(part["hashes"][0]["alg"] == "SHA-256" and len(part["hashes"][0]["content"]) == 64 for part in hashed)
known = set(refs) | {bom["metadata"]["component"]["bom-ref"]}
for edge in bom["dependencies"]:
    assert edge["ref"] in known and set(edge["dependsOn"]) <= known, edge
invalid = JsonStrictValidator(SchemaVersion.V1_5).validate_str(json.dumps(bom))
assert invalid is None, invalid
assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(json.dumps(bom | {"components": 1})) is not None
print(f"the bill of materials is valid CycloneDX 1.5, with {len(refs)} packages and their checksums")

provenance = statements["https://slsa.dev/provenance/v1"]
definition = provenance["buildDefinition"]
assert definition["buildType"] == "https://tidegate.dev/build/component/v1"
assert definition["externalParameters"]["component"] == f"{name}@0.1.0"
digests = [part["digest"] for part in definition["resolvedDependencies"]]
assert {"gitCommit": commit} in digests and {"sha256": lock} in digests, digests
assert provenance["runDetails"]["builder"]["id"].startswith("https://tidegate.dev/cli/")
print("the provenance names the commit, the lock file and the builder")
