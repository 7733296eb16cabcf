import type { BangerEvent } from "../model/event.ts";
import { EVENT_FIELDS } from "../model/fields/event-fields.ts";
import { type Cli, command } from "./command.ts";
import { withStop } from "./interrupts.ts";
import { inputOf, optionsOf } from "./parse/option-of.ts";

export default command({
  name: ["events"],
  summary: "Show what has happened to VMs, images and kernels",
  arguments: [],
  options: {
    follow: { type: "boolean", short: "f", help: "go on with what happens from now on" },
    ...optionsOf(EVENT_FIELDS, {}),
  },
  details: `The newest 10,000 are kept. With --json each is an object on a line of its own; --follow without --after shows
what happens from now on.`,
  examples: [
    { line: "banger events", does: "What happened lately" },
    { line: "banger events --follow --noun vm", does: "What happens to VMs from now on" },
    { line: "banger events --follow --after 4711 --json", does: "Go on where a program has left off" },
  ],
  async run(cli, _args, { follow, ...options }) {
    const input = inputOf(EVENT_FIELDS, options);
    if (!follow) {
      for (const event of await cli.client.call("eventList", input)) tell(cli, event);
      return 0;
    }
    return withStop(async (signal) => {
      for await (const event of await cli.client.follow("events", input, { signal })) tell(cli, event);
    });
  },
});

function tell(cli: Cli, event: BangerEvent): void {
  if (cli.json) return void cli.io.stdout.write(`${JSON.stringify(event)}\n`);
  const { seq, at, noun, name, step, operation } = event;
  const by = operation === undefined ? "" : `  by ${operation}`;
  cli.print(`${seq}  ${at.slice(0, 19).replace("T", " ")}  ${noun} ${name}  ${step}${by}`);
}
