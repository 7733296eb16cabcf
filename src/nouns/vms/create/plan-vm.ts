import { randomBytes } from "node:crypto";
import { formatBytes, parseBytes } from "../../../lib/bytes.ts";
import { BangerError } from "../../../lib/errors.ts";
import { newId } from "../../../lib/ids.ts";
import { portsCollide } from "../../../net/published-port.ts";
import { type Asked, keptOf } from "../../../model/fields/field.ts";
import { VM_FIELDS } from "../../../model/fields/vm-fields.ts";
import type { Config } from "../../../model/config.ts";
import type { Image } from "../../../model/image.ts";
import type { Kernel } from "../../../model/kernel.ts";
import type { InitPolicy } from "../../../model/init-policy.ts";
import { planExec } from "../commands/exec-plan.ts";
import { readyCheck } from "../../../model/ready-check.ts";
import type { ServiceSpec } from "../../../model/service.ts";
import { aboutFields } from "../../../model/fields/about-fields.ts";
import { planSystem } from "../first-boot/system-plan.ts";
import type { Vm } from "../../../model/vm.ts";
import type { VmVolume, VolumeMount } from "../../../model/volume.ts";
import { wishesOf, type WorldWishes } from "../../../model/world.ts";
import { workDiskSize } from "../disks/work-disk.ts";

/** What a user asks for, with all that was left out still open. */
export type VmRequest = Asked<typeof VM_FIELDS> &
  WorldWishes & {
    readonly env: Readonly<Record<string, string>>;
    readonly ready?: readonly string[] | undefined;
    readonly volumes?: readonly VolumeMount[] | undefined;
    readonly service?: ServiceSpec | undefined;
  };

/**
 * A new VM's record: every open question answered from the configuration and the image.
 *
 * @throws BangerError `VM_SPEC_INVALID` if the image cannot be run as asked, `GUEST_UNSUPPORTED`.
 */
export function planVm(
  request: VmRequest,
  image: Image,
  kernel: Kernel,
  volumes: readonly VmVolume[],
  config: Config,
  installLog: (vmId: string) => string,
): Vm {
  const id = newId("vm");
  checkNetworkWishes(request);
  const init = request.init ?? image.initDefault ?? "auto";
  const firstBoot = planFirstBoot(init, image, request.nat);
  const { diskSizeBytes, netBandwidth } = request;
  if (netBandwidth !== undefined && !request.nat) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: "there is no network whose bandwidth could be bounded",
      fix: "add `nat`, or leave `netBandwidth` out",
      data: aboutFields("netBandwidth", "nat"),
    });
  }
  const diskStrategy = request.diskStrategy ?? config.vm.disk_strategy;
  if (diskSizeBytes !== undefined && diskSizeBytes < image.rootfs.sizeBytes) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: `a disk of ${formatBytes(diskSizeBytes)} is too small for image ${image.name}`,
      why: `its root file system is ${formatBytes(image.rootfs.sizeBytes)} large (that is what the guest sees; it takes ${formatBytes(image.rootfs.usedBytes)} here)`,
      fix: "ask for a larger disk, or leave `diskSizeBytes` out",
      data: aboutFields("diskSizeBytes"),
    });
  }
  if (request.service !== undefined) checkCommand(image, request.service);
  else checkNoLog(request.ready ?? []);
  const workDiskSizeBytes = workDiskSize(request.workDiskSizeBytes, image);
  const world = wishesOf(request);
  return {
    id,
    name: request.name ?? `${hostLabel(image.name)}-${id.slice(-5)}`,
    createdAt: new Date().toISOString(),
    state: "creating",
    image: imageOf(image),
    kernel: { id: kernel.id, name: kernel.name },
    spec: {
      ...keptOf(VM_FIELDS, { ...request, workDiskSizeBytes, diskStrategy }),
      vcpus: request.vcpus ?? config.vm.vcpus,
      memoryBytes: request.memoryBytes ?? parseBytes(config.vm.memory),
      env: { ...request.env },
      ready: [...(request.ready ?? [])],
      volumes: [...volumes],
      init,
      ...(request.service !== undefined && { service: request.service }),
      vmm: request.vmm ?? config.vmm,
      ...(world !== undefined && { world }),
    },
    machineId: randomBytes(16).toString("hex"),
    disks: [],
    // Its network depends on the host, which is looked at next.
    network: { mode: "none" },
    timings: { stages: {} },
    ...(firstBoot && { firstBoot: { install: "systemd", log: installLog(id) } }),
  };
}

/** @throws BangerError `BAD_REQUEST` if there is nothing that could be kept running. */
function checkCommand(image: Image, service: ServiceSpec): void {
  planExec({ command: [...service.command], env: {}, cwd: "", user: "" }, { spec: { env: {} } }, image.config);
}

/** @throws BangerError `BAD_REQUEST` for a line to wait for where nothing prints any. */
function checkNoLog(ready: readonly string[]): void {
  const line = ready.find((text) => readyCheck(text).kind === "log");
  if (line === undefined) return;
  throw new BangerError("BAD_REQUEST", {
    what: `nothing could print what ${line} waits for`,
    why: "the log is that of the command that a VM keeps running, and this one keeps none",
    fix: "have it keep one with `service`, or say otherwise in `ready` what tells that it is ready",
    data: aboutFields("ready"),
  });
}

/**
 * Whether a VM is to get an init that its image has not got.
 *
 * @throws BangerError `VM_SPEC_INVALID`, `GUEST_UNSUPPORTED`.
 */
export function planFirstBoot(init: InitPolicy, image: Image, nat: boolean): boolean {
  if (init !== "systemd" || image.system.init !== "none") return false;
  planSystem(image.system); // Refused now rather than in the guest.
  if (nat) return true;
  throw new BangerError("VM_SPEC_INVALID", {
    what: `image ${image.name} has no systemd, and a VM without a network cannot fetch it`,
    fix: "add `nat`; or pull the image again with `init` systemd, so that its VMs have it from the first; or leave `init` out",
    data: aboutFields("init", "nat"),
  });
}

/** An image's name as the beginning of a hostname: `debian-bookworm` of `docker.io/library/debian:bookworm`. */
function hostLabel(imageName: string): string {
  const label = imageName.replace(/[^a-z0-9]+/g, "-").replace(/^-+/, "");
  return label.slice(0, 40).replace(/-+$/, "") || "vm";
}

/** What a VM remembers of the image that its root disk was made from. */
export function imageOf({ id, name, digest, config }: Image): Vm["image"] {
  const { labels, exposedPorts, volumes } = config;
  return { id, name, ...(digest !== undefined && { digest }), labels, exposedPorts, volumes };
}

/** What is asked of a network that a VM has not, or twice of one that it has. */
function checkNetworkWishes({ nat, publish, allowHost, allowVms, hostProxy }: VmRequest): void {
  const [wish] = [
    publish.length > 0 ? ("publish" as const) : [],
    allowHost ? ("allowHost" as const) : [],
    allowVms ? ("allowVms" as const) : [],
    hostProxy !== undefined && hostProxy !== false ? ("hostProxy" as const) : [],
  ].flat();
  if (!nat && wish !== undefined) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: `\`${wish}\` asks something of a network, and this VM is to have none`,
      fix: `add \`nat\`, or leave \`${wish}\` out`,
      data: aboutFields(wish, "nat"),
    });
  }
  const twice = publish.find((port, index) => publish.slice(0, index).some((other) => portsCollide(port, other)));
  if (twice !== undefined) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: `port ${twice.hostPort} of ${twice.hostAddress} is published twice`,
      fix: "give each `publish` a port of its own",
      data: aboutFields("publish"),
    });
  }
}
