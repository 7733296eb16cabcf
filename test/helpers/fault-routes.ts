import type { Endpoint, Endpoints } from "../../src/api/route.ts";
import type { StoryVerb } from "./fault-story.ts";
import { kernelUpdateVerb, refreshVerb, VERBS_APART } from "./fault-verbs-apart.ts";
import { VERBS_WITH_MACHINES } from "./fault-verbs-machines.ts";
import { VERBS_UNDONE } from "./fault-verbs-undone.ts";
import { pushVerb, VERBS_AT_REST, VERBS_WHILE_RUNNING } from "./fault-verbs.ts";
import type { TestRegistry } from "./test-registry.ts";

/**
 * The whole story, in its order.
 *
 * @param otherAgent a program that passes for another banger's agent.
 */
export function storyVerbs(registry: Pick<TestRegistry, "host">, otherAgent: string): readonly StoryVerb[] {
  return [
    ...VERBS_AT_REST,
    pushVerb(registry),
    refreshVerb(otherAgent),
    kernelUpdateVerb(registry),
    ...VERBS_WHILE_RUNNING,
    ...VERBS_APART,
    ...VERBS_UNDONE,
    ...VERBS_WITH_MACHINES,
  ];
}

/** Routes that only lead to a guest, and change nothing that banger keeps. */
const LEADS_TO_GUESTS: Readonly<Record<string, string>> = {
  vmConsole: "joins a console with whoever looks at it",
  vmForward: "joins a connection with a port of the guest's",
  // Sessions are the guest's own, and go on without a daemon: test/e2e/sessions.test.ts kills it under them.
  vmSessionCreate: "starts what the guest's agent keeps",
  vmSessionAttach: "joins a terminal with what runs in the guest",
  vmSessionSend: "writes to what runs in the guest",
  vmSessionResize: "asks it of what runs in the guest",
  vmSessionSignal: "asks it of what runs in the guest",
  vmSessionKill: "asks it of what runs in the guest",
  vmSessionDelete: "removes what the guest's agent keeps",
};

/** Routes at whose points the daemon is killed in other tests. */
const TOLD_ELSEWHERE: Readonly<Record<string, string>> = Object.fromEntries(
  ["workspaceCreate", "workspacePull", "workspacePush", "workspaceDelete"].map((name) => [
    name,
    "needs a guest with git, and dies there: test/e2e/workspaces.test.ts",
  ]),
);

/** Why a route that changes something has no verb in the story. */
export const REASONS = { ...LEADS_TO_GUESTS, ...TOLD_ELSEWHERE };

/** Routes that may change something: all but those that are there to be read. */
export function changingRoutes(endpoints: Endpoints): readonly string[] {
  const changes = ({ kind, method }: Endpoint): boolean => method !== "GET" || kind === "socket";
  return Object.entries(endpoints).flatMap(([name, endpoint]) => (changes(endpoint) ? [name] : []));
}

/**
 * What is wrong with a story: routes that change something and have neither a verb nor a reason, and reasons that are none.
 * Empty where it is whole.
 */
export function gapsOf(
  endpoints: Endpoints,
  verbs: readonly { readonly does: readonly string[] }[],
  reasons: Readonly<Record<string, string>>,
): readonly string[] {
  const changing = changingRoutes(endpoints);
  const told = new Set(verbs.flatMap(({ does }) => does));
  return [
    ...changing.filter((name) => !told.has(name) && !(name in reasons)).map((name) => `${name} is not told of`),
    ...Object.keys(reasons)
      .filter((name) => told.has(name) || !changing.includes(name))
      .map((name) => `${name} needs no reason`),
    ...[...told].filter((name) => !changing.includes(name)).map((name) => `${name} changes nothing`),
  ];
}
