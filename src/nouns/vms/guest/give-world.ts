import type { AgentClient } from "../../../guest/agent-client.ts";
import type { FoundAuthorities } from "../../../host/authorities.ts";
import { authoritiesOf, findAuthorities } from "../../../host/find-authorities.ts";
import { hostTimeZone, timeZoneRule } from "../../../host/time-zone.ts";
import { asBangerError, BangerError } from "../../../lib/errors.ts";
import type { OperationContext } from "../../../lib/progress.ts";
import type { Vm } from "../../../model/vm.ts";
import { wishesOf, type GuestWorld, type WorldWishes } from "../../../model/world.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";
import { planWorld, type AuthoritySource, type WorldPlan } from "./plan-world.ts";
import type { VmContext } from "../vm-context.ts";

/**
 * Writes down what a VM is given from now on.
 *
 * @returns the VM as it was where nothing was asked for.
 * @throws BangerError `VM_SPEC_INVALID`.
 */
export function changeWorld(context: VmContext, vm: Vm, asked: WorldWishes): Vm {
  const wishes = wishesOf(asked);
  if (wishes === undefined) return vm;
  if (wishes.hostProxy !== undefined && wishes.hostProxy !== false && !vm.spec.nat) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: `VM ${vm.name} has no network, so no proxy can be reached`,
      fix: "leave `hostProxy` out, or create a VM with `nat`",
      data: aboutFields("hostProxy", "nat"),
    });
  }
  const { hostCaFiles: _old, ...kept } = vm.spec.world ?? {};
  const world = { ...(wishes.hostCa === undefined ? vm.spec.world : kept), ...wishes };
  return context.store.vms.transition(vm.id, "world-changed", ({ spec }) => ({ spec: { ...spec, world } }));
}

/** Tells whoever waits for an operation what a guest is not given. */
export function warner({ name }: Vm, { progress }: Pick<OperationContext, "progress">): (text: string) => void {
  return (text) => progress({ id: `warning ${text}`, label: `${name}: warning: ${text}`, status: "done" });
}

const WORLD_ABILITY = "world";

/**
 * Gives a guest what its VM is to have of the host's world, and has undone what it is no longer to have. The host is looked
 * at anew each time. A guest that cannot take it runs all the same.
 *
 * @param warn is told what the guest is not given, a sentence each.
 */
export async function giveWorld(
  context: VmContext,
  vm: Vm,
  agent: AgentClient,
  warn: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const plan = planWorld(vm.spec, vm.network, context.config.vm, process.env);
  const { world, left } = await look(plan);
  const tell = (text: string): void => {
    context.log.warn({ vm: vm.id, warning: text }, "the guest is not given all of the host's world");
    warn(text);
  };
  for (const text of [...plan.warnings, ...left]) tell(text);
  try {
    const { abilities } = await agent.info(signal);
    if (abilities.includes(WORLD_ABILITY)) for (const text of await agent.setWorld(world, signal)) tell(text);
    else if (isAny(world)) {
      tell(`its agent is too old for authorities, proxies, time zone and locale: \`banger image refresh\` the image`);
    }
  } catch (error) {
    signal.throwIfAborted();
    tell(asBangerError(error).message);
  }
}

function isAny({ certificates, proxies, timeZone, locale }: GuestWorld): boolean {
  return certificates.length > 0 || proxies !== undefined || timeZone !== undefined || locale !== undefined;
}

async function look({
  authorities,
  proxies,
  timeZone,
  locale,
}: WorldPlan): Promise<{ readonly world: GuestWorld; readonly left: readonly string[] }> {
  const found = await authoritiesFrom(authorities);
  const name = timeZone === "host" ? await hostTimeZone() : timeZone;
  const unknown = timeZone === "host" && name === undefined ? ["the host has no time zone set"] : [];
  return {
    world: {
      certificates: found.authorities.map(({ pem }) => pem),
      ...(proxies !== undefined && { proxies }),
      ...(name !== undefined && { timeZone: { name, rule: await timeZoneRule(name) } }),
      ...(locale !== undefined && { locale }),
    },
    left: [...found.left, ...unknown],
  };
}

async function authoritiesFrom(source: AuthoritySource | undefined): Promise<FoundAuthorities> {
  if (source === undefined) return { authorities: [], left: [] };
  return source.kind === "file" ? authoritiesOf(source.path) : findAuthorities(source.files);
}
