import { z } from "zod";
import { GUEST_FILE_FIELDS } from "../../model/fields/guest-file-fields.ts";
import { shapeOf } from "../../model/fields/schema-of.ts";
import { guestFileEventSchema, guestFilePageSchema, guestFileSchema, storedSchema } from "../../model/guest-file.ts";
import { route } from "../route.ts";
import { nothing, refInput } from "../schemas.ts";

const MAX_ATTRIBUTES = 100;

const path = z.string().min(1).max(4095).describe("in the guest; below the user's home unless it begins with a slash");
const mode = z
  .string()
  .regex(/^[0-7]{1,4}$/, "must be up to four octal digits, as in 644")
  .optional()
  .describe("permission bits in octal, as in 644");
const { user, owner, follow } = shapeOf(GUEST_FILE_FIELDS, {});

const placeInput = z.strictObject({ ...refInput.shape, path, user });
const TAR = "application/x-tar";

/** What can be asked of the files in a running VM. */
export const vmFileRoutes = {
  vmFileRead: route({
    kind: "text",
    method: "GET",
    path: "/v1/vms/{ref}/files",
    summary: "Read a file of a running VM, or a part of it",
    media: "application/octet-stream",
    input: placeInput.extend({
      offset: z.number().int().min(0).default(0).describe("of the first byte"),
      length: z.number().int().min(0).optional().describe("at most so many bytes"),
    }),
    result: z.string(),
  }),
  vmFileWrite: route({
    kind: "upload",
    method: "PUT",
    path: "/v1/vms/{ref}/files",
    summary: "Write a file of a running VM; it gets its name when all of it is there",
    media: "application/octet-stream",
    input: placeInput.extend({
      mode,
      owner,
      parents: z.boolean().default(false).describe("make the folders above it where they are not there"),
      exclusive: z.boolean().default(false).describe("fail if something is there"),
    }),
    result: storedSchema,
  }),
  vmFileRemove: route({
    kind: "call",
    method: "DELETE",
    path: "/v1/vms/{ref}/files",
    summary: "Remove a file, a link or a folder of a running VM",
    input: placeInput.extend({ recursive: z.boolean().default(false).describe("a folder with all that is in it") }),
    result: nothing,
  }),
  vmFileStat: route({
    kind: "call",
    method: "GET",
    path: "/v1/vms/{ref}/files/stat",
    summary: "Tell of a file in a running VM",
    input: placeInput.extend({ follow, attributes: z.boolean().default(false).describe("its extended ones, too") }),
    result: guestFileSchema,
  }),
  vmFileList: route({
    kind: "call",
    method: "GET",
    path: "/v1/vms/{ref}/files/list",
    summary: "List a folder of a running VM, in the order of paths, a page at a time",
    input: placeInput.extend({
      depth: z.number().int().min(1).max(64).default(1).describe("so many folders deep"),
      limit: z.number().int().min(1).max(1000).default(1000).describe("of the page"),
      after: z.string().max(4095).default("").describe("the last path of the page before"),
    }),
    result: guestFilePageSchema,
  }),
  vmFileMkdir: route({
    kind: "call",
    method: "POST",
    path: "/v1/vms/{ref}/files/mkdir",
    summary: "Make a folder in a running VM",
    input: placeInput.extend({
      parents: z.boolean().default(false).describe("those above it, too; one that is there is no error then"),
      mode,
      owner,
    }),
    result: nothing,
  }),
  vmFileMove: route({
    kind: "call",
    method: "POST",
    path: "/v1/vms/{ref}/files/move",
    summary: "Give a file or folder of a running VM another path",
    input: placeInput.extend({
      to: path,
      replace: z.boolean().default(false).describe("what stands there gives way, if rename(2) lets it"),
    }),
    result: nothing,
  }),
  vmFileChange: route({
    kind: "call",
    method: "POST",
    path: "/v1/vms/{ref}/files/change",
    summary: "Change mode, owner, time or extended attributes of a file in a running VM",
    input: placeInput.extend({
      follow,
      mode,
      owner,
      mtime: z.number().optional().describe("seconds since 1970"),
      attributes: z.record(z.string().max(255), z.base64()).default({}).describe("to be set, as base64"),
      removeAttributes: z.array(z.string().max(255)).max(MAX_ATTRIBUTES).default([]),
    }),
    result: nothing,
  }),
  vmFileWatch: route({
    kind: "text",
    method: "GET",
    path: "/v1/vms/{ref}/files/watch",
    summary: "Follow what happens to files in a running VM, a JSON object a line",
    media: "application/x-ndjson",
    input: placeInput.extend({
      recursive: z.boolean().default(false).describe("in the folders below, too, and in those that come"),
    }),
    result: guestFileEventSchema,
  }),
  vmArchiveRead: route({
    kind: "text",
    method: "GET",
    path: "/v1/vms/{ref}/archive",
    summary: "Pack a file or folder of a running VM as a tar archive",
    media: TAR,
    input: placeInput.extend({
      name: z.string().max(255).default("").describe("of the top in the archive; as in the guest where it is absent"),
      follow,
    }),
    result: z.string(),
  }),
  vmArchiveWrite: route({
    kind: "upload",
    method: "PUT",
    path: "/v1/vms/{ref}/archive",
    summary: "Unpack a tar archive into a folder of a running VM; names and links stay below it",
    media: TAR,
    input: placeInput.extend({
      owner,
      parents: z.boolean().default(false).describe("make the folder where it is not there"),
      keep: z.boolean().default(false).describe("fail where something is there already, but for folders"),
    }),
    result: storedSchema,
  }),
};
