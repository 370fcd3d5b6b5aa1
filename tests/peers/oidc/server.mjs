// An OAuth2 server on the loopback address. A refresh token rotates at each use, and a used one that is sent again
// revokes the whole grant: both are oidc-provider's own behaviour. Everybody is alice and consents at once.
//
// GET /test/resource answers 200 to a valid access token, else 401. GET /test/events counts what happened.
import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const events = {};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'oidc-dev-client',
    client_secret: 'oidc-dev-client-secret',
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    redirect_uris: ['http://127.0.0.1:9/cb'],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  cookies: { keys: ['a key of tests'] },
  scopes: ['api'],
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  pkce: { required: () => true },
  ttl: { AccessToken: 2, RefreshToken: 3600, Grant: 3600, Interaction: 60, Session: 3600, ClientCredentials: 2 },
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: async (ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
});

for (const name of ['refresh_token.saved', 'refresh_token.consumed', 'grant.revoked', 'grant.error']) {
  events[name] = 0;
  provider.on(name, () => { events[name] += 1; });
}

async function consent(ctx) {
  const { prompt, params, session } = await provider.interactionDetails(ctx.req, ctx.res);
  if (prompt.name === 'login') {
    return provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: 'alice' } });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope('api');
  const result = { consent: { grantId: await grant.save() } };
  return provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: true });
}

provider.use(async (ctx, next) => {
  if (ctx.path === '/test/events') {
    ctx.body = events;
  } else if (ctx.path === '/test/resource') {
    const token = (ctx.get('authorization') || '').replace('Bearer ', '');
    ctx.status = (await provider.AccessToken.find(token)) ? 200 : 401;
    ctx.body = {};
  } else if (ctx.path.startsWith('/interaction/')) {
    ctx.respond = false;
    await consent(ctx);
  } else {
    await next();
  }
});

provider.listen(port, '127.0.0.1');
