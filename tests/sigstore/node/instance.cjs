// A private Sigstore in memory: certificate authority, certificate log and time authority of `@sigstore/mock`, and a
// transparency log of our own, because the mock's has one entry and keeps proposals as they are.
//
// Every step takes options, so that the attack tests can make what no honest service makes.
'use strict';

const crypto = require('node:crypto');
const asn1js = require('asn1js');
const canonicalize = require('canonicalize');
const pkijs = require('pkijs');
require('reflect-metadata');
const x509 = require('@peculiar/x509');
const { Crypto } = require('@peculiar/webcrypto');
const { initializeCA, initializeCTLog, initializeTSA } = require('@sigstore/mock');

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), crypto.createHash('sha256')).digest();
const newKey = () => crypto.generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const spki = (key) => key.export({ format: 'der', type: 'spki' });
const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);
const ISSUER_V1 = '1.3.6.1.4.1.57264.1.1';
const ISSUER_V2 = '1.3.6.1.4.1.57264.1.8';
const SCTS = '1.3.6.1.4.1.11129.2.4.2';
const TST_POLICY = '1.3.6.1.4.1.57264.2';
const SHA256 = '2.16.840.1.101.3.4.2.1';

// A transparency log: a Merkle tree as RFC 6962 has it, checkpoints as signed notes, promises as Rekor 1 makes them.
class Log {
  constructor(origin) {
    this.origin = origin;
    this.key = newKey();
    this.public = spki(this.key.publicKey);
    this.id = sha256(this.public);
    this.leaves = [];
  }

  root(leaves) {
    if (leaves.length === 1) return leaves[0];
    const half = largestPowerBelow(leaves.length);
    return sha256(NODE, this.root(leaves.slice(0, half)), this.root(leaves.slice(half)));
  }

  path(index, leaves) {
    if (leaves.length === 1) return [];
    const half = largestPowerBelow(leaves.length);
    return index < half
      ? [...this.path(index, leaves.slice(0, half)), this.root(leaves.slice(half))]
      : [...this.path(index - half, leaves.slice(half)), this.root(leaves.slice(0, half))];
  }

  checkpoint(size, root) {
    const note = `${this.origin} - 1\n${size}\n${root.toString('base64')}\n`;
    const signature = crypto.sign('sha256', Buffer.from(note), this.key.privateKey);
    const hinted = Buffer.concat([this.id.subarray(0, 4), signature]);
    return `${note}\n\u2014 ${this.origin} ${hinted.toString('base64')}\n`;
  }

  // Enters a body; gives what Rekor 1 answers with, and the time it was entered at.
  enter(body, time = new Date()) {
    this.leaves.push(sha256(LEAF, body));
    const logIndex = this.leaves.length - 1;
    const rootHash = this.root(this.leaves);
    const promised = {
      body: body.toString('base64'),
      integratedTime: Math.floor(time.getTime() / 1000),
      logIndex,
      logID: this.id.toString('hex'),
    };
    const set = crypto.sign('sha256', Buffer.from(canonicalize(promised)), this.key.privateKey);
    return {
      ...promised,
      verification: {
        inclusionProof: {
          logIndex,
          treeSize: this.leaves.length,
          rootHash: rootHash.toString('hex'),
          hashes: this.path(logIndex, this.leaves).map((hash) => hash.toString('hex')),
          checkpoint: this.checkpoint(this.leaves.length, rootHash),
        },
        signedEntryTimestamp: set.toString('base64'),
      },
    };
  }
}

function largestPowerBelow(count) {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

// What Rekor keeps of a proposal.
function keptOf(proposal) {
  if (proposal.kind !== 'dsse' || !proposal.spec.proposedContent) return proposal;
  const { envelope, verifiers } = proposal.spec.proposedContent;
  const parsed = JSON.parse(envelope);
  // Certificates are kept in one form, however they were wrapped.
  const kept = (verifier) => base64(new crypto.X509Certificate(Buffer.from(verifier, 'base64')).toString());
  const base64 = (text) => Buffer.from(text).toString('base64');
  const hash = (bytes) => ({ algorithm: 'sha256', value: sha256(bytes).toString('hex') });
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: hash(Buffer.from(envelope)),
      payloadHash: hash(Buffer.from(parsed.payload, 'base64')),
      signatures: parsed.signatures.map((one, index) => ({ signature: one.sig, verifier: kept(verifiers[index]) })),
    },
  };
}

class Instance {
  static async create({ url = 'http://127.0.0.1:1', now = new Date() } = {}) {
    const self = new Instance();
    self.url = url;
    self.begin = now;
    self.caKey = newKey();
    self.ctLog = await initializeCTLog(newKey());
    self.ca = await initializeCA(self.caKey, self.ctLog);
    self.tsa = await initializeTSA(newKey());
    self.log = new Log('log.sigstore.test');
    return self;
  }

  // A certificate for a key. Options: identity, issuer (null: none), names, oldIssuer, ca, purposes, usage, time, minutes,
  // sct (false: none), selfSigned, authority (another instance).
  async certificate(publicKey, options = {}) {
    const { identity = 'https://ci.sigstore.test/release', issuer = 'https://issuer.sigstore.test' } = options;
    const engine = new Crypto();
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    const usages = ['verify'];
    const key = await engine.subtle.importKey('spki', spki(publicKey), algorithm, true, usages);
    const by = options.selfSigned ? options.selfSigned : (options.authority ?? this).caKey.privateKey;
    const signingKey = await engine.subtle.importKey('jwk', by.export({ format: 'jwk' }), algorithm, true, ['sign']);
    const { KeyUsageFlags: Flags, ExtendedKeyUsage: Purpose } = x509;
    const begin = options.time ?? new Date();
    const kind = (name) => ({ type: name.includes('@') && !name.includes('://') ? 'email' : 'url', value: name });
    const extensions = [
      new x509.KeyUsagesExtension(options.usage ?? Flags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(options.purposes ?? [Purpose.codeSigning]),
    ];
    extensions.push(await x509.SubjectKeyIdentifierExtension.create(key, false, engine));
    const authorityKey = crypto.createPublicKey((options.authority ?? this).caKey.privateKey);
    const known = await engine.subtle.importKey('spki', spki(authorityKey), algorithm, true, usages);
    extensions.push(await x509.AuthorityKeyIdentifierExtension.create(known, false, engine));
    const names = options.names ?? [identity];
    if (names.length) extensions.push(new x509.SubjectAlternativeNameExtension(names.map(kind), true));
    if (options.ca) extensions.push(new x509.BasicConstraintsExtension(true, undefined, true));
    if (issuer !== null) {
      extensions.push(new x509.Extension(ISSUER_V1, false, Buffer.from(options.oldIssuer ?? issuer)));
      extensions.push(new x509.Extension(ISSUER_V2, false, new asn1js.Utf8String({ value: issuer }).toBER(false)));
    }
    const tbs = {
      serialNumber: crypto.randomBytes(8).toString('hex').replace(/^./, '1'),
      notBefore: begin,
      notAfter: new Date(begin.getTime() + (options.minutes ?? 10) * 60_000),
      issuer: 'CN=sigstore,O=sigstore.mock',
      publicKey: key,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      signingKey,
      extensions,
    };
    if (options.sct !== false) {
      const draft = await x509.X509CertificateGenerator.create(tbs, engine);
      const issuerKey = sha256(spki((options.authority ?? this).caKey.publicKey));
      const sct = Buffer.from(await (options.ctLog ?? this.ctLog).log(draft.rawData, issuerKey));
      // It comes with its length in front; the list has one of its own.
      const list = Buffer.concat([Buffer.from([0, sct.length]), sct]);
      extensions.push(new x509.Extension(SCTS, false, new asn1js.OctetString({ valueHex: list }).toBER(false)));
    }
    return Buffer.from((await x509.X509CertificateGenerator.create(tbs, engine)).rawData);
  }

  // A time over `bytes`, as a DER answer of RFC 3161. Options: time, nonce, hash (instead of the bytes' own).
  async timestamp(bytes, { time, nonce, hash, withCertificate = true } = {}) {
    const tstInfo = Object.getPrototypeOf(this.tsa).tstInfo;
    this.tsa.tstInfo = (request) => {
      const info = tstInfo.call(this.tsa, { ...request, nonce: 1 });
      info.nonce = nonce ?? info.nonce;
      if (time) info.genTime = time;
      info.genTime.setMilliseconds(0);
      return info;
    };
    const artifactHash = hash ?? sha256(bytes);
    const request = { artifactHash, hashAlgorithmOID: SHA256, policyOID: TST_POLICY, certReq: withCertificate };
    return this.tsa.timestamp(request);
  }

  // Answers a request of RFC 3161, DER or the JSON of the public time authority.
  async answerTimestamp(body) {
    if (body[0] !== 0x30) {
      const { artifactHash, certificates } = JSON.parse(body.toString());
      return this.timestamp(null, { hash: Buffer.from(artifactHash, 'base64'), withCertificate: certificates ?? false });
    }
    const request = pkijs.TimeStampReq.fromBER(body);
    const hash = Buffer.from(request.messageImprint.hashedMessage.valueBlock.valueHexView);
    return this.timestamp(null, { hash, nonce: request.nonce, withCertificate: request.certReq ?? false });
  }

  trustedRoot() {
    const start = new Date(this.begin.getTime() - 24 * 3600_000).toISOString();
    const bytes = (buffer) => ({ rawBytes: Buffer.from(buffer).toString('base64') });
    // Verifiers match the name in a checkpoint with this address.
    const log = (id, key) => ({
      baseUrl: `https://${this.log.origin}`,
      hashAlgorithm: 'SHA2_256',
      publicKey: { ...bytes(key), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: { start } },
      logId: { keyId: Buffer.from(id).toString('base64') },
    });
    const authority = (...chain) => ({
      subject: { organization: 'sigstore.mock', commonName: 'sigstore' },
      uri: this.url,
      certChain: { certificates: chain.map(bytes) },
      validFor: { start },
    });
    return {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [log(this.log.id, this.log.public)],
      certificateAuthorities: [authority(this.ca.rootCertificate)],
      ctlogs: [log(this.ctLog.logID, this.ctLog.publicKey)],
      timestampAuthorities: [authority(this.tsa.intCertificate, this.tsa.rootCertificate)],
    };
  }

  signingConfig() {
    const start = new Date(this.begin.getTime() - 24 * 3600_000).toISOString();
    const service = (url) => [{ url, majorApiVersion: 1, validFor: { start }, operator: 'sigstore.test' }];
    return {
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: service(this.url),
      oidcUrls: service(this.url),
      rekorTlogUrls: service(this.url),
      rekorTlogConfig: { selector: 'ANY' },
      tsaUrls: service(`${this.url}/api/v1/timestamp`),
      tsaConfig: { selector: 'ANY' },
    };
  }
}

module.exports = { Instance, Log, ISSUER_V1, ISSUER_V2, keptOf, newKey, sha256, spki };
