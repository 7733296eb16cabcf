import { z } from "zod";
import { brokenViewSchema } from "../../model/broken-view.ts";
import { shapeOf } from "../../model/fields/schema-of.ts";
import {
  WORKSPACE_FETCH_FIELDS,
  WORKSPACE_FIELDS,
  WORKSPACE_PULL_FIELDS,
} from "../../model/fields/workspace-fields.ts";
import { pulledSchema, pushedSchema, workspaceViewSchema } from "../../model/workspace.ts";
import { route } from "../route.ts";
import * as s from "../schemas.ts";

const hostPath = z.string().startsWith("/", "must be an absolute path on the daemon's host").max(4096);
const fetched = shapeOf(WORKSPACE_FETCH_FIELDS, {});

/** What can be asked of workspaces: work trees of this host in VMs. */
export const workspaceRoutes = {
  workspaceList: route({
    kind: "call",
    method: "GET",
    path: "/v1/workspaces",
    summary: "List workspaces",
    input: s.noInput,
    result: z.array(z.union([workspaceViewSchema, brokenViewSchema])),
  }),
  workspaceInspect: route({
    kind: "call",
    method: "GET",
    path: "/v1/workspaces/{ref}",
    summary: "Show a workspace",
    input: s.refInput,
    result: workspaceViewSchema,
  }),
  workspaceCreate: route({
    kind: "operation",
    method: "POST",
    path: "/v1/workspaces",
    summary: "Copy a work tree of git's into a VM, as it is",
    input: z.strictObject({
      directory: hostPath.describe("A folder of the work tree"),
      ...shapeOf(WORKSPACE_FIELDS, {}),
    }),
    result: workspaceViewSchema,
  }),
  workspacePull: route({
    kind: "operation",
    method: "POST",
    path: "/v1/workspaces/{ref}/pull",
    summary: "Bring home what was done in a workspace: as a branch, a patch, or applied to the work tree",
    input: z.strictObject({ ref: s.refSchema, ...shapeOf(WORKSPACE_PULL_FIELDS, {}) }),
    result: pulledSchema,
  }),
  workspacePush: route({
    kind: "operation",
    method: "POST",
    path: "/v1/workspaces/{ref}/push",
    summary: "Bring newer commits of the work tree into the workspace",
    input: s.refInput,
    result: pushedSchema,
  }),
  workspaceDiff: route({
    kind: "text",
    method: "GET",
    path: "/v1/workspaces/{ref}/diff",
    summary: "Show what was changed in a workspace, as a patch",
    input: z.strictObject({
      ref: s.refSchema,
      stat: z.boolean().default(false).describe("Only how much of each file"),
      ...fetched,
    }),
    result: z.string(),
  }),
  workspaceLog: route({
    kind: "text",
    method: "GET",
    path: "/v1/workspaces/{ref}/log",
    summary: "Show the commits that were made in a workspace",
    input: z.strictObject({ ref: s.refSchema, maxFileBytes: fetched.maxFileBytes }),
    result: z.string(),
  }),
  workspaceDelete: route({
    kind: "operation",
    method: "DELETE",
    path: "/v1/workspaces/{ref}",
    summary: "Delete a workspace; what has not come home is lost",
    input: z.strictObject({
      ref: s.refSchema,
      force: z.boolean().default(false).describe("even if work would be lost, or its record cannot be read"),
    }),
    result: s.nothing,
  }),
};
