// Makes signature files that nobody should accept, and good ones beside them.
//
//   forge.cjs COMPONENT NAME VERSION FOLDER
//
// Writes `FOLDER/CASE.json` for every case below, the trusted root of the services (`root.json`), and that of others
// (`foreign.json`).
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
require('reflect-metadata');
const { ExtendedKeyUsage: Purpose, KeyUsageFlags: Flags } = require('@peculiar/x509');
const { initializeCTLog } = require('@sigstore/mock');
const canonicalize = require('canonicalize');
const { Instance, newKey, sha256 } = require('./instance.cjs');

const [component, name, version, folder] = process.argv.slice(2);
const TYPE = 'application/vnd.in-toto+json';
const COMPONENT = 'https://tidegate.dev/attestation/component/v1';
const IDENTITY = 'https://ci.sigstore.test/release';
const ISSUER = 'https://issuer.sigstore.test';
const DAY = 24 * 3600_000;

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const digest = sha256(fs.readFileSync(component)).toString('hex');
const pem = (der) => `-----BEGIN CERTIFICATE-----\n${base64(der).replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;

function statement(change = {}) {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: `${name}@${version}`, digest: { sha256: digest } }],
    predicateType: COMPONENT,
    predicate: { name, version },
    ...change,
  };
}

const provenance = () => ({
  predicateType: 'https://slsa.dev/provenance/v1',
  predicate: {
    buildDefinition: { buildType: 'https://ci.sigstore.test/build/v1', externalParameters: {} },
    runDetails: { builder: { id: 'https://ci.sigstore.test' } },
  },
});

// A log entry in the form of a bundle.
function entryOf(kept) {
  const proof = kept.verification.inclusionProof;
  const hex = (text) => base64(Buffer.from(text, 'hex'));
  return {
    logIndex: String(kept.logIndex),
    logId: { keyId: hex(kept.logID) },
    kindVersion: { kind: 'dsse', version: '0.0.1' },
    integratedTime: String(kept.integratedTime),
    inclusionPromise: { signedEntryTimestamp: kept.verification.signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(proof.logIndex),
      rootHash: hex(proof.rootHash),
      treeSize: String(proof.treeSize),
      hashes: proof.hashes.map(hex),
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: kept.body,
  };
}

// A complete bundle, and the parts of it. Options: statement, type (of the payload), by (whose certificate), log, logTime,
// tsa, time, key, and those of a certificate.
async function make(own, options = {}) {
  const key = options.key ?? newKey();
  const payload = Buffer.from(options.raw ?? JSON.stringify(options.statement ?? statement()));
  const type = options.type ?? TYPE;
  const pae = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
  const signature = crypto.sign('sha256', pae, key.privateKey);
  const certificate = await (options.by ?? own).certificate(key.publicKey, { identity: IDENTITY, issuer: ISSUER, ...options });
  const body = {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: { algorithm: 'sha256', value: sha256(payload).toString('hex') },
      payloadHash: { algorithm: 'sha256', value: sha256(payload).toString('hex') },
      signatures: [{ signature: base64(signature), verifier: base64(pem(certificate)) }],
    },
  };
  const kept = (options.log ?? own.log).enter(Buffer.from(canonicalize(body)), options.logTime ?? options.time);
  const token = await (options.tsa ?? own).timestamp(signature, { time: options.stamped ?? options.logTime });
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      certificate: { rawBytes: base64(certificate) },
      tlogEntries: [entryOf(kept)],
      timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: base64(token) }] },
    },
    dsseEnvelope: { payload: base64(payload), payloadType: type, signatures: [{ sig: base64(signature), keyid: '' }] },
  };
}

const flip = (text, at = 8) => {
  const bytes = Buffer.from(text, 'base64');
  bytes[at] ^= 1;
  return base64(bytes);
};

// A good bundle that is changed afterwards.
const changed = (change) => async (own, other) => {
  const bundle = await make(own);
  return (await change(bundle, bundle.verificationMaterial, bundle.verificationMaterial.tlogEntries[0], own, other)) ?? bundle;
};
const made = (options) => (own, other) => make(own, typeof options === 'function' ? options(own, other) : options);
const text = (change) => async (own) => change(JSON.stringify(await make(own)));

const cases = {
  good: made({}),
  'good-for-a-person': made({ identity: 'dev@example.com' }),
  'good-with-the-log-time-only': changed((bundle, material) => { delete material.timestampVerificationData; }),
  'good-with-the-signed-time-only': changed((bundle, material, entry) => { delete entry.inclusionPromise; }),
  'good-provenance': made({ statement: statement(provenance()) }),

  // --- who
  'another-identity': made({ identity: 'https://ci.sigstore.test/other' }),
  'identity-that-begins-alike': made({ identity: `${IDENTITY}-2` }),
  'identity-that-ends-early': made({ identity: IDENTITY.slice(0, -1) }),
  'identity-in-upper-case': made({ identity: 'https://ci.sigstore.test/RELEASE' }),
  'identity-with-a-slash-more': made({ identity: `${IDENTITY}/` }),
  'identity-inside-another': made({ identity: `https://evil.test/?${IDENTITY}` }),
  'another-issuer': made({ issuer: 'https://issuer.other.test' }),
  'issuer-in-upper-case': made({ issuer: 'https://issuer.sigstore.TEST' }),
  'issuer-with-a-slash-more': made({ issuer: `${ISSUER}/` }),
  'two-issuers': made({ oldIssuer: 'https://issuer.other.test' }),
  'no-issuer': made({ issuer: null }),
  'two-names': made({ names: [IDENTITY, 'https://ci.sigstore.test/other'] }),
  'a-person-first': made({ names: ['dev@example.com', IDENTITY] }),
  'no-name': made({ names: [] }),

  // --- the certificate
  'foreign-services': (own, other) => make(other),
  'foreign-authority': made((own, other) => ({ authority: other })),
  'self-signed': made(() => { const key = newKey(); return { key, selfSigned: key.privateKey }; }),
  'certificate-of-an-authority': made({ ca: true }),
  'key-that-signs-certificates': made({ usage: Flags.digitalSignature | Flags.keyCertSign }),
  'for-servers': made({ purposes: [Purpose.serverAuth] }),
  'for-code-and-servers': made({ purposes: [Purpose.codeSigning, Purpose.serverAuth] }),
  expired: made(() => ({ time: new Date(Date.now() - DAY / 2), logTime: new Date() })),
  'not-yet-valid': made(() => ({ time: new Date(Date.now() + DAY), logTime: new Date() })),
  'not-in-a-certificate-log': made({ sct: false }),
  'in-a-foreign-certificate-log': async (own) => make(own, { ctLog: await initializeCTLog(newKey()) }),
  'certificate-cut-short': changed((bundle, material) => {
    material.certificate.rawBytes = base64(Buffer.from(material.certificate.rawBytes, 'base64').subarray(0, 200));
  }),
  'certificate-of-another-key': changed(async (bundle, material, entry, own) => {
    material.certificate = (await make(own)).verificationMaterial.certificate;
  }),
  'certificate-changed': changed((bundle, material) => {
    const bytes = Buffer.from(material.certificate.rawBytes, 'base64');
    const at = bytes.indexOf('ci.sigstore.test/release');
    bytes.write('ci.sigstore.test/rElease', at);
    material.certificate.rawBytes = base64(bytes);
  }),
  'no-certificate': changed((bundle, material) => { delete material.certificate; }),
  'chain-of-certificates': changed((bundle, material) => {
    material.x509CertificateChain = { certificates: [material.certificate] };
    delete material.certificate;
  }),
  'key-beside-the-certificate': changed((bundle, material) => { material.publicKey = { hint: 'x' }; }),

  // --- when
  'no-time': changed((bundle, material, entry) => {
    delete material.timestampVerificationData;
    delete entry.inclusionPromise;
  }),
  'log-time-edited': changed((bundle, material, entry) => { entry.integratedTime = String(Number(entry.integratedTime) - 60); }),
  'log-time-edited-beside-a-signed-one': changed((bundle, material, entry) => { entry.integratedTime = '1'; }),
  'log-time-in-the-future': made(() => ({ logTime: new Date(Date.now() + 5 * 60_000), stamped: new Date() })),
  'foreign-time': made((own, other) => ({ tsa: other })),
  'time-of-another-signature': changed(async (bundle, material, entry, own) => {
    material.timestampVerificationData = (await make(own)).verificationMaterial.timestampVerificationData;
  }),
  'time-after-the-certificate': made(() => ({ stamped: new Date(Date.now() + DAY / 4), logTime: new Date() })),
  'time-before-the-certificate': made(() => ({ stamped: new Date(Date.now() - DAY / 4), logTime: new Date() })),
  'one-good-time-and-one-foreign': changed(async (bundle, material, entry, own, other) => {
    const signature = Buffer.from(bundle.dsseEnvelope.signatures[0].sig, 'base64');
    const token = base64(await other.timestamp(signature));
    material.timestampVerificationData.rfc3161Timestamps.push({ signedTimestamp: token });
  }),
  'time-cut-short': changed((bundle, material) => {
    const [only] = material.timestampVerificationData.rfc3161Timestamps;
    only.signedTimestamp = base64(Buffer.from(only.signedTimestamp, 'base64').subarray(0, 100));
  }),
  'nine-times': changed((bundle, material) => {
    const data = material.timestampVerificationData;
    data.rfc3161Timestamps = Array(9).fill(data.rfc3161Timestamps[0]);
  }),

  // --- the log
  'no-log-entry': changed((bundle, material) => { material.tlogEntries = []; }),
  'no-log-entries': changed((bundle, material) => { delete material.tlogEntries; }),
  'nine-log-entries': changed((bundle, material, entry) => { material.tlogEntries = Array(9).fill(entry); }),
  'foreign-log': made((own, other) => ({ log: other.log })),
  'foreign-log-under-our-name': changed((bundle, material, entry, own, other) => {
    const kept = other.log.enter(Buffer.from(entry.canonicalizedBody, 'base64'));
    material.tlogEntries = [{ ...entryOf(kept), logId: entry.logId }];
  }),
  'no-proof-of-inclusion': changed((bundle, material, entry) => { delete entry.inclusionProof; }),
  'one-entry-without-proof': changed((bundle, material, entry) => {
    const { inclusionProof, ...bare } = entry;
    material.tlogEntries.push(bare);
  }),
  'proof-changed': changed((bundle, material, entry) => { entry.inclusionProof.hashes[0] = flip(entry.inclusionProof.hashes[0]); }),
  'proof-of-another-place': changed((bundle, material, entry) => { entry.inclusionProof.logIndex = '0'; }),
  'proof-without-hashes': changed((bundle, material, entry) => { entry.inclusionProof.hashes = []; }),
  'root-changed': changed((bundle, material, entry) => { entry.inclusionProof.rootHash = flip(entry.inclusionProof.rootHash); }),
  'tree-of-one': changed((bundle, material, entry) => {
    const proof = entry.inclusionProof;
    const root = sha256(Buffer.from([0]), Buffer.from(entry.canonicalizedBody, 'base64'));
    Object.assign(proof, { hashes: [], treeSize: '1', logIndex: '0', rootHash: base64(root) });
  }),
  'foreign-checkpoint': changed((bundle, material, entry, own, other) => {
    const { treeSize, rootHash } = entry.inclusionProof;
    entry.inclusionProof.checkpoint.envelope = other.log.checkpoint(treeSize, Buffer.from(rootHash, 'base64'));
  }),
  'checkpoint-changed': changed((bundle, material, entry) => {
    const { checkpoint } = entry.inclusionProof;
    checkpoint.envelope = checkpoint.envelope.replace(/ (\S+)\n$/, (_, signature) => ` ${flip(signature, 20)}\n`);
  }),
  'checkpoint-of-another-tree': changed((bundle, material, entry, own) => {
    entry.inclusionProof.checkpoint.envelope = own.log.checkpoint(2, own.log.root(own.log.leaves.slice(0, 2)));
  }),
  'checkpoint-without-signature': changed((bundle, material, entry) => {
    const { checkpoint } = entry.inclusionProof;
    checkpoint.envelope = checkpoint.envelope.replace(/\u2014.*\n$/, '');
  }),
  'promise-changed': changed((bundle, material, entry) => {
    entry.inclusionPromise.signedEntryTimestamp = flip(entry.inclusionPromise.signedEntryTimestamp, 12);
  }),
  'entry-of-another-signature': changed(async (bundle, material, entry, own) => {
    material.tlogEntries = (await make(own)).verificationMaterial.tlogEntries;
  }),
  'entry-of-another-statement': async (own) => {
    const key = newKey();
    const bundle = await make(own, { key });
    const other = await make(own, { key, statement: statement({ predicate: { name, version: '9.9.9' } }) });
    bundle.verificationMaterial.tlogEntries = other.verificationMaterial.tlogEntries;
    return bundle;
  },
  'entry-of-another-kind': changed((bundle, material, entry) => { entry.kindVersion = { kind: 'rekord', version: '0.0.1' }; }),
  'entry-body-changed': changed((bundle, material, entry) => { entry.canonicalizedBody = flip(entry.canonicalizedBody); }),

  // --- what
  'payload-changed': changed((bundle) => {
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString();
    bundle.dsseEnvelope.payload = base64(payload.replaceAll(version, '9.9.9'));
  }),
  'signature-changed': changed((bundle) => {
    const [only] = bundle.dsseEnvelope.signatures;
    only.sig = flip(only.sig, 10);
  }),
  'another-component': made({ statement: statement({ subject: [{ name: `${name}@${version}`, digest: { sha256: '0'.repeat(64) } }] }) }),
  'another-name': made({ statement: statement({ predicate: { name: 'other', version } }) }),
  'another-version': made({
    statement: statement({ subject: [{ name: `${name}@9.9.9`, digest: { sha256: digest } }], predicate: { name, version: '9.9.9' } }),
  }),
  revoked: made({ statement: statement({ predicateType: 'https://example.com/revoked/v1', predicate: {} }) }),
  'provenance-as-a-signature': made({ statement: statement(provenance()) }),
  'predicate-that-begins-alike': made({ statement: statement({ predicateType: `${COMPONENT}.1` }) }),
  'older-statement': made({ statement: statement({ _type: 'https://in-toto.io/Statement/v0.1' }) }),
  'no-subject': made({ statement: statement({ subject: [] }) }),
  'nine-subjects': made({
    statement: statement({ subject: Array(9).fill({ name: `${name}@${version}`, digest: { sha256: digest } }) }),
  }),
  'digest-in-upper-case': made({
    statement: statement({ subject: [{ name: `${name}@${version}`, digest: { sha256: digest.toUpperCase() } }] }),
  }),
  'more-in-the-predicate': made({ statement: statement({ predicate: { name, version, revoked: true } }) }),
  'key-twice-in-the-statement': made({ raw: JSON.stringify(statement()).replace('"predicateType"', '"predicateType":"x","predicateType"') }),
  'another-payload-type': made({ type: 'text/plain' }),
  'payload-type-changed': changed((bundle) => { bundle.dsseEnvelope.payloadType = 'application/json'; }),

  // --- the file
  'key-twice': text((json) => json.replace('{', '{"mediaType":"x",')),
  'material-twice': text((json) => json.replace('"verificationMaterial"', '"verificationMaterial":{},"verificationMaterial"')),
  'two-contents': changed((bundle) => {
    bundle.messageSignature = { messageDigest: { algorithm: 'SHA2_256', digest: base64(Buffer.from(digest, 'hex')) }, signature: 'eA==' };
  }),
  'a-message-only': changed((bundle) => {
    bundle.messageSignature = { messageDigest: { algorithm: 'SHA2_256', digest: base64(Buffer.from(digest, 'hex')) }, signature: 'eA==' };
    delete bundle.dsseEnvelope;
  }),
  'two-signatures': changed((bundle) => { bundle.dsseEnvelope.signatures.push(bundle.dsseEnvelope.signatures[0]); }),
  'no-signatures': changed((bundle) => { bundle.dsseEnvelope.signatures = []; }),
  'unknown-field': changed((bundle) => { bundle.verificationMaterial.note = 'believe me'; }),
  'unknown-field-in-the-entry': changed((bundle, material, entry) => { entry.attestation = {}; }),
  'number-instead-of-text': changed((bundle, material, entry) => { entry.logIndex = 0; }),
  'older-version': changed((bundle) => { bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2'; }),
  'other-base64': changed((bundle) => { bundle.dsseEnvelope.payload = bundle.dsseEnvelope.payload.replace(/=*$/, ''); }),
  'deeply-nested': text((json) => json.replace('{', `{"x":${'['.repeat(200)}${']'.repeat(200)},`)),
  oversized: text((json) => `${json}${' '.repeat(256 * 1024)}`),
  'junk-behind': text((json) => `${json}{}`),
  'cut-short': text((json) => json.slice(0, json.length / 2)),
  'no-json': async () => 'nothing',
  'empty-object': async () => '{}',
};

async function main() {
  const own = await Instance.create();
  const other = await Instance.create();
  for (const instance of [own, other]) {
    for (let i = 0; i < 3; i += 1) instance.log.enter(Buffer.from(`earlier ${i}`));
  }
  const write = (file, value) => fs.writeFileSync(path.join(folder, file), typeof value === 'string' ? value : JSON.stringify(value));
  for (const [title, forge] of Object.entries(cases)) write(`${title}.json`, await forge(own, other));
  write('root.json', own.trustedRoot());
  write('foreign.json', other.trustedRoot());
  console.log(JSON.stringify(Object.keys(cases)));
}

main();
