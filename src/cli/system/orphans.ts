import { formatBytes } from "../../lib/bytes.ts";
import { ORPHANS_DELETE_FIELDS } from "../../model/fields/delete-fields.ts";
import type { Orphan } from "../../model/orphan.ts";
import { type Cli, command } from "../command.ts";
import { table } from "../output/table.ts";
import { ago } from "../output/times.ts";
import { badUsage } from "../parse/bad-usage.ts";
import { optionsOf } from "../parse/option-of.ts";

export default command({
  name: ["system", "orphans"],
  summary: "List files of banger's that its state does not know, or delete them",
  arguments: [{ name: "name", kind: "rest", help: "what to delete, as it is listed" }],
  options: {
    delete: { type: "boolean", help: "delete those that are named, for good" },
    ...optionsOf(ORPHANS_DELETE_FIELDS, {}),
  },
  details: `banger deletes only what its own records name. What else lies in its folders it leaves, and lists here: files of a VM
that an older copy of the database does not know, or something that you have put there.`,
  examples: [
    { line: "banger system orphans", does: "What there is, and how much room it takes" },
    { line: "banger system orphans --delete work/img-0123456789abcdef", does: "Delete one" },
    { line: "banger system orphans --delete --all", does: "Delete all of them" },
  ],
  async run(cli, { name: names }, { delete: remove, all, force }) {
    if (remove) return deleteThem(cli, names, all, force);
    if (names.length > 0 || all || force) throw badUsage("to delete them, --delete must be given", "add --delete");
    const orphans = await cli.client.call("systemOrphans", {});
    if (cli.json) return cli.printJson(orphans);
    if (orphans.length === 0) return cli.note("There are none: the state knows all that is there.");
    cli.print(table(["NAME", "SIZE", "CHANGED", "WHAT"], orphans.map(line)));
  },
});

function line({ name, sizeBytes, changedAt, about, pids }: Orphan): string[] {
  const running = pids.length === 0 ? "" : `; a VM runs in it, pid ${pids.join(", ")}`;
  return [name, sizeBytes === undefined ? "?" : formatBytes(sizeBytes), ago(changedAt), `${about}${running}`];
}

async function deleteThem(cli: Cli, names: readonly string[], all: boolean, force: boolean): Promise<void> {
  if (all === names.length > 0) throw badUsage("say which to delete", "name some of them, or give --all");
  const deleted = await cli.client.call("systemOrphansDelete", { names: [...names], all, force });
  if (cli.json) return cli.printJson(deleted);
  for (const { name } of deleted) cli.print(`${name} is deleted.`);
  if (deleted.length === 0) cli.note("There is nothing to delete.");
}
