// The JavaScript signer and verifier.
//
//   client.cjs sign STATEMENT SIGNING_CONFIG TOKEN OUT
//   client.cjs verify BUNDLE TRUSTED_ROOT IDENTITY ISSUER ARTIFACT
'use strict';

const fs = require('node:fs');
const crypto = require('node:crypto');
const { bundleFromJSON, bundleToJSON } = require('@sigstore/bundle');
const { TrustedRoot } = require('@sigstore/protobuf-specs');
const { DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness } = require('@sigstore/sign');
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');

const json = (path) => JSON.parse(fs.readFileSync(path, 'utf8'));

async function sign(statement, configFile, tokenFile, out) {
  const config = json(configFile);
  const token = fs.readFileSync(tokenFile, 'utf8').trim();
  const signer = new FulcioSigner({
    fulcioBaseURL: config.caUrls[0].url,
    identityProvider: { getToken: async () => token },
  });
  const witnesses = [
    new RekorWitness({ rekorBaseURL: config.rekorTlogUrls[0].url, entryType: 'dsse' }),
    new TSAWitness({ tsaBaseURL: config.tsaUrls[0].url.replace('/api/v1/timestamp', '') }),
  ];
  const builder = new DSSEBundleBuilder({ signer, witnesses, certificateChain: false });
  const bundle = await builder.create({ data: fs.readFileSync(statement), type: 'application/vnd.in-toto+json' });
  fs.writeFileSync(out, JSON.stringify(bundleToJSON(bundle)));
}

function verify(file, rootFile, identity, issuer, artifact) {
  const bundle = bundleFromJSON(json(file));
  const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(json(rootFile))), { tlogThreshold: 1, timestampThreshold: 1 });
  // The library takes a regular expression: closed at both ends, it is the one name.
  const exactly = `^${identity.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
  verifier.verify(toSignedEntity(bundle), { subjectAlternativeName: exactly, extensions: { issuer } });
  // What the statement says is not its business: that it is about these bytes, the caller checks.
  const statement = JSON.parse(bundle.content.dsseEnvelope.payload.toString());
  const digest = crypto.createHash('sha256').update(fs.readFileSync(artifact)).digest('hex');
  if (!statement.subject.some((subject) => subject.digest.sha256 === digest)) throw new Error('about something else');
}

const [command, ...rest] = process.argv.slice(2);
Promise.resolve()
  .then(() => (command === 'sign' ? sign(...rest) : verify(...rest)))
  .then(() => console.log('done'))
  .catch((error) => {
    console.error(error.stack, error.cause ?? '');
    process.exit(1);
  });
