import { z } from "zod";

const objectId = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);

/** A state of a work tree: the commit that is checked out, and all files as a tree of git's. */
export const workStateSchema = z.object({
  head: objectId.optional(),
  tree: objectId,
});
export type WorkState = z.infer<typeof workStateSchema>;

export const WORKSPACE_STATES = ["creating", "ready"] as const;

/** A copy of a work tree of this host's in a VM. */
export const workspaceSchema = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.iso.datetime(),
  state: z.enum(WORKSPACE_STATES),
  vm: z.object({ id: z.string(), name: z.string() }),
  /** Whether the VM was made for it. */
  ownVm: z.boolean(),
  /** Top of the work tree on this host. */
  directory: z.string(),
  /** Where the copy is in the guest. */
  path: z.string(),
  /** Of the guest, whose it is; empty: root. */
  user: z.string(),
  branch: z.string().optional(),
  shallow: z.boolean(),
  sparse: z.boolean(),
  /** What was brought in last: what the guest has besides is its own work. */
  sent: workStateSchema,
  /** Commit of this host's that was pushed last, though the guest's branch does not have it. */
  pushed: objectId.optional(),
  /** What came home last. */
  pulled: workStateSchema.extend({ at: z.iso.datetime() }).optional(),
  /** What did not go along, or goes as something else. */
  notes: z.array(z.string()),
});
export type Workspace = z.infer<typeof workspaceSchema>;

/** As the API shows it. */
export const workspaceViewSchema = workspaceSchema.extend({
  /** State of its VM; `deleted` where that is gone. */
  vmState: z.string(),
});
export type WorkspaceView = z.infer<typeof workspaceViewSchema>;

/** What came home. */
export const pulledSchema = z.object({
  workspace: workspaceViewSchema,
  /** Where it is now; absent where there was nothing new. */
  branch: z.string().optional(),
  commit: z.string().optional(),
  patch: z.string().optional(),
  applied: z.boolean(),
  commits: z.number().int(),
  /** Paths that are changed, a byte that cannot be shown as `\xNN`. */
  files: z.array(z.string()),
  notes: z.array(z.string()),
});
export type Pulled = z.infer<typeof pulledSchema>;

export const pushedSchema = z.object({
  workspace: workspaceViewSchema,
  commits: z.number().int(),
  /** Whether the guest's branch has them; else they are at `ref` there. */
  forwarded: z.boolean(),
  ref: z.string(),
  why: z.string().optional(),
});
export type Pushed = z.infer<typeof pushedSchema>;
