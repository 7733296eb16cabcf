import type { Routes } from "./route.ts";

/** The text of endpoints.ts, made of the routes: a client needs no schemas at run time, and starts twice as fast for it. */
export function endpointsFile(routes: Routes): string {
  const lines = Object.entries(routes).map(
    ([name, { kind, method, path }]) => `  ${name}: { kind: "${kind}", method: "${method}", path: "${path}" },\n`,
  );
  return `// Made by scripts/generate.sh from src/api/contract.ts.
import type { Endpoints, RouteKind } from "./route.ts";

/**
 * The ways and paths of the contract, apart from its schemas: a client that trusts its daemon needs no more than this
 * at run time, and starts twice as fast for it.
 */
export const endpoints = {
${lines.join("")}} as const satisfies Endpoints;

export type EndpointName = keyof typeof endpoints;

/** The routes of one kind. */
export type EndpointOf<K extends RouteKind> = {
  [N in EndpointName]: (typeof endpoints)[N]["kind"] extends K ? N : never;
}[EndpointName];
`;
}
