import type { OperationView } from "../../model/operation.ts";
import { command } from "../command.ts";
import { table } from "../output/table.ts";
import { ago } from "../output/times.ts";

export default command({
  name: ["operation", "list"],
  summary: "List what is under way, and what ended last",
  arguments: [],
  options: { all: { type: "boolean", help: "those too that have ended" } },
  examples: [
    { line: "banger operation list", does: "What the daemon is doing, for whomever" },
    { line: "banger operation list --all --json", does: "The last hundred that have ended besides" },
  ],
  async run(cli, _args, { all }) {
    const listed = await cli.client.call("operationList", {});
    const operations = all ? listed : listed.filter(({ endedAt }) => endedAt === undefined);
    if (cli.json) return cli.printJson(operations);
    if (operations.length === 0) return cli.note("Nothing is under way.");
    cli.print(table(["ID", "WHAT", "OF", "STATE", "BEGAN", "NOW"], operations.map(row)));
  },
});

function row({ id, name, subject = "", state, error, startedAt, progress }: OperationView): string[] {
  const last = progress.at(-1);
  return [id, name, subject, error === undefined ? state : `${state}, ${error}`, ago(startedAt), last?.label ?? ""];
}
