import { dirname } from "node:path";
import { formatBytes } from "../../lib/bytes.ts";
import { asBangerError } from "../../lib/errors.ts";
import type { Result } from "../../client/client.ts";
import { BUILD_FIELDS, CONTAINERFILE_FIELDS } from "../../model/fields/image-fields.ts";
import { type Cli, command } from "../command.ts";
import { withoutInterrupts } from "../interrupts.ts";
import { operate } from "../operate.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { parseCopy } from "../parse/copy-option.ts";
import { ENV_OPTIONS, readEnv } from "../parse/env-options.ts";
import { absolutePath } from "../parse/local-paths.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { ownOption } from "../parse/own-option.ts";
import { PROGRESS_OPTION, type ProgressMode } from "../progress/pick-view.ts";
import { ttyMode } from "../terminal/tty-mode.ts";

/** Options of the two ways to build, as they stand in the help. */
const { "from-image": FROM, ...BUILD } = optionsOf(BUILD_FIELDS, {
  copies: {
    copy: {
      type: "string",
      multiple: true,
      value: "SRC:DST",
      help: "a file or folder to put into it before",
      read: (word) => parseCopy(word, process.cwd()),
    },
  },
  env: ENV_OPTIONS,
  onFail: {
    "on-fail": ownOption({
      kind: "choice",
      values: ["shell", "remove"],
      value: "WHAT",
      help: "shell: enter the VM of a script that failed, before it goes",
    }),
  },
});
const { containerfile: CONTAINERFILE } = optionsOf(CONTAINERFILE_FIELDS, {});

export default command({
  name: ["image", "build"],
  summary: "Make an image of another by a script, or of a Containerfile",
  begins: ["imageBuild", "imageBuildContainerfile"],
  arguments: [{ name: "folder", kind: "optional", help: "with --containerfile: the folder whose files it may copy" }],
  options: {
    "from-image": FROM,
    containerfile: CONTAINERFILE,
    ...BUILD,
    progress: PROGRESS_OPTION,
  },
  details: `Boots the image in a VM that is thrown away, runs the script in it, and keeps the disk without its free space.
When the same script with the same files was run on the same image before, there is nothing to do. A script that fails
leaves nothing.`,
  examples: [
    {
      line: "banger image build --from-image debian --name web --script ./install.sh --nat",
      does: "With packages from the network",
    },
    {
      line: "banger image build --from-image debian --name app --script setup.sh --copy app:/opt/app",
      does: "With files of yours",
    },
    {
      line: "banger image build --from-image debian --name app --script setup.sh --on-fail shell",
      does: "Should the script fail, a shell where it failed",
    },
    { line: "banger image build --containerfile ./Containerfile . --name site", does: "What a Containerfile says" },
  ],
  async run(cli, { folder }, options) {
    const { containerfile, "from-image": from, name, script, progress } = options;
    if (name === undefined) throw badUsage("--name is missing", "name the new image: --name NAME");
    if (containerfile !== undefined) return buildContainerfile(cli, { ...options, name, containerfile, folder });
    if (folder !== undefined) throw badUsage(`${folder} is one word too many`, "a folder goes with --containerfile");
    if (from === undefined) throw badUsage("--from-image is missing", "say what to begin from: --from-image IMAGE");
    if (script === undefined) throw badUsage("--script is missing", "say what to run: --script FILE");
    const shell = options["on-fail"] === "shell";
    if (shell && cli.detach) throw badUsage("--on-fail shell needs somebody who waits", "leave --detach out");
    const input = given({
      ...inputOf(BUILD_FIELDS, options),
      from,
      name,
      script,
      copies: [...options.copy],
      env: await readEnv(options.env, options["env-file"], cli.io.env),
      onFail: shell ? ("keep" as const) : undefined,
    });
    await checkOptions("imageBuild", input);
    try {
      await operate(cli, "imageBuild", input, progress, (image) => tell(cli, image));
    } catch (error) {
      await enter(cli, asBangerError(error).data["vm"]);
      throw error;
    }
  },
});

interface ContainerfileOptions {
  readonly name: string;
  readonly containerfile: string;
  readonly folder: string | undefined;
  readonly "from-image": string | undefined;
  readonly script: string | undefined;
  readonly "kernel-ref": string | undefined;
  readonly progress: ProgressMode | undefined;
}

async function buildContainerfile(cli: Cli, options: ContainerfileOptions): Promise<void> {
  const { name, folder, progress } = options;
  if (options.script !== undefined || options["from-image"] !== undefined) {
    throw badUsage("--containerfile begins from what its own FROM says", "leave --from-image and --script out");
  }
  const { containerfile } = options;
  const context = absolutePath(folder ?? dirname(containerfile), process.cwd());
  const input = given({ name, containerfile, context, kernel: options["kernel-ref"] });
  await checkOptions("imageBuildContainerfile", input);
  await operate(cli, "imageBuildContainerfile", input, progress, (image) => tell(cli, image));
}

function tell(cli: Cli, image: Result<"imageBuild">): void {
  cli.print(`Image ${image.name} is built: ${formatBytes(image.size)}, ${image.history.at(-1)?.did ?? ""}.`);
  cli.note(`Make a VM of it with: banger vm create --image ${image.name}`);
}

/** A shell in the VM of a build that failed; then the VM goes. */
async function enter(cli: Cli, vm: unknown): Promise<void> {
  if (typeof vm !== "string") return;
  try {
    cli.note(`The script failed. This is a shell in its VM, ${vm}, which goes when you leave it.`);
    const tty = ttyMode(cli.io, { tty: false, "no-tty": false, interactive: true });
    const { attach } = await import("../terminal/attach.ts");
    await attach(await cli.client.exec({ ref: vm }, given({ argv: ["/bin/sh"], tty: tty.size })), cli.io, tty);
  } finally {
    await withoutInterrupts(cli, `deleting VM ${vm}`, async () => {
      await cli.client.operate("vmDelete", { ref: vm, force: true });
    });
  }
}
