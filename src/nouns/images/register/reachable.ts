import { BangerError } from "../../../lib/errors.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";
import type { Image } from "../../../model/image.ts";
import type { Kernel } from "../../../model/kernel.ts";

/** Whether an agent comes up in VMs of this image: its own, or the one in an initramfs of ours. */
export function canBeReached(image: Pick<Image, "agentDigest">, { files }: Pick<Kernel, "files">): boolean {
  return image.agentDigest !== undefined || (files.bootModules !== undefined && files.initrd === undefined);
}

/**
 * Refuses what would boot and never answer.
 *
 * @throws BangerError `VM_SPEC_INVALID`.
 */
export function checkReachable(image: Image, kernel: Kernel): void {
  if (canBeReached(image, kernel)) return;
  throw new BangerError("VM_SPEC_INVALID", {
    what: `nothing in a VM of image ${image.name} would answer`,
    why: `the image holds no agent, and kernel ${kernel.name} boots without an initramfs that brings one`,
    fix: image.managed
      ? `put it in with \`banger image refresh ${image.name}\`, or boot with \`kernel\` debian-cloud`
      : `\`banger image promote ${image.name}\` and \`banger image refresh ${image.name}\` put it in; or boot with \`kernel\` debian-cloud`,
    data: aboutFields("kernel"),
  });
}
