import { z } from "zod";
import { DISK_STRATEGIES, VMMS } from "./fields/choices.ts";
import { keptShapeOf, schemaOf } from "./fields/schema-of.ts";
import { VM_FIELDS } from "./fields/vm-fields.ts";
import { initPolicySchema } from "./init-policy.ts";
import { vmBootFields } from "./vm-boots.ts";
import { vmNameSchema } from "./names.ts";
import { gatherOwnPart } from "./own-part.ts";
import { pausedBecauseSchema } from "./paused-because.ts";
import { publishedPortSchema } from "./published-port.ts";
import { readyChecksSchema } from "./ready-check.ts";
import { serviceReadinessSchema, serviceSpecSchema, serviceStatusSchema } from "./service.ts";
import { withoutSecrets, worldSchema } from "./world.ts";
import { vmVolumeSchema } from "./volume.ts";
import { VM_STATES } from "./vm-states.ts";

/** The way of a start, in order. A start that fails names the stage it stopped in. */
export const BOOT_STAGES = ["disk", "vmm", "kernel", "init", "agent"] as const;
export type BootStage = (typeof BOOT_STAGES)[number];

export const ACCELERATORS = ["kvm", "tcg"] as const;
export const accelSchema = z.enum(ACCELERATORS);
export type Accel = z.infer<typeof accelSchema>;

export const vmmSchema = z.enum(VMMS);
export type Vmm = z.infer<typeof vmmSchema>;

/** Which VMM is asked for; `auto` leaves it to what the host can do. */
export const vmmChoiceSchema = z.enum(["auto", ...VMMS]);
export type VmmChoice = z.infer<typeof vmmChoiceSchema>;

/** How the host reaches the agent. Shown by inspect; nothing above the guest engine depends on it. */
export const agentLineSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("virtio-serial"), socketPath: z.string() }),
  z.object({ kind: z.literal("firecracker-vsock"), socketPath: z.string(), port: z.number().int() }),
  z.object({
    kind: z.literal("vhost-vsock"),
    cid: z.number().int(),
    port: z.number().int(),
    /** Of the virtio-serial port by which the agent gets its secret; absent with VMs of an older banger. */
    secretSocketPath: z.string().optional(),
  }),
]);
export type AgentLine = z.infer<typeof agentLineSchema>;

export const diskStrategySchema = z.enum(DISK_STRATEGIES);
export type DiskStrategy = z.infer<typeof diskStrategySchema>;

export const vmDiskSchema = z.object({
  id: z.enum(["root", "work"]),
  path: z.string(),
  format: z.enum(["raw", "qcow2"]),
  /** How the VM got its own copy of the image's disk. */
  strategy: z.enum([...DISK_STRATEGIES, "empty"]),
  /** What is read where the guest has not written: it must stay as it is while the VM lives. Absent for a whole copy. */
  base: z.object({ path: z.string(), sizeBytes: z.number().int() }).optional(),
  /** What the guest sees, in bytes. */
  sizeBytes: z.number().int(),
  /** The name the guest gives it. */
  device: z.string(),
});
export type VmDisk = z.infer<typeof vmDiskSchema>;

/** What was asked for. Only `vm resize`, `vm rebase` and, of the host's world, `vm start` change it. */
export const vmSpecSchema = z.object({
  ...keptShapeOf(VM_FIELDS),
  // From here on what is never open: the configuration or the image answered it.
  vcpus: schemaOf(VM_FIELDS.vcpus),
  memoryBytes: schemaOf(VM_FIELDS.memoryBytes),
  env: z.record(z.string(), z.string()),
  init: initPolicySchema,
  vmm: vmmChoiceSchema.default("auto"),
  /** What must hold before a start is done. */
  ready: readyChecksSchema.readonly().default([]),
  /** What is mounted in it beside its own disks, in the order in which it has them. */
  volumes: z.array(vmVolumeSchema).readonly().default([]),
  /** The command that the guest's agent keeps running. */
  service: serviceSpecSchema.optional(),
  /** What it is given of the host's world; what is absent in it is left to the configuration, anew at each start. */
  world: worldSchema.optional(),
});
export type VmSpec = z.infer<typeof vmSpecSchema>;

/** What a process of the host is found by again: a pid is recycled, a pid with its start time in this boot is not. */
const processIdentity = {
  pid: z.number().int(),
  startTicks: z.number(),
  /** Of the kernel that it ran on; a record of an older banger's has none. */
  bootId: z.string().optional(),
};
export const hostProcessSchema = z.object(processIdentity);

/** What the guest is told of its network, however it is made. */
const guestSide = {
  mac: z.string(),
  /** The guest's address with its prefix length, as in `10.0.2.15/24`. */
  address: z.string(),
  gateway: z.string(),
  dns: z.array(z.string()),
  /** Why it is made this way and no other, in words. */
  why: z.string().optional(),
};

export const vmNetworkSchema = z.discriminatedUnion("mode", [
  z.object({ mode: z.literal("none") }),
  /** Translated inside the VMM, which also listens on the published ports. */
  z.object({ mode: z.literal("user"), ...guestSide, publish: z.array(publishedPortSchema).readonly().optional() }),
  /** A TAP device that is there before the VMM starts, and that it opens by its name. */
  z.object({
    mode: z.literal("tap"),
    ...guestSide,
    /** At most 15 characters (IFNAMSIZ). In the network namespace that `MachineSpec.enter` enters, where there is one. */
    device: z.string().max(15),
    mtu: z.number().int(),
    /** `nftables`: on the host itself. `slirp4netns`: in a network namespace, joined to the outside by that program. */
    via: z.enum(["nftables", "slirp4netns"]),
    /** What holds the namespace, and joins it to the outside; while the VM runs. */
    processes: z.array(hostProcessSchema).readonly().optional(),
  }),
]);
export type VmNetwork = z.infer<typeof vmNetworkSchema>;

/** What every VMM's record has, whichever driver wrote it. */
const anyMachine = {
  vmm: vmmSchema,
  version: z.string(),
  accel: accelSchema,
  /** The VMM's machine type, as in `microvm` or `q35`. */
  machine: z.string(),
  ...processIdentity,
  controlSocket: z.string(),
  consoleLog: z.string(),
  line: agentLineSchema,
};
const ANY_MACHINE: ReadonlySet<string> = new Set(Object.keys(anyMachine));

/** A VMM process as it can be found again by another daemon. */
export const machineRecordSchema = z.preprocess(
  (record) => gatherOwnPart(record, ANY_MACHINE),
  /** `own` is its driver's to write and to read: nothing else looks into it. */
  z.object({ ...anyMachine, own: z.record(z.string(), z.unknown()) }),
);
export type MachineRecord = z.infer<typeof machineRecordSchema>;

/** Milliseconds of the last start, by stage, and in all until the agent answered. */
export const vmTimingsSchema = z.object({
  stages: z.partialRecord(z.enum(BOOT_STAGES), z.number()),
  readyMs: z.number().optional(),
});

export const vmFailureSchema = z.object({
  at: z.iso.datetime(),
  stage: z.enum(BOOT_STAGES).optional(),
  what: z.string(),
  /** The end of the guest's console, at most 20 lines. */
  consoleTail: z.string(),
});
export type VmFailure = z.infer<typeof vmFailureSchema>;

export const firstBootSchema = z.object({
  install: z.literal("systemd"),
  /** What the package manager said, on this host. */
  log: z.string(),
  doneAt: z.iso.datetime().optional(),
});
export type FirstBoot = z.infer<typeof firstBootSchema>;

export const vmSchema = z.object({
  id: z.string(),
  name: vmNameSchema,
  createdAt: z.iso.datetime(),
  state: z.enum(VM_STATES),
  failure: vmFailureSchema.optional(),
  /** While it is paused, and not because somebody asked for it. */
  pausedBecause: pausedBecauseSchema.optional(),
  image: z.object({
    id: z.string(),
    name: z.string(),
    digest: z.string().optional(),
    /** What its config says of itself: for people, for scripts, and for `--publish-all`. */
    labels: z.record(z.string(), z.string()).optional(),
    exposedPorts: z.array(z.string()).optional(),
    /** Folders in the guest that are meant to hold what should be kept. They are on the root disk. */
    volumes: z.array(z.string()).optional(),
  }),
  /** Id of the image that is being built in it; such a VM is thrown away. */
  builds: z.string().optional(),
  /** Made for one command: it is deleted when the connection is gone that owns it, or when none comes to own it. */
  ephemeral: z.boolean().optional(),
  kernel: z.object({ id: z.string(), name: z.string() }),
  spec: vmSpecSchema,
  /** 128 random bits in hex: systemd's machine id in the guest (machine-id(5)). */
  machineId: z.string(),
  disks: z.array(vmDiskSchema),
  network: vmNetworkSchema,
  /** Why it runs, or last ran, on the VMM that it does: in words. */
  vmmReason: z.string().optional(),
  /** The living VMM; absent unless it runs. */
  machine: machineRecordSchema.optional(),
  startedAt: z.iso.datetime().optional(),
  timings: vmTimingsSchema,
  /** An init that the image lacks and that its VM gets at its first start, by its own package manager. */
  firstBoot: firstBootSchema.optional(),
  /** How the supervised command does, as the agent last told. */
  service: serviceStatusSchema.optional(),
  ...vmBootFields,
  /** What the image declares to be part of ready, as the last start found it. */
  services: z.array(serviceReadinessSchema).optional(),
});
export type Vm = z.infer<typeof vmSchema>;

/** As much of a VM as its network is made of: read by itself where another banger wrote the record, and not all of it reads. */
export const vmOnNetworkSchema = z.object({
  id: z.string(),
  spec: vmSpecSchema.pick({ publish: true, allowHost: true, allowVms: true }),
  network: vmNetworkSchema,
});
export type VmOnNetwork = z.infer<typeof vmOnNetworkSchema>;

/** Who has stopped answering, while the VM's processes live: its VMM, or the agent in its guest. It may come back by itself. */
export const vmSilenceSchema = z.object({
  who: z.enum(["vmm", "agent"]),
  since: z.iso.datetime(),
  /** What to do about it, in words. */
  fix: z.string(),
});
export type VmSilence = z.infer<typeof vmSilenceSchema>;

/**
 * A VM as the API shows it: what scripts ask for most stands at the top. How the daemon finds a VMM and its sockets
 * again is its own affair, and no part of it.
 */
export const vmViewSchema = vmSchema.extend({
  /** Absent while all that was asked has answered. */
  unresponsive: vmSilenceSchema.optional(),
  vmm: vmmSchema.nullable(),
  accel: accelSchema.nullable(),
  pid: z.number().int().nullable(),
  machine: z.object({ version: z.string(), machine: z.string(), line: z.object({ kind: z.string() }) }).optional(),
});
export type VmView = z.infer<typeof vmViewSchema>;

export function viewVm({ machine, ...vm }: Vm, unresponsive?: VmSilence): VmView {
  return {
    ...vm,
    spec: withoutSecrets(vm.spec),
    ...(machine !== undefined && unresponsive !== undefined && { unresponsive }),
    vmm: machine?.vmm ?? null,
    accel: machine?.accel ?? null,
    pid: machine?.pid ?? null,
    ...(machine !== undefined && {
      machine: { version: machine.version, machine: machine.machine, line: { kind: machine.line.kind } },
    }),
  };
}
