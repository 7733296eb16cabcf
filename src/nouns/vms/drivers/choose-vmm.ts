import { BangerError } from "../../../lib/errors.ts";
import type { Vmm, VmmChoice } from "../../../model/vm.ts";
import type { DriverAbilities } from "../../../vmm/abilities.ts";
import type { MachineNeeds, Obstacle } from "../../../vmm/obstacle.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";

/** A VMM as it was found on this host: what it can do, or why it is not to be had. */
export interface VmmFound {
  readonly vmm: Vmm;
  /** As people know it. */
  readonly title: string;
  readonly usable: boolean;
  /** In words: what it is and where, or what is missing. */
  readonly summary: string;
  readonly abilities?: DriverAbilities;
  /** What keeps it from running a VM; its driver says that. */
  obstacle(needs: MachineNeeds): Obstacle | undefined;
}

export interface VmmHost {
  readonly kvm: { readonly works: boolean; readonly summary: string };
  /** The one that is preferred first. */
  readonly vmms: readonly VmmFound[];
}

export interface VmmChosen {
  readonly vmm: Vmm;
  /** For `vm inspect`. */
  readonly reason: string;
}

/**
 * Chooses what a VM runs on. `auto` takes the first VMM that is there and can do all that the VM asks for, with KVM that
 * really runs guests if it knows no other way.
 *
 * @throws BangerError `VMM_CANNOT` if what was asked for cannot run it, or nothing can; its data has the code of each
 *         obstacle.
 */
export function chooseVmm(asked: VmmChoice, needs: MachineNeeds, host: VmmHost): VmmChosen {
  if (asked !== "auto") return takeAsked(asked, needs, host);
  const against: (Obstacle & Pick<VmmFound, "vmm" | "title">)[] = [];
  for (const found of host.vmms) {
    const obstacle = obstacleOf(found, needs) ?? withoutKvm(found, host);
    if (obstacle === undefined) return { vmm: found.vmm, reason: whyTaken(found, against, host) };
    against.push({ vmm: found.vmm, title: found.title, ...obstacle });
  }
  const titles = against.map(({ title }) => title).join(" nor ");
  throw new BangerError("VMM_CANNOT", {
    what: `neither ${titles} can run this VM`,
    why: against.map(({ title, why }) => `${title}: ${why}`).join("; "),
    fix: "ask for less, or see `banger doctor` for what this host lacks",
    data: { obstacles: Object.fromEntries(against.map(({ vmm, code }) => [vmm, code])) },
  });
}

/** What is asked for by name is taken without a look at KVM: it says by itself what it lacks. */
function takeAsked(asked: Vmm, needs: MachineNeeds, { vmms }: VmmHost): VmmChosen {
  const found = vmms.find(({ vmm }) => vmm === asked);
  const title = found?.title ?? asked;
  const obstacle: Obstacle | undefined =
    found === undefined ? { code: "not-found", why: "this banger does not drive it" } : obstacleOf(found, needs);
  if (obstacle === undefined) return { vmm: asked, reason: `${title} was asked for` };
  const other = vmms.find(({ vmm }) => vmm !== asked)?.vmm ?? "auto";
  throw new BangerError("VMM_CANNOT", {
    what: `${title} cannot run this VM`,
    why: obstacle.why,
    fix: `change that, or create the VM with \`vmm\` ${other}; see \`banger doctor\``,
    data: { ...aboutFields("vmm"), vmm: asked, obstacles: { [asked]: obstacle.code } },
  });
}

function whyTaken(
  { title, summary }: VmmFound,
  [preferred]: readonly { readonly title: string; readonly why: string }[],
  { kvm }: VmmHost,
): string {
  return preferred === undefined
    ? `${summary}, and ${kvm.summary}`
    : `${title}, and not ${preferred.title}: ${preferred.why}`;
}

function obstacleOf(found: VmmFound, needs: MachineNeeds): Obstacle | undefined {
  return found.usable ? found.obstacle(needs) : { code: "not-found", why: found.summary };
}

function withoutKvm({ abilities }: VmmFound, { kvm }: VmmHost): Obstacle | undefined {
  return abilities?.accel === "kvm" && !kvm.works ? { code: "no-kvm", why: kvm.summary } : undefined;
}
