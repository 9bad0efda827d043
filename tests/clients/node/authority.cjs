// An authorization server on a loopback port, made with oidc-provider; see ../README.md for its steps.
"use strict";

const crypto = require("node:crypto");
const http = require("node:http");
const readline = require("node:readline");
const { Provider } = require("oidc-provider");

// It is started as PROGRAM CONFIG, a JSON object: `scopes` that resources have, `seconds` that tokens live.
const config = JSON.parse(process.argv[2]);
const MACHINE = { client_id: "machine", client_secret: "a-secret-of-the-tests" };

let generation = 0;
let algorithm = "ES256";
let provider;

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

// A fresh key of each kind.
function keys() {
  generation += 1;
  const make = (kind, options, alg) => {
    const { privateKey } = crypto.generateKeyPairSync(kind, options);
    return { ...privateKey.export({ format: "jwk" }), kid: `${alg}-${generation}`, use: "sig", alg };
  };
  return [
    make("ec", { namedCurve: "P-256" }, "ES256"),
    make("rsa", { modulusLength: 2048 }, "RS256"),
    make("rsa", { modulusLength: 2048 }, "PS256"),
    make("ed25519", {}, "EdDSA"),
  ];
}

function begin(issuer) {
  provider = new Provider(issuer, {
    jwks: { keys: keys() },
    clients: [
      { ...MACHINE, grant_types: ["client_credentials"], redirect_uris: [], response_types: [] },
    ],
    scopes: ["openid", "offline_access", ...config.scopes],
    cookies: { keys: ["tests"] },
    ttl: { ClientCredentials: config.seconds, AccessToken: config.seconds },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    extraTokenClaims: () => ({ groups: ["staff"] }),
    // A client registers with the scopes it knows of at that moment; it may ask for others later.
    extraClientMetadata: {
      properties: ["any_scope"],
      validator: (_ctx, _key, _value, metadata) => {
        delete metadata.scope;
      },
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: config.scopes.join(" "),
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: config.seconds,
          jwt: { sign: { alg: algorithm } },
        }),
      },
    },
  });
}

// Everybody is Ada, and she consents.
async function interact(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    return provider.interactionFinished(request, response, { login: { accountId: "ada" } });
  }
  const grant =
    grantId === undefined
      ? new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
      : await provider.Grant.find(grantId);
  const { missingOIDCScope, missingResourceScopes } = prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(" "));
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(" "));
  }
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

const server = http.createServer((request, response) => {
  if (request.url.startsWith("/interaction/")) {
    interact(request, response).catch((error) => {
      response.statusCode = 500;
      response.end(String(error));
    });
  } else {
    provider.callback()(request, response);
  }
});

const listen = (port) => new Promise((ready) => server.listen(port, "127.0.0.1", ready));

async function answer(step, issuer, port) {
  switch (step.do) {
    // A token by client credentials, over the network as any client gets one.
    case "token": {
      algorithm = step.algorithm ?? "ES256";
      const basic = Buffer.from(`${MACHINE.client_id}:${MACHINE.client_secret}`).toString("base64");
      const body = new URLSearchParams({ grant_type: "client_credentials", resource: step.resource });
      if (step.scope !== undefined) body.set("scope", step.scope);
      const answered = await fetch(`${issuer}/token`, { method: "POST", headers: { authorization: `Basic ${basic}` }, body });
      return await answered.json();
    }
    case "keys": return await (await fetch(`${issuer}/jwks`)).json();
    // New keys; the old ones are published no more.
    case "rotate": begin(issuer); return { rotated: generation };
    case "leave":
      await new Promise((left) => {
        server.close(left);
        server.closeAllConnections();
      });
      return { left: true };
    case "return": await listen(port); return { returned: true };
    default: throw new Error(`there is no step ${step.do}`);
  }
}

(async () => {
  await listen(0);
  const { port } = server.address();
  const issuer = `http://127.0.0.1:${port}`;
  begin(issuer);
  say({ issuer, ...MACHINE });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
      say(await answer(JSON.parse(line), issuer, port));
    } catch (error) {
      say({ error: String(error) });
    }
  }
  process.exit(0);
})();
