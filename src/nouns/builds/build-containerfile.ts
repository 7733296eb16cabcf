import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { removeTree } from "../../lib/destroy.ts";
import { BangerError, asBangerError } from "../../lib/errors.ts";
import { findExecutable } from "../../lib/find-executable.ts";
import { newId } from "../../lib/ids.ts";
import { installHint } from "../../lib/install-hint.ts";
import { run } from "../../lib/process.ts";
import type { OperationContext } from "../../lib/progress.ts";
import type { Image } from "../../model/image.ts";
import { digestTree, readScript } from "./build-inputs.ts";
import {
  CONTAINER_BUILDERS,
  forgetContainer,
  type ContainerBuild,
  type ContainerBuilder,
} from "./container-builders.ts";
import { builtKey } from "./content-key.ts";
import { pullImage, type ImageContext } from "../images/index.ts";
import { intentKind } from "../../core/intents.ts";
import type { Settler } from "../../core/recovery.ts";

export interface ContainerfileRequest {
  readonly name: string;
  /** Path of the Containerfile (or Dockerfile). */
  readonly containerfile: string;
  /** The folder whose files it may copy. */
  readonly context: string;
  readonly kernel?: string | undefined;
}

/** A Containerfile that a program of the host builds into its own store. */
const CONTAINER_BUILD = intentKind("build.container", z.object({ builder: z.string(), tag: z.string() }));

const PROBE_MS = 20_000;

/**
 * Has a container builder of the host build a Containerfile, and makes an image of what comes out, as of any container
 * image; nothing is done when file and folder are as they were. The builder's own cache is its own; the image is taken out of its store again.
 *
 * @throws BangerError `TOOL_MISSING` where no builder can be used, `BUILD_FAILED`; what a pull gives cause to.
 */
export async function buildContainerfile(
  context: ImageContext,
  request: ContainerfileRequest,
  operation: OperationContext,
): Promise<Image> {
  const { layout, store, log } = context;
  const { signal, progress } = operation;
  const script = await readScript(request.containerfile);
  const key = keyOf(script.digest, await digestTree(request.context, signal));
  const existing = store.images.find(request.name);
  if (existing !== undefined && builtKey(existing) === key) {
    progress({ id: "image", label: `image ${request.name} is up to date`, status: "done" });
    return existing;
  }
  const builder = await chooseBuilder(signal);
  const id = newId("ctr");
  const work = join(layout.workDir, id);
  const build: ContainerBuild = {
    containerfile: request.containerfile,
    context: request.context,
    archive: join(work, "image.tar"),
    tag: `localhost/banger-build:${id}`,
  };
  const kept = { builder: builder.name, tag: build.tag };
  const intent = store.intents.begin(CONTAINER_BUILD, id, kept);
  let how: "done" | "undone" = "undone";
  try {
    await mkdir(work, { recursive: true, mode: 0o700 });
    progress({
      id: "builder",
      label: `building ${basename(request.containerfile)} by ${builder.name}`,
      status: "running",
    });
    await runBuilder(builder, build, operation);
    progress({ id: "builder", label: `built ${basename(request.containerfile)} by ${builder.name}`, status: "done" });
    const pulled = await pullImage(
      context,
      {
        reference: `${builder.archive}:${build.archive}`,
        name: request.name,
        kernel: request.kernel,
        insecure: false,
        allowHost: false,
      },
      operation,
    );
    how = "done";
    if (pulled.origin === "build") return pulled;
    const did = `containerfile: ${basename(request.containerfile)}, by ${builder.name}`;
    const history = [{ at: pulled.createdAt, did, key, scriptDigest: script.digest }];
    return store.images.transition(pulled.id, "built", { reference: undefined, origin: "build", history });
  } finally {
    await removeTree(layout.workDir, id, "named by the open intent build.container");
    await forgetContainer(kept).then(
      () => store.intents.end(intent, how),
      (error: unknown) => log.warn({ err: error, ...kept }, "the builder keeps an image; the next daemon tries again"),
    );
  }
}

/** Its work in progress is gone by then; what is left is the image in the builder's own store. */
export const SETTLE_CONTAINER_BUILD: Settler = {
  kind: CONTAINER_BUILD,
  settle: async ({ payload }) => {
    await forgetContainer(CONTAINER_BUILD.payload.parse(payload));
    return "undid a build of a Containerfile";
  },
};

/** The same file and the same folder are not built twice under a name. What FROM names may have moved on meanwhile. */
function keyOf(scriptDigest: string, contextDigest: string): string {
  const text = ["banger containerfile 1", scriptDigest, contextDigest].join("\0");
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

async function runBuilder(
  builder: ContainerBuilder,
  build: ContainerBuild,
  { signal, progress }: OperationContext,
): Promise<void> {
  const said: string[] = [];
  const onStderrLine = (line: string): void => {
    said.push(line);
    if (said.length > 20) said.shift();
    progress({ id: "builder", label: builder.name, status: "running", output: `${line}\n` });
  };
  for (const { file, args } of builder.plan(build)) {
    try {
      await run(file, args, { signal, onStderrLine, graceMs: 20_000, maxOutputBytes: 64 * 1024 ** 2 });
    } catch (cause) {
      signal.throwIfAborted();
      throw new BangerError("BUILD_FAILED", {
        what: `${builder.name} could not build ${build.containerfile}`,
        why: said.length > 0 ? `its last lines:\n${said.join("\n")}` : asBangerError(cause).message,
        fix: "mend it and build again; nothing was kept",
        cause,
      });
    }
  }
}

/** The first builder that is here and can build. */
async function chooseBuilder(signal: AbortSignal): Promise<ContainerBuilder> {
  const why: string[] = [];
  for (const builder of CONTAINER_BUILDERS) {
    const found = await findExecutable(builder.name);
    if (found === undefined) {
      why.push(`${builder.name} is not installed`);
      continue;
    }
    try {
      await run(found, builder.probe, { signal, timeoutMs: PROBE_MS });
      return builder;
    } catch (error) {
      signal.throwIfAborted();
      why.push(`${builder.name} does not work: ${asBangerError(error).why ?? ""}`);
    }
  }
  throw new BangerError("TOOL_MISSING", {
    what: "no program here builds a Containerfile",
    why: why.join("; "),
    fix: installHint("buildah"),
    data: { tried: CONTAINER_BUILDERS.map(({ name }) => name) },
  });
}
