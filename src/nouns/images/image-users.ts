import { basename, dirname } from "node:path";
import { holdersOf, named, type NamedHolder } from "../../core/holders.ts";
import { BangerError } from "../../lib/errors.ts";
import type { Image } from "../../model/image.ts";
import type { ImageStore } from "./image-store.ts";

type Named = Pick<Image, "id" | "name">;

/**
 * Refuses to let go an image that somebody needs: VMs that were made from it, who reads from its files, who boots with the
 * kernel that goes with it.
 *
 * @throws BangerError `IMAGE_IN_USE`.
 */
export function refuseIfUsed(store: ImageStore, image: Named): void {
  refuseIfKernelUsed(store, image);
  refuseIfMadeFrom(store, image);
  const [reader] = readersOf(store, image.id);
  if (reader === undefined) return;
  throw new BangerError("IMAGE_IN_USE", {
    what: `image ${image.name} is in use`,
    why: `${reader.singular} ${reader.name}${reader.isBroken ? ", whose record cannot be read," : ""} reads from its files`,
    fix: "delete that first",
  });
}

/** @throws BangerError `IMAGE_IN_USE` while there are VMs, or may be, that were made from it. */
export function refuseIfMadeFrom(store: ImageStore, image: Named): void {
  const vms = holdersOf(store, "image", [image.id]).filter(({ noun }) => noun === "vm");
  const names = vms.filter(({ isBroken }) => !isBroken).map(({ name }) => name);
  if (names.length > 0) {
    throw new BangerError("IMAGE_IN_USE", {
      what: `image ${image.name} is in use`,
      why: `${madeFromIt(names)} made from it`,
      fix: "delete those VMs first",
      data: { vms: names },
    });
  }
  const [unread] = vms;
  if (unread === undefined) return;
  throw new BangerError("IMAGE_IN_USE", {
    what: `image ${image.name} may be in use`,
    why: `the record of VM ${unread.name} cannot be read, and it may have been made from it`,
    fix: `use the banger that wrote that record; or delete that VM with \`banger vm delete --force ${unread.name}\``,
    data: { vms: [unread.name] },
  });
}

function madeFromIt(names: readonly string[]): string {
  const [first = ""] = names;
  if (names.length === 1) return `VM ${first} was`;
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return `VMs ${names.slice(0, 3).join(", ")}${more} were`;
}

/** Who else reads from files in an image's folder. By the folder's name: a record may tell of it by another path, as before the data was moved. */
function readersOf(store: ImageStore, imageId: string): readonly NamedHolder[] {
  const holders = store.holds
    .list("file")
    .filter(({ noun, id, ref }) => basename(dirname(ref)) === imageId && !(noun === "image" && id === imageId));
  return named(store, holders);
}

/** A kernel that goes with its image must not be in use elsewhere. */
function refuseIfKernelUsed(store: ImageStore, image: Named): void {
  const owned = store.kernels.list().filter((kernel) => kernel.owner === image.id);
  const ofImage = new Set([image.id, ...store.holds.of("image", [image.id]).map(({ id }) => id)]);
  const refs = owned.flatMap(({ id, name }) => [id, name]);
  const users = holdersOf(store, "kernel", refs).filter(({ id, isBroken }) => isBroken || !ofImage.has(id));
  if (users.length === 0) return;
  const names = users.map(({ name }) => name);
  throw new BangerError("IMAGE_IN_USE", {
    what: `the kernel of image ${image.name} is in use`,
    why: `${names.join(", ")} boot${names.length === 1 ? "s" : ""} with it, and it goes with the image`,
    fix: "delete those first",
    data: { users: names },
  });
}
