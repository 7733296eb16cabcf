import { z } from "zod";
import { brokenViewSchema } from "../../model/broken-view.ts";
import { shapeOf } from "../../model/fields/schema-of.ts";
import { VOLUME_CREATE_FIELDS, VOLUME_RESIZE_FIELDS } from "../../model/fields/volume-fields.ts";
import { objectNameSchema } from "../../model/names.ts";
import { volumeViewSchema } from "../../model/volume.ts";
import { route } from "../route.ts";
import * as s from "../schemas.ts";

/** What can be asked of volumes. */
export const volumeRoutes = {
  volumeList: route({
    kind: "call",
    method: "GET",
    path: "/v1/volumes",
    summary: "List volumes",
    input: s.noInput,
    result: z.array(z.union([volumeViewSchema, brokenViewSchema])),
  }),
  volumeInspect: route({
    kind: "call",
    method: "GET",
    path: "/v1/volumes/{ref}",
    summary: "Show a volume",
    input: s.refInput,
    result: volumeViewSchema,
  }),
  volumeCreate: route({
    kind: "operation",
    method: "POST",
    path: "/v1/volumes",
    summary: "Make an empty volume",
    input: z.strictObject({ name: objectNameSchema, ...shapeOf(VOLUME_CREATE_FIELDS, {}) }),
    result: volumeViewSchema,
  }),
  volumeResize: route({
    kind: "operation",
    method: "POST",
    path: "/v1/volumes/{ref}/resize",
    summary: "Make a volume larger that no running VM has; the next guest that writes to it grows its file system",
    input: z.strictObject({ ref: s.refSchema, ...shapeOf(VOLUME_RESIZE_FIELDS, {}) }),
    result: volumeViewSchema,
  }),
  volumeDelete: route({
    kind: "call",
    method: "DELETE",
    path: "/v1/volumes/{ref}",
    summary: "Delete a volume that no VM mounts, with all that is in it",
    input: s.deleteInput,
    result: s.nothing,
  }),
};
