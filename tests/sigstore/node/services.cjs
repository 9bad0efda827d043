// Serves a private Sigstore on loopback until standard input ends. Prints one line of JSON: where it is, its trusted root,
// its signing configuration, and tokens for whoever is to sign.
'use strict';

const crypto = require('node:crypto');
const http = require('node:http');
require('reflect-metadata');
const { decodeJwt } = require('jose');
const x509 = require('@peculiar/x509');
const { Instance, keptOf } = require('./instance.cjs');

const pem = (der, label = 'CERTIFICATE') =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

// A token as a provider gives it. Nobody here checks its signature; whoever may ask is told by the loopback address.
function token(issuer, identity) {
  const now = Math.floor(Date.now() / 1000);
  const email = identity.includes('://') ? {} : { email: identity, email_verified: true };
  const claims = { iss: issuer, sub: identity, aud: 'sigstore', iat: now, nbf: now - 60, exp: now + 3600, ...email };
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.${Buffer.from('unsigned').toString('base64url')}`;
}

// Certificate authority: the key must be in the caller's hands.
async function certify(instance, body, bearer) {
  const request = JSON.parse(body);
  const claims = decodeJwt(bearer ?? request.credentials.oidcIdentityToken);
  const identity = claims.email ?? claims.sub;
  let key;
  if (request.publicKeyRequest) {
    key = crypto.createPublicKey(request.publicKeyRequest.publicKey.content);
    const proof = Buffer.from(request.publicKeyRequest.proofOfPossession, 'base64');
    if (!crypto.verify('sha256', Buffer.from(identity), key, proof)) throw new Error('the key is not in your hands');
  } else {
    const text = Buffer.from(request.certificateSigningRequest, 'base64').toString();
    const csr = new x509.Pkcs10CertificateRequest(text);
    if (!(await csr.verify())) throw new Error('the request is not signed by its key');
    key = crypto.createPublicKey(csr.publicKey.toString('pem'));
  }
  const leaf = await instance.certificate(key, { identity, issuer: claims.iss });
  const certificates = [pem(leaf), pem(instance.ca.rootCertificate)];
  return { signedCertificateEmbeddedSct: { chain: { certificates } } };
}

async function answer(instance, path, body, bearer) {
  switch (path) {
    case '/api/v2/signingCert':
      return ['application/json', JSON.stringify(await certify(instance, body, bearer))];
    case '/api/v1/log/entries': {
      const kept = Buffer.from(require('canonicalize')(keptOf(JSON.parse(body))));
      const uuid = crypto.randomBytes(32).toString('hex');
      return ['application/json', JSON.stringify({ [uuid]: instance.log.enter(kept) })];
    }
    case '/api/v1/timestamp':
      return ['application/timestamp-reply', await instance.answerTimestamp(body)];
    default:
      return undefined;
  }
}

async function main() {
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', async () => {
      try {
        const path = new URL(request.url, 'http://localhost').pathname.replace(/\/\/+/g, '/');
        const bearer = request.headers.authorization?.replace(/^Bearer /, '');
        const answered = await answer(instance, path, Buffer.concat(chunks), bearer);
        if (!answered) return response.writeHead(404).end(`there is no ${path}`);
        const [type, content] = answered;
        return response.writeHead(201, { 'content-type': type }).end(content);
      } catch (error) {
        return response.writeHead(400).end(String(error.stack));
      }
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const instance = await Instance.create({ url });
  // A tree of one leaf has proofs of no hashes: give it a few.
  for (let i = 0; i < 5; i += 1) instance.log.enter(Buffer.from(`earlier ${i}`));
  const wanted = process.argv.slice(2).map((text) => text.split(' '));
  const tokens = wanted.map(([issuer, identity]) => token(issuer, identity));
  const line = { url, trustedRoot: instance.trustedRoot(), signingConfig: instance.signingConfig(), tokens };
  console.log(JSON.stringify(line));
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
}

main();
