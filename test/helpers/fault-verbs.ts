import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { layoutFrom } from "../../src/model/layout.ts";
import type { Vm } from "../../src/model/vm.ts";
import { VERBS_ON_A_GUEST } from "./fault-verbs-guest.ts";
import { askDaemon, type StoryVerb } from "./fault-story.ts";
import type { TestHost } from "./test-host.ts";
import type { TestRegistry } from "./test-registry.ts";

const LISTS = { kernel: "kernelList", image: "imageList", volume: "volumeList", vm: "vmList" } as const;

export const has =
  (noun: keyof typeof LISTS, name: string) =>
  async (host: TestHost): Promise<boolean> =>
    (await askDaemon(host).call(LISTS[noun], {})).some((one) => one.name === name);
export const lacks = (noun: keyof typeof LISTS, name: string) => async (host: TestHost) =>
  !(await has(noun, name)(host));
export const vm = (name: string, is: (vm: Pick<Vm, "state" | "image" | "spec">) => boolean) => async (host: TestHost) =>
  is(await askDaemon(host).call("vmInspect", { ref: name }));
/** Of verbs that leave everything as it looks. */
export const always = (): Promise<boolean> => Promise.resolve(true);
/** Of verbs that fail, and so leave everything as it was. */
export const never = (): Promise<boolean> => Promise.resolve(false);

/** Verbs on kernels, images and VMs that need no running guest. */
export const VERBS_AT_REST: readonly StoryVerb[] = [
  {
    does: ["kernelImport"],
    argv: ["kernel", "import", "spare", "--vmlinux", "vmlinux"],
    isDone: has("kernel", "spare"),
    undo: [["kernel", "delete", "spare"]],
  },
  {
    does: ["kernelDelete"],
    argv: ["kernel", "delete", "spare"],
    isDone: lacks("kernel", "spare"),
    undo: [["kernel", "import", "spare", "--vmlinux", "vmlinux"]],
  },
  {
    does: ["imagePull"],
    argv: ["image", "pull", "oci:layout:latest", "--name", "again", "--kernel-ref", "generic"],
    isDone: has("image", "again"),
    undo: [["image", "delete", "again"]],
  },
  {
    does: ["imageDelete"],
    argv: ["image", "delete", "again"],
    isDone: lacks("image", "again"),
    undo: [["image", "pull", "oci:layout:latest", "--name", "again", "--kernel-ref", "generic"]],
  },
  {
    does: ["imageRegister"],
    argv: ["image", "register", "own", "--rootfs", "copy.ext4", "--kernel", "vmlinux"],
    isDone: has("image", "own"),
    undo: [["image", "delete", "own"]],
  },
  {
    does: ["volumeCreate"],
    argv: ["volume", "create", "data", "--size", "16M"],
    isDone: has("volume", "data"),
    undo: [["volume", "delete", "data"]],
  },
  {
    does: ["volumeResize"],
    argv: ["volume", "resize", "data", "--size", "32M"],
    isDone: async (host) => (await askDaemon(host).call("volumeInspect", { ref: "data" })).sizeBytes === 32 * 1024 ** 2,
    undo: [
      ["volume", "delete", "data"],
      ["volume", "create", "data", "--size", "16M"],
    ],
  },
  {
    does: ["volumeDelete"],
    argv: ["volume", "delete", "data"],
    isDone: lacks("volume", "data"),
    undo: [["volume", "create", "data", "--size", "16M"]],
  },
  {
    does: ["vmCreate"],
    argv: ["vm", "create", "--name", "leaning", "--image", "own", "--no-start", "--disk-strategy", "qcow2"],
    isDone: has("vm", "leaning"),
    undo: [["vm", "delete", "leaning"]],
  },
  {
    does: ["vmResize"],
    argv: ["vm", "resize", "leaning", "--disk-size", "9G"],
    isDone: vm("leaning", ({ spec }) => spec.diskSizeBytes === 9 * 1024 ** 3),
    undo: [
      ["vm", "delete", "leaning"],
      ["vm", "create", "--name", "leaning", "--image", "own", "--no-start", "--disk-strategy", "qcow2"],
    ],
  },
  {
    does: ["imagePromote"],
    argv: ["image", "promote", "own"],
    isDone: async (host) => (await askDaemon(host).call("imageInspect", { ref: "own" })).managed,
    undo: [
      ["vm", "delete", "leaning"],
      ["image", "delete", "own"],
      ["image", "register", "own", "--rootfs", "copy.ext4", "--kernel", "vmlinux"],
      ["vm", "create", "--name", "leaning", "--image", "own", "--no-start", "--disk-strategy", "qcow2"],
    ],
  },
  {
    does: ["vmRebase"],
    argv: ["vm", "rebase", "leaning", "--image", "bb"],
    isDone: vm("leaning", ({ image }) => image.name === "bb"),
    undo: [["vm", "rebase", "leaning", "--image", "own"]],
  },
  {
    does: ["vmDelete"],
    argv: ["vm", "delete", "leaning"],
    isDone: lacks("vm", "leaning"),
    undo: [["vm", "create", "--name", "leaning", "--image", "bb", "--no-start"]],
  },
  {
    does: ["imageExport"],
    argv: ["image", "export", "bb", "oci-archive:bb.tar"],
    isDone: always,
    undo: [],
  },
  {
    does: ["kernelBuild"],
    // Out of the cache: the kernel that all this runs on was built in the same way.
    argv: ["kernel", "build", "generic-6.12"],
    isDone: has("kernel", "generic-6.12"),
    undo: [["kernel", "delete", "generic-6.12"]],
  },
  {
    does: ["systemOrphansDelete"],
    argv: ["system", "orphans", "--delete", "--all"],
    before: async (host) => {
      await mkdir(join(layoutFrom(host.env).workDir, "img-0123456789abcdef"), { recursive: true });
    },
    isDone: async (host) => (await askDaemon(host).call("systemOrphans", {})).length === 0,
    undo: [],
  },
];

/** Verbs that boot a guest, or find one. */
export const VERBS_WHILE_RUNNING: readonly StoryVerb[] = [
  {
    does: ["vmCreate"],
    argv: ["vm", "create", "--name", "box", "--image", "bb", "--memory", "128M"],
    isDone: has("vm", "box"),
    undo: [["vm", "delete", "box", "--force"]],
  },
  {
    does: ["vmPause"],
    argv: ["vm", "pause", "box"],
    isDone: vm("box", ({ state }) => state === "paused"),
    undo: [["vm", "resume", "box"]],
  },
  {
    does: ["vmResume"],
    argv: ["vm", "resume", "box"],
    isDone: vm("box", ({ state }) => state === "running"),
    undo: [["vm", "pause", "box"]],
  },
  {
    does: ["vmStart"],
    argv: ["vm", "start", "box", "--time-zone", "UTC"],
    isDone: always,
    undo: [],
  },
  ...VERBS_ON_A_GUEST,
  {
    does: ["vmStop"],
    argv: ["vm", "stop", "box", "--force"],
    isDone: vm("box", ({ state }) => state === "stopped"),
    undo: [["vm", "start", "box"]],
  },
  {
    does: ["vmStart"],
    argv: ["vm", "start", "box"],
    isDone: vm("box", ({ state }) => state === "running"),
    undo: [["vm", "stop", "box", "--force"]],
  },
  {
    does: ["vmDelete"],
    argv: ["vm", "delete", "box", "--force"],
    isDone: lacks("vm", "box"),
    undo: [["vm", "create", "--name", "box", "--image", "bb", "--memory", "128M"]],
  },
];

/** Sends an image to a registry. */
export function pushVerb(registry: Pick<TestRegistry, "host">): StoryVerb {
  return {
    does: ["imagePush"],
    argv: ["image", "push", "bb", `${registry.host}/test/bb:1`],
    isDone: always,
    undo: [],
  };
}
