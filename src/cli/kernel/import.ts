import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { absolutePath } from "../parse/local-paths.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["kernel", "import"],
  summary: "Copy a kernel from files of yours",
  begins: ["kernelImport"],
  arguments: [{ name: "name", help: "what to call it" }],
  options: {
    vmlinux: { type: "string", value: "FILE", help: "the kernel: a vmlinux or a bzImage" },
    initrd: { type: "string", value: "FILE", help: "an initramfs to boot it with" },
    modules: { type: "string", value: "DIR", help: "its modules: the content of /lib/modules/RELEASE" },
    progress: PROGRESS_OPTION,
  },
  examples: [
    { line: "banger kernel import mine --vmlinux ./vmlinux", does: "A kernel that has all it needs built in" },
    {
      line: "banger kernel import host --vmlinux /boot/vmlinuz --modules /lib/modules/6.1.0-cloud-amd64",
      does: "One that needs modules",
    },
  ],
  async run(cli, { name }, { progress, ...files }) {
    if (files.vmlinux === undefined) throw badUsage("--vmlinux is missing", "give the kernel: --vmlinux FILE");
    const cwd = process.cwd();
    const asked = given({
      name,
      vmlinux: absolutePath(files.vmlinux, cwd),
      initrd: absolutePath(files.initrd, cwd),
      modules: absolutePath(files.modules, cwd),
    });
    const input = await checkOptions("kernelImport", asked);
    await operate(cli, "kernelImport", input, progress, (kernel) =>
      cli.print(`Kernel ${kernel.name} is here: Linux ${kernel.release}.`),
    );
  },
});
