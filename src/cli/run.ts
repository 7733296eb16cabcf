import { asBangerError } from "../lib/errors.ts";
import { type Cli, command } from "./command.ts";
import { PULL_FIELDS } from "../model/fields/image-fields.ts";
import { isBroken } from "../model/broken.ts";
import { withInterrupts, withoutInterrupts } from "./interrupts.ts";
import { operateUntil } from "./operate.ts";
import { checkOptions, given } from "./parse/check-options.ts";
import { ownOption } from "./parse/own-option.ts";
import { absoluteReference } from "./parse/local-paths.ts";
import { RESTART_OPTIONS, serviceInput } from "./parse/service-options.ts";
import { VM_OPTIONS, vmInput } from "./parse/vm-options.ts";
import { PROGRESS_OPTION, type ProgressMode } from "./progress/pick-view.ts";
import { TTY_OPTIONS, ttyMode } from "./terminal/tty-mode.ts";

export default command({
  name: ["run"],
  summary: "Run a command in a new VM, made from any image",
  ownFailure: 125,
  arguments: [
    { name: "image", names: "image", help: "name of an image here, or what `banger image pull` takes" },
    { name: "command", kind: "rest", help: "in place of the image's own command" },
  ],
  options: {
    ...VM_OPTIONS,
    insecure: ownOption({ ...PULL_FIELDS.insecure, help: "pull without TLS" }),
    keep: { type: "boolean", help: "keep the VM when the command has ended" },
    detach: { type: "boolean", short: "d", help: "leave the command running in the VM, and print the VM's name" },
    ...RESTART_OPTIONS,
    ...TTY_OPTIONS,
    progress: PROGRESS_OPTION,
  },
  details: `Pulls the image unless it is here, makes a VM, runs the command in it, deletes the VM. The command's exit
status is the one of banger. With --detach the VM stays, and keeps the command running: see banger vm logs --service.`,
  examples: [
    { line: "banger run debian:bookworm", does: "A shell in a new VM" },
    { line: "banger run --nat debian:bookworm -- apt-get update", does: "One command, with a network" },
    { line: "banger run -d --nat --publish 8080:80 nginx", does: "A service, in the background" },
    { line: "banger run --keep --name box alpine -- sh", does: "Keep the VM afterwards" },
  ],
  async run(cli, { image: wanted, command: words }, options) {
    const { keep, insecure, progress, detach, restart, ...others } = options;
    const { tty: _tty, "no-tty": _noTty, interactive: _interactive, ...vmOptions } = others;
    const tty = ttyMode(cli.io, options);
    // Without --detach the words are the command of this terminal, not of a service.
    const service = serviceInput(detach, detach ? words : [], restart, "--detach");
    // Should we be killed, the daemon deletes it.
    const ephemeral = keep || detach ? undefined : true;
    const asked = given({ ...(await vmInput(vmOptions, cli.io.env)), service, ephemeral });
    await checkOptions("vmCreate", asked);
    const vm = await withInterrupts(cli, async (signal) => {
      const image = await ensureImage(cli, { wanted, kernel: vmOptions["kernel-ref"], insecure, progress, signal });
      return operateUntil(cli, "vmCreate", { ...asked, image }, progress, signal);
    });
    if (detach) return cli.json ? cli.printJson(vm) : cli.print(vm.name);
    try {
      const { attach } = await import("./terminal/attach.ts");
      const start = given({ command: [...words], tty: tty.size, owner: ephemeral });
      const session = await withInterrupts(cli, (signal) => cli.client.exec({ ref: vm.id }, start, { signal }));
      return await attach(session, cli.io, tty);
    } finally {
      if (keep) cli.note(`VM ${vm.name} is kept. Delete it with: banger vm delete --force ${vm.name}`);
      else await withoutInterrupts(cli, `deleting VM ${vm.name}`, () => deleteVm(cli, vm.id));
    }
  },
});

async function deleteVm(cli: Cli, ref: string): Promise<void> {
  try {
    await cli.client.operate("vmDelete", { ref, force: true });
  } catch (error) {
    // The daemon deletes it as well, when our connection ends.
    if (asBangerError(error).code !== "VM_NOT_FOUND") throw error;
  }
}

interface Wanted {
  readonly wanted: string;
  readonly kernel: string | undefined;
  readonly insecure: boolean;
  readonly progress: ProgressMode | undefined;
  readonly signal: AbortSignal;
}

/** The id of the image that goes by this name or reference, pulled if it is not here. */
async function ensureImage(cli: Cli, { wanted, kernel, insecure, progress, signal }: Wanted): Promise<string> {
  const reference = absoluteReference(wanted, process.cwd());
  const images = await cli.client.call("imageList", {}, { signal });
  const here =
    images.find(({ name, id }) => name === wanted || id === wanted) ??
    images.findLast((image) => !isBroken(image) && image.reference === reference);
  if (here !== undefined) return here.id;
  const input = given({ reference, insecure, kernel });
  const image = await operateUntil(cli, "imagePull", input, progress, signal);
  return image.id;
}
