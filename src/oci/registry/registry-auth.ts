import { z } from "zod";
import { BangerError } from "../../lib/errors.ts";
import type { LinkedBy } from "../../lib/address-guard.ts";
import type { Credentials } from "./docker-credentials.ts";
import { retryAfterMs, type HttpReply, type HttpTransport } from "../../http/http-transport.ts";
import { readAnswer } from "./registry-failures.ts";
import { TransientError } from "../../http/retry.ts";

const MAX_TOKEN_BYTES = 1024 ** 2;

/** What a registry asks for in WWW-Authenticate (RFC 7235; distribution's token specification). */
export type Challenge =
  | { readonly scheme: "basic" }
  | {
      readonly scheme: "bearer";
      readonly realm: string;
      readonly service: string | undefined;
      readonly scope: string | undefined;
    };

const tokenSchema = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/** Reads the challenges that we can answer; bearer before basic. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  if (header === undefined) return undefined;
  const bearer = /(?:^|,\s*)bearer\s+(.*)$/i.exec(header);
  if (bearer !== null) {
    const parameters = new Map<string, string>();
    for (const [, key, quoted, plain] of (bearer[1] ?? "").matchAll(/(\w+)=(?:"([^"]*)"|([^\s,"]+))/g)) {
      if (key !== undefined && !parameters.has(key.toLowerCase()))
        parameters.set(key.toLowerCase(), quoted ?? plain ?? "");
    }
    const realm = parameters.get("realm");
    if (realm !== undefined) {
      return { scheme: "bearer", realm, service: parameters.get("service"), scope: parameters.get("scope") };
    }
  }
  return /(?:^|,\s*)basic\b/i.test(header) ? { scheme: "basic" } : undefined;
}

/**
 * Answers a challenge with the value of an `Authorization` header. As with Docker, a login goes to whatever host the
 * registry names as its realm, by https; not to this machine, unless the registry is on it too.
 *
 * @returns undefined when there is nothing to answer with.
 * @throws BangerError `REGISTRY_DENIED` if the token server refuses; `REGISTRY_FAILED` for a realm that must not be asked.
 */
export async function answerChallenge(
  challenge: Challenge,
  credentials: Credentials | undefined,
  { registry, linkedBy }: { readonly registry: URL; readonly linkedBy: LinkedBy },
  fallbackScope: string,
  transport: HttpTransport,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (challenge.scheme === "basic") {
    return credentials?.kind === "password" ? basic(credentials.username, credentials.password) : undefined;
  }
  const realm = checkRealm(challenge.realm, registry);
  const scope = challenge.scope ?? fallbackScope;
  const reply =
    credentials?.kind === "identity"
      ? await transport.send({
          method: "POST",
          url: realm,
          headers: { "content-type": "application/x-www-form-urlencoded" },
          body: refreshForm(credentials.token, challenge.service, scope),
          signal,
          linkedBy,
        })
      : await transport.send({
          url: tokenUrl(realm, challenge.service, scope, credentials?.username),
          headers:
            credentials === undefined ? {} : { authorization: basic(credentials.username, credentials.password) },
          signal,
          linkedBy,
        });
  return `Bearer ${await readToken(reply, realm)}`;
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function checkRealm(text: string, registry: URL): URL {
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  const plainAllowed = registry.protocol === "http:" && realm?.protocol === "http:";
  if (realm === undefined || (realm.protocol !== "https:" && !plainAllowed)) {
    throw failed(registry, `it sends for a token to "${text}", which is not https`);
  }
  return realm;
}

function tokenUrl(realm: URL, service: string | undefined, scope: string, account: string | undefined): URL {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  url.searchParams.set("scope", scope);
  if (account !== undefined) url.searchParams.set("account", account);
  return url;
}

function refreshForm(token: string, service: string | undefined, scope: string): string {
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: token, client_id: "banger", scope });
  if (service !== undefined) form.set("service", service);
  return form.toString();
}

async function readToken(reply: HttpReply, realm: URL): Promise<string> {
  if (reply.status === 401 || reply.status === 403) {
    reply.discard();
    throw new BangerError("REGISTRY_DENIED", {
      what: `${realm.host} gives no token`,
      why: `it answered ${reply.status}`,
      fix: "log in with `docker login`, or check that the image's name is right",
    });
  }
  if (reply.status !== 200) {
    reply.discard();
    const error = failed(realm, `it answered ${reply.status} instead of a token`);
    throw reply.status === 429 || reply.status >= 500 ? new TransientError(error, retryAfterMs(reply.headers)) : error;
  }
  const body = await readAnswer(reply, MAX_TOKEN_BYTES, "token");
  const answer = tokenSchema.safeParse(parseJson(body));
  const token = answer.data?.token ?? answer.data?.access_token;
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) throw failed(realm, "its answer holds no token");
  return token;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function failed(url: URL, why: string): BangerError {
  return new BangerError("REGISTRY_FAILED", {
    what: `logging in to ${url.host} failed`,
    why,
    fix: "try again; if it stays so, ask whoever runs the registry",
  });
}
