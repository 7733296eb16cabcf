import type { StoryVerb } from "./fault-story.ts";
import type { TestHost } from "./test-host.ts";

export const has =
  (noun: string, name: string) =>
  async (host: TestHost): Promise<boolean> =>
    (await host.json<{ name: string }[]>([noun, "list"])).some((one) => one.name === name);
export const lacks = (noun: string, name: string) => async (host: TestHost) => !(await has(noun, name)(host));
export const vm =
  (name: string, is: (vm: { state: string; image: { name: string }; spec: { diskSizeBytes?: number } }) => boolean) =>
  async (host: TestHost) =>
    is(await host.json(["vm", "inspect", name]));

/** Verbs on kernels, images and VMs that need no running guest. */
export const VERBS_AT_REST: readonly StoryVerb[] = [
  {
    argv: ["kernel", "import", "spare", "--vmlinux", "vmlinux"],
    isDone: has("kernel", "spare"),
    undo: [["kernel", "delete", "spare"]],
  },
  {
    argv: ["kernel", "delete", "spare"],
    isDone: lacks("kernel", "spare"),
    undo: [["kernel", "import", "spare", "--vmlinux", "vmlinux"]],
  },
  {
    argv: ["image", "pull", "oci:layout:latest", "--name", "again", "--kernel-ref", "generic"],
    isDone: has("image", "again"),
    undo: [["image", "delete", "again"]],
  },
  {
    argv: ["image", "delete", "again"],
    isDone: lacks("image", "again"),
    undo: [["image", "pull", "oci:layout:latest", "--name", "again", "--kernel-ref", "generic"]],
  },
  {
    argv: ["image", "register", "own", "--rootfs", "copy.ext4", "--kernel", "vmlinux"],
    isDone: has("image", "own"),
    undo: [["image", "delete", "own"]],
  },
  {
    argv: ["vm", "create", "--name", "leaning", "--image", "own", "--no-start", "--disk-strategy", "qcow2"],
    isDone: has("vm", "leaning"),
    undo: [["vm", "delete", "leaning"]],
  },
  {
    argv: ["vm", "resize", "leaning", "--disk-size", "9G"],
    isDone: vm("leaning", ({ spec }) => spec.diskSizeBytes === 9 * 1024 ** 3),
    undo: [
      ["vm", "delete", "leaning"],
      ["vm", "create", "--name", "leaning", "--image", "own", "--no-start", "--disk-strategy", "qcow2"],
    ],
  },
  {
    argv: ["image", "promote", "own"],
    isDone: async (host) => (await host.json<{ managed: boolean }>(["image", "inspect", "own"])).managed,
    undo: [
      ["vm", "delete", "leaning"],
      ["image", "delete", "own"],
      ["image", "register", "own", "--rootfs", "copy.ext4", "--kernel", "vmlinux"],
      ["vm", "create", "--name", "leaning", "--image", "own", "--no-start", "--disk-strategy", "qcow2"],
    ],
  },
  {
    argv: ["vm", "rebase", "leaning", "--image", "bb"],
    isDone: vm("leaning", ({ image }) => image.name === "bb"),
    undo: [["vm", "rebase", "leaning", "--image", "own"]],
  },
  {
    argv: ["vm", "delete", "leaning"],
    isDone: lacks("vm", "leaning"),
    undo: [["vm", "create", "--name", "leaning", "--image", "bb", "--no-start"]],
  },
];

/** Verbs that boot a guest, or find one. */
export const VERBS_WHILE_RUNNING: readonly StoryVerb[] = [
  {
    argv: ["vm", "create", "--name", "box", "--image", "bb", "--memory", "128M"],
    isDone: has("vm", "box"),
    undo: [["vm", "delete", "box", "--force"]],
  },
  {
    argv: ["vm", "pause", "box"],
    isDone: vm("box", ({ state }) => state === "paused"),
    undo: [["vm", "resume", "box"]],
  },
  {
    argv: ["vm", "resume", "box"],
    isDone: vm("box", ({ state }) => state === "running"),
    undo: [["vm", "pause", "box"]],
  },
  {
    argv: ["vm", "start", "box", "--time-zone", "UTC"],
    isDone: () => Promise.resolve(true),
    undo: [],
  },
  {
    argv: ["vm", "stop", "box", "--force"],
    isDone: vm("box", ({ state }) => state === "stopped"),
    undo: [["vm", "start", "box"]],
  },
  {
    argv: ["vm", "start", "box"],
    isDone: vm("box", ({ state }) => state === "running"),
    undo: [["vm", "stop", "box", "--force"]],
  },
  {
    argv: ["vm", "delete", "box", "--force"],
    isDone: lacks("vm", "box"),
    undo: [["vm", "create", "--name", "box", "--image", "bb", "--memory", "128M"]],
  },
];
