import { CREATE_FIELDS } from "../../model/fields/vm-fields.ts";
import { duration } from "../output/times.ts";
import type { Result } from "../../client/client.ts";
import { type Cli, command, type OptionSpecs } from "../command.ts";
import { operate } from "../operate.ts";
import { checkOptions, given } from "../parse/check-options.ts";
import { inputOf, optionsOf } from "../parse/option-of.ts";
import { ownOption } from "../parse/own-option.ts";
import { SERVICE_OPTIONS, serviceInput } from "../parse/service-options.ts";
import { VM_OPTIONS, vmInput } from "../parse/vm-options.ts";
import { failedUnits } from "../output/failed-units.ts";
import { PROGRESS_OPTION } from "../progress/pick-view.ts";

const {
  image: IMAGE,
  wait: WAIT,
  "no-start": NO_START,
  ...SERVICE
} = optionsOf(CREATE_FIELDS, { service: SERVICE_OPTIONS });

/** What can stand in a file, too: all that says what the VM is. */
const FILE_OPTIONS = {
  image: IMAGE,
  ...VM_OPTIONS,
  ...SERVICE,
} as const satisfies OptionSpecs;

export default command({
  name: ["vm", "create"],
  summary: "Create a VM from an image and start it",
  begins: ["vmCreate"],
  arguments: [{ name: "command", kind: "rest", help: "for --service, in place of the image's own command" }],
  options: {
    ...FILE_OPTIONS,
    file: ownOption({ kind: "text", short: "f", value: "FILE", help: "take options from a TOML file; - is stdin" }),
    wait: WAIT,
    "no-start": NO_START,
    progress: PROGRESS_OPTION,
  },
  inFile: FILE_OPTIONS,
  details: `In a file an option is a key without its dashes: image = "debian", vcpus = 4, nat = true, env = { MODE = "test" }.
What is said on the command line wins over the file.`,
  examples: [
    { line: "banger vm create --file vm.toml --name other", does: "As the file says, but for the name" },
    { line: "banger vm create --image debian --name demo --nat", does: "A VM that reaches the network" },
    {
      line: "banger vm create --image debian --vcpus 4 --memory 2G --disk-size 20G -e MODE=test --json",
      does: "A larger one, described as JSON",
    },
    { line: "banger vm create --image nginx --name web --nat --service", does: "A VM that runs what its image is for" },
  ],
  async run(cli, { command: words }, options) {
    const { "no-start": noStart, service, restart, progress } = options;
    const supervised = serviceInput(service, words, restart, "--service");
    const input = given({
      ...inputOf(CREATE_FIELDS, options),
      service: supervised,
      ...(await vmInput(options, cli.io.env)),
    });
    await operate(cli, "vmCreate", await checkOptions("vmCreate", input), progress, (vm) => tell(cli, vm, noStart));
  },
});

function tell(cli: Cli, vm: Result<"vmCreate">, noStart: boolean): void {
  // No wall between guest and host is nothing that should only be found by looking for it.
  if (vm.network.mode === "user" && !vm.spec.allowHost) cli.note(`Mind its network: ${vm.network.why}`);
  if (noStart) {
    cli.print(`VM ${vm.name} is created.`);
    return cli.note(`Start it with: banger vm start ${vm.name}`);
  }
  const ready = vm.timings.readyMs === undefined ? "" : `, ready after ${duration(vm.timings.readyMs)}`;
  cli.print(`VM ${vm.name} is ${vm.state}${ready}${failedUnits(vm)}.`);
  for (const { guestPort, hostAddress, hostPort } of vm.spec.publish) {
    cli.note(`Its port ${guestPort} is at ${hostAddress}:${hostPort}`);
  }
  cli.note(`Log in with: banger vm ssh ${vm.name}`);
}
