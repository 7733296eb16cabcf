import { toErrorBody } from "../../../lib/errors.ts";
import type { ImageLayer } from "../../../oci/manifest/image-layer.ts";
import { FormatError } from "../../../formats/format-error.ts";
import type { AgentProgram } from "../agent/agent-program.ts";
import type { RootfsReply } from "./rootfs-replies.ts";

/** A root file system to be made of layers, whose bytes come on the maker's stdin one after another. */
export interface RootfsJob {
  /** The file, which must not exist yet. */
  readonly target: string;
  /** What the volume's UUID is derived from, in hex. */
  readonly identity: string;
  readonly layers: readonly ImageLayer[];
  /** Directories that the image wants to exist, by its config. */
  readonly folders: readonly string[];
  readonly agent: AgentProgram;
  /** As it was asked for; made larger where the image does not fit. Roomy where absent. */
  readonly sizeBytes?: number;
}

/** What the daemon tells the maker: the job first, `finish` once the digests of all layers have been checked. */
export type RootfsRequest = { readonly kind: "job"; readonly job: RootfsJob } | { readonly kind: "finish" };

export function failureReply(error: unknown): RootfsReply {
  if (!(error instanceof FormatError))
    return { kind: "failed", ...toErrorBody(error), data: { ...toErrorBody(error).data } };
  const { kind, reason, entry } = error;
  return { kind: "damaged", damage: kind, reason, ...(entry !== undefined && { entry }) };
}
