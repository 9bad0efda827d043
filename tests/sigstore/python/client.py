"""The Python signer and verifier.

    client.py sign STATEMENT TRUST_CONFIG TOKEN OUT
    client.py verify BUNDLE TRUST_CONFIG IDENTITY ISSUER ARTIFACT
"""

import hashlib
import json
import sys
from pathlib import Path

from sigstore.dsse import Statement
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy


def sign(statement: str, config: str, token: str, out: str) -> None:
    trust = ClientTrustConfig.from_json(Path(config).read_text())
    context = SigningContext.from_trust_config(trust)
    with context.signer(IdentityToken(Path(token).read_text().strip())) as signer:
        bundle = signer.sign_dsse(Statement(Path(statement).read_bytes()))
    Path(out).write_text(bundle.to_json())


def verify(file: str, config: str, identity: str, issuer: str, artifact: str) -> None:
    trust = ClientTrustConfig.from_json(Path(config).read_text())
    verifier = Verifier(trusted_root=trust.trusted_root)
    bundle = Bundle.from_json(Path(file).read_text())
    kind, payload = verifier.verify_dsse(bundle, policy.Identity(identity=identity, issuer=issuer))
    assert kind == "application/vnd.in-toto+json", kind
    digest = hashlib.sha256(Path(artifact).read_bytes()).hexdigest()
    subjects = json.loads(payload)["subject"]
    assert any(subject["digest"]["sha256"] == digest for subject in subjects), "about something else"


if __name__ == "__main__":
    {"sign": sign, "verify": verify}[sys.argv[1]](*sys.argv[2:])
    print("done")
