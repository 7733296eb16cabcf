import type { Input } from "../../client/client.ts";
import { type Bytes, parseBytes } from "../../lib/bytes.ts";
import { BangerError, asBangerError } from "../../lib/errors.ts";
import type { OptionSpecs, OptionValues } from "../command.ts";
import { ENV_OPTIONS, readEnv } from "./env-options.ts";
import { given, wholeNumber } from "./check-options.ts";
import { parsePublish } from "./publish-option.ts";
import { WORLD_FIELDS, WORLD_OPTIONS, worldInput } from "./world-options.ts";

/** What a new VM can be given, by `vm create` and by `run`. */
export const VM_OPTIONS = {
  name: { type: "string", value: "NAME", help: "what to call the VM; its hostname too" },
  vcpus: { type: "string", value: "N", help: "virtual CPUs" },
  memory: { type: "string", value: "SIZE", help: "memory, as in 512M or 2G" },
  "disk-size": { type: "string", value: "SIZE", help: "size of the root disk, as in 10G" },
  "work-disk": { type: "string", value: "SIZE", help: "a second disk, on /work, that outlives a change of the image" },
  "disk-strategy": {
    type: "string",
    value: "WAY",
    help: "how it gets its disk: reflink, qcow2, dm-snapshot or sparse-copy",
  },
  nat: { type: "boolean", help: "let it reach the network" },
  publish: {
    type: "string",
    multiple: true,
    value: "PORT",
    help: "[HOST:]PORT[:GUEST] of the host, for the guest",
  },
  "publish-all": {
    type: "boolean",
    short: "P",
    help: "publish what the image exposes, on free ports of this host",
  },
  "allow-host": { type: "boolean", help: "let it reach what listens on this host, too" },
  "allow-vms": { type: "boolean", help: "let it and other VMs with this option reach each other" },
  ...ENV_OPTIONS,
  init: { type: "string", value: "POLICY", help: "auto, agent or systemd: what runs as PID 1" },
  vmm: { type: "string", value: "VMM", help: "auto, firecracker or qemu: what it runs on" },
  "disk-bandwidth": { type: "string", value: "SIZE", help: "most that it reads and writes a second, as in 100M" },
  "net-bandwidth": { type: "string", value: "SIZE", help: "most that it sends, and receives, a second" },
  ...WORLD_OPTIONS,
  "kernel-ref": { type: "string", value: "KERNEL", help: "boot this kernel rather than the image's" },
} as const satisfies OptionSpecs;

/** How the fields of the request are called on the command line. */
export const VM_FIELDS = {
  name: "--name",
  image: "--image",
  kernel: "--kernel-ref",
  vcpus: "--vcpus",
  memoryBytes: "--memory",
  diskSizeBytes: "--disk-size",
  publish: "--publish",
  publishAll: "--publish-all",
  allowHost: "--allow-host",
  allowVms: "--allow-vms",
  workDiskSizeBytes: "--work-disk",
  diskStrategy: "--disk-strategy",
  env: "--env",
  init: "--init",
  vmm: "--vmm",
  diskBandwidth: "--disk-bandwidth",
  netBandwidth: "--net-bandwidth",
  service: "--restart",
  ...WORLD_FIELDS,
} as const;

/**
 * Makes a request out of the options.
 *
 * @throws BangerError `BAD_USAGE`, `FILE_UNREADABLE`.
 */
export async function vmInput(
  options: OptionValues<typeof VM_OPTIONS>,
  env: NodeJS.ProcessEnv,
): Promise<Input<"vmCreate">> {
  return given({
    name: options.name,
    kernel: options["kernel-ref"],
    vcpus: wholeNumber("--vcpus", options.vcpus),
    memoryBytes: size("--memory", options.memory),
    diskSizeBytes: size("--disk-size", options["disk-size"]),
    workDiskSizeBytes: size("--work-disk", options["work-disk"]),
    // Held against the contract with everything else, as are the words below.
    diskStrategy: options["disk-strategy"] as Input<"vmCreate">["diskStrategy"],
    nat: options.nat,
    publish: options.publish.length === 0 ? undefined : options.publish.map(parsePublish),
    publishAll: options["publish-all"] || undefined,
    allowHost: options["allow-host"] || undefined,
    allowVms: options["allow-vms"] || undefined,
    env: await readEnv(options.env, options["env-file"], env),
    init: options.init as Input<"vmCreate">["init"],
    vmm: options.vmm as Input<"vmCreate">["vmm"],
    diskBandwidth: size("--disk-bandwidth", options["disk-bandwidth"]),
    netBandwidth: size("--net-bandwidth", options["net-bandwidth"]),
    ...worldInput(options, env),
  });
}

/** A size as an option gives it, in bytes; undefined where it was not given. */
export function size(option: string, text: string | undefined): Bytes | undefined {
  if (text === undefined) return undefined;
  try {
    return parseBytes(text);
  } catch (error) {
    const { fix } = asBangerError(error);
    throw new BangerError("BAD_USAGE", { what: `${option} cannot be "${text}"`, fix, cause: error });
  }
}
