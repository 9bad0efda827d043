"""Pushes a file with the Python client of oras, pulls it back, and pulls what it did not push."""

import hashlib
import pathlib
import sys
import tempfile

import oras.client

host, token = sys.argv[1:]
client = oras.client.OrasClient(hostname=host, insecure=True, auth_backend="basic")
client.auth.set_basic_auth("any", token)
with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path("artifact.txt")
    file.write_text("pushed by oras\n" * 10_000)
    target = f"{host}/oras/artifact:1.0.0"
    pushed = client.push(target=target, files=[str(file)])
    assert pushed.status_code == 201, pushed.text
    (pulled,) = client.pull(target=target, outdir=folder)
    digest = lambda path: hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    assert digest(pulled) == digest(file), "other bytes came back"
    manifest = client.get_manifest(f"{host}/acme/echo:0.1.0")
    (layer,) = manifest["layers"]
    assert layer["mediaType"] == "application/wasm", layer
    assert "1.0.0" in client.get_tags(f"{host}/oras/artifact")
print("ok")
