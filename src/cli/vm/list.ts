import { formatBytes } from "../../lib/bytes.ts";
import { setTimeout as after } from "node:timers/promises";
import { type Cli, command } from "../command.ts";
import { withStop } from "../interrupts.ts";
import { brokenRow, partBroken } from "../output/broken-text.ts";
import { table } from "../output/table.ts";
import { ago } from "../output/times.ts";
import { stateWords } from "../output/vm-text.ts";

/** What changes within so long is shown at once. */
const SETTLE_MS = 50;

export default command({
  name: ["vm", "list"],
  summary: "List VMs",
  arguments: [],
  options: { watch: { type: "boolean", short: "w", help: "show it anew whenever something happens to a VM" } },
  examples: [
    { line: "banger vm list", does: "Names and states" },
    { line: "banger vm list --json", does: "All about all of them, for a program" },
    { line: "banger vm list --watch", does: "As it changes, until Ctrl-C" },
  ],
  run: (cli, _args, { watch }) => (watch ? watchList(cli) : printList(cli)),
});

/** Prints the list, and again after each change; several at once are one. */
async function watchList(cli: Cli): Promise<number> {
  return withStop(async (signal) => {
    const events = await cli.client.follow("events", { noun: "vm" }, { signal });
    const clear = cli.io.stdout.isTTY === true && !cli.json ? "\u001B[H\u001B[2J" : "";
    const show = async (): Promise<void> => {
      cli.io.stdout.write(clear);
      await printList(cli);
    };
    await show();
    let showing: Promise<void> | undefined;
    for await (const _event of events) {
      showing ??= after(SETTLE_MS)
        .then(() => (showing = undefined))
        .then(show);
      showing.catch(() => {});
    }
  });
}

async function printList(cli: Cli): Promise<void> {
  const vms = await cli.client.call("vmList", {});
  if (cli.json) return cli.printJson(vms);
  if (vms.length === 0) return cli.note("There are no VMs yet. This makes one: banger run debian:bookworm");
  const { whole, broken } = partBroken(cli, vms);
  const rows = whole.map(({ name, state, unresponsive, pausedBecause, reboots, image, spec, network, createdAt }) => [
    name,
    `${stateWords({ state, pausedBecause, unresponsive })}${reboots === undefined ? "" : `, rebooted ${ago(reboots.lastAt)}`}`,
    image.name,
    String(spec.vcpus),
    formatBytes(spec.memoryBytes),
    network.mode === "none" ? "none" : "nat",
    ago(createdAt),
  ]);
  for (const { name, unresponsive } of whole) {
    if (unresponsive !== undefined)
      cli.note(`VM ${name} has not answered since ${unresponsive.since}: ${unresponsive.fix}`);
  }
  const all = [...rows, ...broken.map((one) => brokenRow(one, 7))];
  cli.print(table(["NAME", "STATE", "IMAGE", "VCPUS", "MEMORY", "NETWORK", "CREATED"], all));
}
