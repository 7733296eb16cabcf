import { formatBytes } from "../../lib/bytes.ts";
import type { VolumeUser } from "../../model/volume.ts";
import { counted } from "../../lib/counted.ts";
import { command } from "../command.ts";
import { brokenRow, partBroken } from "../output/broken-text.ts";
import { table } from "../output/table.ts";
import { ago } from "../output/times.ts";

export default command({
  name: ["volume", "list"],
  summary: "List volumes",
  arguments: [],
  options: {},
  examples: [
    { line: "banger volume list", does: "Names and sizes, and who mounts each" },
    { line: "banger volume list --json", does: "All about all of them, for a program" },
  ],
  async run(cli) {
    const listed = await cli.client.call("volumeList", {});
    if (cli.json) return cli.printJson(listed);
    const { whole: volumes, broken } = partBroken(cli, listed);
    if (listed.length === 0) {
      return cli.note("There are no volumes yet. Make one with: banger volume create data --size 10G");
    }
    const rows = volumes.map(({ name, sizeBytes, usedBytes, createdAt, usedBy }) => [
      name,
      formatBytes(sizeBytes),
      formatBytes(usedBytes),
      ago(createdAt),
      mountedBy(usedBy),
    ]);
    const broke = broken.map((one) => brokenRow(one, 5));
    cli.print(table(["NAME", "SIZE", "ON DISK", "CREATED", "MOUNTED BY"], [...rows, ...broke]));
  },
});

/** `web at /data`, `3 VMs`: one by its name, more by their number. */
function mountedBy(users: readonly VolumeUser[]): string {
  const [user, ...more] = users;
  if (user === undefined) return "-";
  if (more.length > 0) return counted(users.length, "VM");
  return `${user.vm} at ${user.path}${user.readOnly ? ", read-only" : ""}`;
}
