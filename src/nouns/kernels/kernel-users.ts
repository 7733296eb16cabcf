import { holdersOf, type NamedHolder } from "../../core/holders.ts";
import { BangerError } from "../../lib/errors.ts";
import type { KernelStore } from "./kernel-store.ts";
import { aboutFields } from "../../model/fields/about-fields.ts";
import { newerName } from "./update-kernel.ts";

interface Named {
  readonly id: string;
  readonly name: string;
  readonly formerName?: string | undefined;
}

/** Whoever boots with a kernel, or may. An image that cannot be read did not hear that a newer one has the name. */
function usersOf(store: KernelStore, { id, name, formerName }: Named): readonly NamedHolder[] {
  const unread =
    formerName === undefined ? [] : holdersOf(store, "kernel", [formerName]).filter((user) => user.isBroken);
  const certain = holdersOf(store, "kernel", [id, name]);
  return [...certain, ...unread.filter((user) => certain.every((one) => one.id !== user.id))];
}

/** Whether somebody boots with a kernel, or may. */
export function isKernelHeld(store: KernelStore, kernel: Named): boolean {
  return usersOf(store, kernel).length > 0;
}

/** @throws BangerError `KERNEL_IN_USE` while somebody boots with it, or may. */
export function refuseIfUsed(store: KernelStore, kernel: Named): void {
  const all = usersOf(store, kernel);
  const users = all.filter(({ isBroken }) => !isBroken).toSorted(imagesFirst);
  const [user] = users;
  const [unread] = all;
  if (user === undefined && unread !== undefined) {
    throw new BangerError("KERNEL_IN_USE", {
      what: `kernel ${kernel.name} may be in use`,
      why: `the record of ${unread.name} cannot be read, and it may boot with it`,
      fix: `use the banger that wrote that record; or delete ${unread.name} with \`force\``,
      data: { ...aboutFields("force"), images: [], vms: [] },
    });
  }
  if (user === undefined) return;
  const newer = newerName(store, kernel.name);
  const others = users.length - 1;
  throw new BangerError("KERNEL_IN_USE", {
    what: `kernel ${kernel.name} is in use`,
    why: `${user.singular} ${user.name} boots with it${others > 0 ? `, and ${others} more` : ""}`,
    fix:
      newer === undefined
        ? "delete those first"
        : `move images on to ${newer} with \`banger image refresh\` and VMs with \`banger vm rebase\`, or delete them`,
    data: { images: namesOf(users, "image"), vms: namesOf(users, "vm") },
  });
}

function imagesFirst(a: NamedHolder, b: NamedHolder): number {
  return Number(a.noun !== "image") - Number(b.noun !== "image");
}

function namesOf(users: readonly NamedHolder[], noun: string): readonly string[] {
  return users.filter((user) => user.noun === noun).map(({ name }) => name);
}
