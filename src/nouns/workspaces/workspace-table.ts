import { z } from "zod";
import { defineTable, holdsBy } from "../../core/table.ts";
import { BangerError } from "../../lib/errors.ts";
import { workspaceSchema, type Workspace } from "../../model/workspace.ts";

const needs = z.object({ vm: z.object({ id: z.string() }) });

export const workspaceTable = defineTable({
  table: "workspaces",
  noun: "workspace",
  singular: "workspace",
  notFound: "WORKSPACE_NOT_FOUND",
  listCommand: "banger workspace list",
  schema: workspaceSchema,
  steps: {
    filled: { from: ["creating"], to: "ready" },
    pulled: { from: ["ready"] },
    pushed: { from: ["ready"] },
  },
  refuse: ({ name, state }: Workspace, step) =>
    new BangerError("WORKSPACE_WRONG_STATE", {
      what: `workspace ${name} is ${state}`,
      why: `it cannot be ${step} now`,
      fix: "try again when that is done",
    }),
  holds: holdsBy(needs, ({ vm }) => [{ kind: "vm", ref: vm.id }]),
});
