import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "../../lib/destroy.ts";
import { BangerError } from "../../lib/errors.ts";
import type { OperationContext } from "../../lib/progress.ts";
import type { Image } from "../../model/image.ts";
import type { BuildStep } from "../../model/image-parts.ts";
import { installLog, installSystem, planSystem, pruneInstallLogs, systemScript } from "../vms/index.ts";
import { withDeadline } from "../../lib/deadline.ts";
import { buildInVm } from "./build-vm.ts";
import { contentKey } from "./content-key.ts";
import type { BuildContext } from "./build-context.ts";
import { inspectRootfs } from "../images/index.ts";

/** What packages made for the machine that they were installed in: each VM gets its own at its first boot. */
const OF_ONE_MACHINE = "/etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub /var/lib/dbus/machine-id";

/**
 * Gives an image whose files stand in their place, and that has no row yet, systemd and sshd by its own package manager,
 * in a VM that is thrown away: so each of its VMs boots at once and offline. An image that has systemd stays as it is.
 *
 * @throws BangerError `GUEST_UNSUPPORTED`, `FIRST_BOOT_FAILED`; what {@link buildInVm} throws.
 */
export async function installInit(
  context: BuildContext,
  image: Image,
  allowHost: boolean,
  operation: OperationContext,
): Promise<Image> {
  if (image.system.init !== "none") return { ...image, initDefault: "systemd" };
  const { layout, config } = context.images;
  const plan = planSystem(image.system);
  const log = installLog(layout, image.id);
  await pruneInstallLogs(layout);
  const target = join(layout.imagesDir, image.id, "rootfs-with-init.ext4");
  const request = { base: image, imageId: image.id, target, label: image.name, nat: true, allowHost };
  const volume = await buildInVm(
    context,
    request,
    async (guest) => {
      const limitMs = config.vm.first_boot_timeout * 1000;
      await withDeadline(operation.signal, limitMs, `${plan.init} to be installed`, (signal) =>
        installSystem(guest.agent, { name: image.name, plan, log }, { ...operation, signal }),
      );
      await guest.run({ argv: ["/bin/sh", "-c", `rm -f ${OF_ONE_MACHINE}`], env: {} });
    },
    operation,
  );
  const { system } = await inspectRootfs(target);
  if (system.init !== plan.init) {
    throw new BangerError("FIRST_BOOT_FAILED", {
      what: `image ${image.name} still has no ${plan.init}`,
      why: "its package manager said that it was installed",
      fix: `see ${log}`,
    });
  }
  await replaceFile(target, image.rootfs.path, "both are of the image that the open intent image.add makes");
  return {
    ...image,
    size: (await stat(image.rootfs.path)).blocks * 512,
    rootfs: { ...volume, path: image.rootfs.path },
    system,
    initDefault: "systemd",
    history: [...image.history, stepOf(image, systemScript(plan))],
  };
}

/** The packages are those of that day: what makes the image the same is that it was made of the same, then. */
function stepOf(image: Image, script: string): BuildStep {
  const at = new Date().toISOString();
  const key = createHash("sha256")
    .update([contentKey(image), script, at].join("\0"))
    .digest("hex");
  return {
    at,
    from: { id: image.id, name: image.name, ...(image.digest !== undefined && { digest: image.digest }) },
    did: "init: systemd",
    key: `sha256:${key}`,
    scriptDigest: `sha256:${createHash("sha256").update(script).digest("hex")}`,
  };
}
