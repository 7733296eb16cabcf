import { z } from "zod";
import { brokenViewSchema } from "../../model/broken-view.ts";
import { catalogViewSchema } from "../../model/kernel-catalog.ts";
import { kernelSchema } from "../../model/kernel.ts";
import { route } from "../route.ts";
import * as s from "../schemas.ts";

/** What can be asked of kernels. */
export const kernelRoutes = {
  kernelList: route({
    kind: "call",
    method: "GET",
    path: "/v1/kernels",
    summary: "List kernels",
    input: s.noInput,
    result: z.array(z.union([kernelSchema, brokenViewSchema])),
  }),
  kernelInspect: route({
    kind: "call",
    method: "GET",
    path: "/v1/kernels/{ref}",
    summary: "Show a kernel",
    input: s.refInput,
    result: kernelSchema,
  }),
  kernelCatalogs: route({
    kind: "call",
    method: "GET",
    path: "/v1/kernel-catalogs",
    summary: "Read the configured catalogs, and say what each offers",
    input: s.noInput,
    result: z.array(catalogViewSchema),
  }),
  kernelPull: route({
    kind: "operation",
    method: "POST",
    path: "/v1/kernels/pull",
    summary: "Get a kernel from where its makers publish it, verified",
    input: s.kernelPullInput,
    result: kernelSchema,
  }),
  kernelBuild: route({
    kind: "operation",
    method: "POST",
    path: "/v1/kernels/build",
    summary: "Build a kernel from source, on this host",
    input: s.kernelBuildInput,
    result: kernelSchema,
  }),
  kernelImport: route({
    kind: "operation",
    method: "POST",
    path: "/v1/kernels/import",
    summary: "Copy a kernel from files on this host",
    input: s.kernelImportInput,
    result: kernelSchema,
  }),
  kernelDelete: route({
    kind: "call",
    method: "DELETE",
    path: "/v1/kernels/{ref}",
    summary: "Delete a kernel that no image and no VM uses",
    input: s.deleteInput,
    result: s.nothing,
  }),
};
