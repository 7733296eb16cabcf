import { z } from "zod";
import { defineTable, holdsBy } from "../table.ts";
import { BangerError } from "../../lib/errors.ts";

export const toySchema = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.string(),
  state: z.enum(["new", "wound", "broken"]),
  size: z.number(),
  colour: z.string().optional(),
  box: z.string().optional(),
});
export type Toy = z.infer<typeof toySchema>;

/** A noun for tests of what all nouns share. */
export const toyTable = defineTable({
  table: "toys",
  noun: "toy",
  singular: "toy",
  notFound: "PATH_NOT_FOUND",
  listCommand: "banger toy list",
  schema: toySchema,
  steps: {
    wound: { from: ["new"], to: "wound" },
    painted: { from: "any" },
    renamed: { from: ["new", "wound"] },
    broken: { from: ["wound"], to: "broken" },
  },
  refuse: ({ name, state }: Toy, step) =>
    new BangerError("VM_WRONG_STATE", { what: `toy ${name} is ${state}: no ${step}`, fix: "take another one" }),
  holds: holdsBy(z.object({ box: z.string().optional() }), ({ box }) =>
    box === undefined ? [] : [{ kind: "box", ref: box }],
  ),
});

let made = 0;

/** A toy of this name, or one like no other. */
export function newToy(name = `toy${(made += 1)}`): Toy {
  return { id: `toy-${name}`, name, createdAt: "2026-01-02T03:04:05.000Z", state: "new", size: 1 };
}
