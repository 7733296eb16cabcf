import { BangerError } from "../../lib/errors.ts";
import { isDigest, type Digest } from "../manifest/digest.ts";

/** An image in a registry. */
export interface RegistryReference {
  readonly kind: "registry";
  /** Host, with a port where one was given: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  readonly repository: string;
  /** Absent only when there is a digest. */
  readonly tag: string | undefined;
  /** Where both stand, the digest decides and the tag is for people. */
  readonly digest: Digest | undefined;
}

/** An image in a folder or file of this host. */
export interface LocalReference {
  readonly kind: "oci" | "oci-archive" | "docker-archive";
  readonly path: string;
  /** Which image, where there are several: a tag, or the name that the archive gives it. */
  readonly name: string | undefined;
}

export type ImageReference = RegistryReference | LocalReference;

// The grammar of github.com/distribution/reference.
const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const MAX_REPOSITORY_LENGTH = 255;

export const DOCKER_HUB = "docker.io";

/**
 * Reads what a user calls an image: `debian`, `ghcr.io/owner/app:1.2`, `localhost:5000/a@sha256:…`,
 * `oci:FOLDER[:NAME]`, `oci-archive:FILE[:NAME]`, `docker-archive:FILE[:NAME]`. Short names are Docker Hub's.
 *
 * @throws BangerError `REFERENCE_INVALID`.
 */
export function parseReference(text: string): ImageReference {
  const local = /^(oci|oci-archive|docker-archive):(.*)$/s.exec(text);
  if (local !== null) return parseLocal(text, local[1] as LocalReference["kind"], local[2] ?? "");
  return parseRegistry(text, text.replace(/^docker:\/\//, ""));
}

/** The canonical spelling, which {@link parseReference} reads back to the same. */
export function formatReference(reference: ImageReference): string {
  if (reference.kind !== "registry") {
    return `${reference.kind}:${reference.path}${reference.name === undefined ? "" : `:${reference.name}`}`;
  }
  const { registry, repository, tag, digest } = reference;
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

function parseLocal(text: string, kind: LocalReference["kind"], rest: string): LocalReference {
  // As skopeo does: the path ends at the first colon, since names have colons of their own (`app:1.0`).
  const colon = rest.indexOf(":");
  const path = colon === -1 ? rest : rest.slice(0, colon);
  const name = colon === -1 ? undefined : rest.slice(colon + 1);
  if (path === "" || path.includes("\0")) throw invalid(text, "it names no path");
  if (name === "") throw invalid(text, "nothing stands after the colon");
  return { kind, path, name };
}

function parseRegistry(text: string, rest: string): RegistryReference {
  const at = rest.indexOf("@");
  const digest = at === -1 ? undefined : rest.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) throw invalid(text, `"${digest}" is not a sha256 or sha512 digest`);
  const named = at === -1 ? rest : rest.slice(0, at);

  const colon = named.lastIndexOf(":");
  const hasTag = colon > named.lastIndexOf("/");
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `"${tag}" is not a tag`);

  const { registry, repository } = splitHost(hasTag ? named.slice(0, colon) : named);
  if (!HOST.test(registry)) throw invalid(text, `"${registry}" is not a registry's host`);
  if (!REPOSITORY.test(repository)) {
    const why = /[A-Z]/.test(repository) ? "repositories are lower-case" : `"${repository}" is not a repository`;
    throw invalid(text, why);
  }
  if (repository.length > MAX_REPOSITORY_LENGTH) {
    throw invalid(text, `the repository is longer than ${MAX_REPOSITORY_LENGTH} characters`);
  }
  return { kind: "registry", registry, repository, tag: tag ?? (digest === undefined ? "latest" : undefined), digest };
}

function splitHost(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  // A first part is a host only where it cannot be the owner in a short name.
  if (!/[.:A-Z]/.test(first) && first !== "localhost") return onDockerHub(name);
  const repository = name.slice(slash + 1);
  if (first === DOCKER_HUB || first === "index.docker.io") return onDockerHub(repository);
  return { registry: first, repository };
}

function onDockerHub(repository: string): { registry: string; repository: string } {
  return { registry: DOCKER_HUB, repository: repository.includes("/") ? repository : `library/${repository}` };
}

function invalid(text: string, why: string): BangerError {
  return new BangerError("REFERENCE_INVALID", {
    what: `"${text}" is not an image reference`,
    why,
    fix: "write it like debian:bookworm, ghcr.io/owner/app:1.2, oci:FOLDER:TAG or docker-archive:FILE",
  });
}
