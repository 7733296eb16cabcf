import type { BangerEvent } from "../model/event.ts";
import { type Cli, command } from "./command.ts";
import { withStop } from "./interrupts.ts";
import { badUsage } from "./parse/bad-usage.ts";

export default command({
  name: ["events"],
  summary: "Show what has happened to VMs, images and kernels",
  arguments: [],
  options: {
    follow: { type: "boolean", short: "f", help: "go on with what happens from now on" },
    after: { type: "string", value: "N", help: "only what came after the event of this number" },
    noun: { type: "string", value: "NOUN", help: "only what happened to things of this kind: vm, image, kernel" },
    of: { type: "string", value: "NAME", help: "only what happened to this one, by name or id" },
    step: { type: "string", value: "STEP", help: "only events of this name, as in started, failed, deleted" },
  },
  details: `The newest 10,000 are kept. With --json each is an object on a line of its own; --follow without --after shows
what happens from now on.`,
  examples: [
    { line: "banger events", does: "What happened lately" },
    { line: "banger events --follow --noun vm", does: "What happens to VMs from now on" },
    { line: "banger events --follow --after 4711 --json", does: "Go on where a program has left off" },
  ],
  async run(cli, _args, { follow, after, noun, of: ref, step }) {
    const input = { after: numberOf(after), noun, ref, step };
    if (!follow) {
      for (const event of await cli.client.call("eventList", input)) tell(cli, event);
      return 0;
    }
    return withStop(async (signal) => {
      for await (const event of await cli.client.follow("events", input, { signal })) tell(cli, event);
    });
  },
});

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw badUsage(`"${text}" is no number of an event`, "give the number that stands before an event");
}

function tell(cli: Cli, event: BangerEvent): void {
  if (cli.json) return void cli.io.stdout.write(`${JSON.stringify(event)}\n`);
  const { seq, at, noun, name, step, operation } = event;
  const by = operation === undefined ? "" : `  by ${operation}`;
  cli.print(`${seq}  ${at.slice(0, 19).replace("T", " ")}  ${noun} ${name}  ${step}${by}`);
}
