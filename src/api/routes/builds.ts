import { imageViewSchema } from "../../model/image.ts";
import { route } from "../route.ts";
import * as s from "../schemas.ts";

/** What makes images by working in VMs and in containers. */
export const buildRoutes = {
  imageBuild: route({
    kind: "operation",
    method: "POST",
    path: "/v1/images/build",
    summary: "Make an image of another by running a script in it",
    input: s.imageBuildInput,
    result: imageViewSchema,
  }),
  imageBuildContainerfile: route({
    kind: "operation",
    method: "POST",
    path: "/v1/images/build-containerfile",
    summary: "Build a Containerfile by buildah, docker or buildctl, and make an image of it",
    input: s.imageBuildContainerfileInput,
    result: imageViewSchema,
  }),
};
