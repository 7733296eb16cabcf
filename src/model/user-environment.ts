import type { Proxies } from "./world.ts";

/**
 * The proxies of an environment. Programs prefer the small letters, and some take a host without a scheme.
 */
export function proxiesOf(env: Readonly<Record<string, string | undefined>>): Proxies | undefined {
  const value = (name: string): string | undefined => env[name] || env[name.toUpperCase()] || undefined;
  const url = (name: string): string | undefined => {
    const found = value(name) ?? value("all_proxy");
    return found === undefined || found.includes("://") ? found : `http://${found}`;
  };
  const [http, https] = [url("http_proxy"), url("https_proxy")];
  if (http === undefined && https === undefined) return undefined;
  return {
    ...(http !== undefined && { http }),
    ...(https !== undefined && { https }),
    noneFor: value("no_proxy") ?? "",
  };
}

/** Variables in which users name authorities to trust, each a file in PEM. */
export const AUTHORITY_VARIABLES = [
  "SSL_CERT_FILE",
  "NODE_EXTRA_CA_CERTS",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
] as const;

/** The LANG of an environment, by the precedence of POSIX ("Internationalization Variables"). */
export function localeOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env["LC_ALL"] || env["LANG"] || undefined;
}
