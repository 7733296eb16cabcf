import { REGISTER_FIELDS } from "../../model/fields/image-fields.ts";
import { command } from "../command.ts";
import { operate } from "../operate.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

export default command({
  name: ["image", "register"],
  summary: "Take files of yours as an image, where they lie",
  begins: ["imageRegister"],
  arguments: [{ name: "name", help: "what to call it" }],
  options: {
    ...optionsOf(REGISTER_FIELDS, {}),
    progress: PROGRESS_OPTION,
  },
  details: `The file systems stay yours: banger reads them and never writes to them. When they change or vanish, it says so
and makes no more VMs of them until they are registered again. The kernel is copied at once. To have banger own all of it,
use banger image promote.`,
  examples: [
    {
      line: "banger image register mine --rootfs ./rootfs.ext4 --kernel-ref debian-cloud",
      does: "With a kernel that is here",
    },
    {
      line: "banger image register mine --rootfs ./rootfs.ext4 --kernel ./vmlinux --work-seed ./home.ext4",
      does: "With a kernel of yours, and what work disks begin as",
    },
  ],
  async run(cli, { name }, { progress, ...files }) {
    const { rootfs } = files;
    if (rootfs === undefined) throw badUsage("--rootfs is missing", "give the root file system: --rootfs FILE");
    const input = given({ name, ...inputOf(REGISTER_FIELDS, files), rootfs });
    await checkOptions("imageRegister", input);
    await operate(cli, "imageRegister", input, progress, (image) => {
      const system = image.system.osName ?? "no os-release";
      cli.print(`Image ${image.name} is registered: ${system}, kernel ${image.kernel}.`);
      cli.note(`Its files stay where they are. Make a VM of it with: banger vm create --image ${image.name}`);
    });
  },
});
