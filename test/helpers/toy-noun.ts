import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { route } from "../../src/api/route.ts";
import { createClient, type Client } from "../../src/client/client.ts";
import { type Cli, command, type Command } from "../../src/cli/command.ts";
import { table } from "../../src/cli/output/table.ts";
import { faultPoints } from "../../src/core/faults.ts";
import { holdersOf } from "../../src/core/holders.ts";
import { intentKind, withIntent } from "../../src/core/intents.ts";
import { defineNoun } from "../../src/core/noun.ts";
import type { Rows } from "../../src/core/rows.ts";
import type { Store } from "../../src/core/store.ts";
import { newToy, toySchema, toyTable, type Toy } from "../../src/core/testing/toys.ts";
import { BangerError } from "../../src/lib/errors.ts";

/*
 * A whole noun, as one would be added: its routes, its handlers, an intent with its settling, a hold, and its commands.
 * No file of the core, the daemon, the client or the command line knows of it.
 */

const ref = z.string().min(1).max(200);

export const toyRoutes = {
  toyList: route({
    kind: "call",
    method: "GET",
    path: "/v1/toys",
    summary: "List toys",
    input: z.strictObject({}),
    result: z.array(toySchema),
  }),
  toyMake: route({
    kind: "operation",
    method: "POST",
    path: "/v1/toys",
    summary: "Make a toy",
    input: z.strictObject({ name: ref, box: ref.optional() }),
    result: toySchema,
  }),
  toyWind: route({
    kind: "call",
    method: "POST",
    path: "/v1/toys/{ref}/wind",
    summary: "Wind a toy up",
    input: z.strictObject({ ref }),
    result: toySchema,
  }),
  toyDelete: route({
    kind: "call",
    method: "DELETE",
    path: "/v1/toys/{ref}",
    summary: "Delete a toy in which no other one lies",
    input: z.strictObject({ ref }),
    result: z.strictObject({}),
  }),
};

const TOY_MAKE = intentKind("toy.make");
const reach = faultPoints("toy.make", ["carved"]);

export const toyNoun = defineNoun<typeof toyRoutes>({
  name: "toy",
  tables: { toys: toyTable },
  routes: toyRoutes,
  open({ store: all, layout, log }) {
    const store = all as unknown as Store<{ toys: typeof toyTable }>;
    const toys: Rows<Toy, typeof toyTable.steps> = store.toys;
    return {
      handlers: {
        toyList: () => [...toys.list()],
        async toyMake({ name, box }, { progress }) {
          const toy = { ...newToy(name), ...(box !== undefined && { box }) };
          toys.checkFree(name);
          const work = async (): Promise<Toy> => {
            progress({ id: "toy", label: `carving ${name}`, status: "running" });
            await mkdir(join(layout.workDir, toy.id), { recursive: true });
            await writeFile(join(layout.workDir, toy.id, "wood"), "carved");
            reach("carved");
            toys.insert(toy);
            log.info({ toy: name }, "carved");
            return toy;
          };
          return withIntent(store.intents, TOY_MAKE, toy.id, work, async () => {});
        },
        toyWind: ({ ref: which }) => toys.transition(toys.get(which).id, "wound"),
        toyDelete({ ref: which }) {
          const { id, name } = toys.get(which);
          const [holder] = holdersOf(store, "box", [name]);
          if (holder !== undefined) {
            const why = `${holder.singular} ${holder.name} lies in it`;
            throw new BangerError("IMAGE_IN_USE", { what: `toy ${name} is in use`, why, fix: "delete that one first" });
          }
          toys.delete(id);
          return {};
        },
      },
      settlers: [
        {
          kind: TOY_MAKE,
          settle: ({ subject }) =>
            Promise.resolve(toys.find(subject) === undefined ? "undid a toy that was being made" : undefined),
        },
      ],
    };
  },
});

/** A client of a daemon that has toys. */
export function toyClient(socketPath: string): Client<typeof toyRoutes> {
  return createClient<typeof toyRoutes>({ socketPath, endpoints: toyRoutes });
}

const clientOf = ({ layout }: Cli): Client<typeof toyRoutes> => toyClient(layout.socket);

export const toyCommands: readonly Command[] = [
  command({
    name: ["toy", "list"],
    summary: "List toys",
    arguments: [],
    options: {},
    examples: [{ line: "banger toy list", does: "Names and states" }],
    async run(cli) {
      const toys = await clientOf(cli).call("toyList", {});
      if (cli.json) return cli.printJson(toys);
      cli.print(
        table(
          ["NAME", "STATE"],
          toys.map(({ name, state }) => [name, state]),
        ),
      );
    },
  }),
  command({
    name: ["toy", "delete"],
    summary: "Delete a toy",
    arguments: [{ name: "toy", names: "toy", help: "name or id" }],
    options: {},
    examples: [{ line: "banger toy delete bear", does: "Delete it" }],
    async run(cli, { toy }) {
      await clientOf(cli).call("toyDelete", { ref: toy });
      cli.print(`Toy ${toy} is deleted.`);
    },
  }),
];
