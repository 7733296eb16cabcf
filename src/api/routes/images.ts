import { z } from "zod";
import { sentImageSchema } from "../../model/artefact.ts";
import { brokenViewSchema } from "../../model/broken-view.ts";
import { imageViewSchema } from "../../model/image.ts";
import { route } from "../route.ts";
import * as s from "../schemas.ts";

/** What can be asked of images. */
export const imageRoutes = {
  imageList: route({
    kind: "call",
    method: "GET",
    path: "/v1/images",
    summary: "List images",
    input: s.noInput,
    result: z.array(z.union([imageViewSchema, brokenViewSchema])),
  }),
  imageInspect: route({
    kind: "call",
    method: "GET",
    path: "/v1/images/{ref}",
    summary: "Show an image",
    input: s.refInput,
    result: imageViewSchema,
  }),
  imagePull: route({
    kind: "operation",
    method: "POST",
    path: "/v1/images/pull",
    summary: "Turn a container image into a VM image",
    input: s.imagePullInput,
    result: imageViewSchema,
  }),
  imagePush: route({
    kind: "operation",
    method: "POST",
    path: "/v1/images/{ref}/push",
    summary: "Send an image to a registry, with its kernel, as another banger pulls it",
    input: s.imagePushInput,
    result: sentImageSchema,
  }),
  imageExport: route({
    kind: "operation",
    method: "POST",
    path: "/v1/images/{ref}/export",
    summary: "Write an image into an archive on the daemon's host, with its kernel",
    input: s.imageExportInput,
    result: sentImageSchema,
  }),
  imageFiles: route({
    kind: "text",
    method: "GET",
    path: "/v1/images/{ref}/files",
    summary: "List files in an image, without booting it: one JSON object a line (src/model/image-file.ts)",
    input: s.imageFilesInput,
    result: z.string(),
  }),
  imageFile: route({
    kind: "text",
    method: "GET",
    path: "/v1/images/{ref}/file",
    summary: "Read a file in an image, without booting it",
    input: s.imageFileInput,
    result: z.string(),
  }),
  imageRegister: route({
    kind: "operation",
    method: "POST",
    path: "/v1/images/register",
    summary: "Take files on this host as an image, where they lie",
    input: s.imageRegisterInput,
    result: imageViewSchema,
  }),
  imagePromote: route({
    kind: "operation",
    method: "POST",
    path: "/v1/images/{ref}/promote",
    summary: "Copy a registered image's files into what banger owns",
    input: s.refInput,
    result: imageViewSchema,
  }),
  imageRefresh: route({
    kind: "operation",
    method: "POST",
    path: "/v1/images/{ref}/refresh",
    summary: "Put this banger's agent into an image that has another",
    input: s.refInput,
    result: imageViewSchema,
  }),
  imageDelete: route({
    kind: "call",
    method: "DELETE",
    path: "/v1/images/{ref}",
    summary: "Delete an image that no VM uses",
    input: s.deleteInput,
    result: s.nothing,
  }),
};
