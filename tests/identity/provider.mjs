// An OpenID Connect provider on loopback for the tests: node provider.mjs PORT SITE...
// Its sign-in form takes any account, and how it was signed in (amr, acr); it asks no consent.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// The package lies where the test run installed it.
const resolve = createRequire(join(process.env.MODULES, "package.json")).resolve;
const { Provider } = await import(pathToFileURL(resolve("oidc-provider")));
const [port, ...sites] = process.argv.slice(2);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "dujiang",
      client_secret: "a-secret-of-the-tests",
      redirect_uris: sites.map((site) => `${site}/account/oidc/sso/callback/`),
      post_logout_redirect_uris: sites.map((site) => `${site}/`),
    },
  ],
  claims: { openid: ["sub", "amr", "acr"], profile: ["preferred_username"], auth_time: null, iss: null },
  features: { devInteractions: { enabled: false } },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id }) }),
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({ accountId: ctx.oidc.session.accountId, clientId: ctx.oidc.client.clientId });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
  interactions: { url: (ctx, interaction) => `/sign-in/${interaction.uid}` },
  pkce: { required: () => true },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/sign-in/")) return next();
  if (ctx.method === "GET") {
    ctx.type = "html";
    ctx.body = '<form method="post"><input name="account"><input name="amr"><input name="acr"><button>OK</button></form>';
    return undefined;
  }
  let body = "";
  for await (const part of ctx.req) body += part;
  const form = new URLSearchParams(body);
  const result = form.get("account")
    ? {
        login: {
          accountId: form.get("account"),
          amr: form.get("amr") ? form.get("amr").split(" ") : undefined,
          acr: form.get("acr") || undefined,
        },
      }
    : { error: "access_denied" };
  ctx.respond = false;
  await provider.interactionFinished(ctx.req, ctx.res, result);
  return undefined;
});

provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
