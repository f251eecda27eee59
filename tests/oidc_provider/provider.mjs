// A real OpenID Connect provider for the tests: whoever types a login gets the claims that the tests gave it.
import Provider from "oidc-provider";

const { issuer, clients, accounts } = JSON.parse(process.env.PROVIDER);
const provider = new Provider(issuer, {
  clients,
  claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups"], email: ["email", "email_verified"] },
  findAccount: (_context, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
  pkce: { required: () => true },
  cookies: { keys: ["tests"] },
});
provider.listen(Number(new URL(issuer).port), "127.0.0.1", () => console.log("ready"));
