import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { removeFile, replaceFile } from "../../lib/destroy.ts";
import { asBangerError } from "../../lib/errors.ts";
import { syncDirectory, temporaryBeside } from "../../lib/files.ts";
import type { OperationContext } from "../../lib/progress.ts";
import { archivePlace, moved, unwritable } from "./archive-place.ts";
import { digestAlgorithm, digestHex, digestOf, startDigest, finishDigest, type Digest } from "../manifest/digest.ts";
import { digestMismatch, sizeMismatch } from "../source/image-source.ts";
import { OCI_INDEX } from "../manifest/media-types.ts";
import type { OutgoingBlob, OutgoingImage } from "./push-image.ts";
import { ARCHIVE_END, fileHeader, padding } from "../../formats/tar/tar-writer.ts";

const REF_NAME = "org.opencontainers.image.ref.name";

/**
 * Writes an image as an OCI layout in a tar archive, which skopeo, podman and `oci-archive:FILE` here read. The file
 * appears whole or not at all, in place of a file at most ({@link archivePlace}), and the same image makes the same bytes.
 *
 * @param name what the image is called within the archive.
 * @throws BangerError `FILE_UNREADABLE`, `DISK_FULL`; `DIGEST_MISMATCH`, `SIZE_MISMATCH` if a blob is not what its descriptor says.
 */
export async function exportArchive(
  path: string,
  image: OutgoingImage,
  name: string,
  operation: OperationContext,
): Promise<Digest> {
  const digest = digestOf(image.manifest);
  const entry = { mediaType: image.mediaType, digest, size: image.manifest.length, annotations: { [REF_NAME]: name } };
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] }));
  const place = await archivePlace(path);
  const temp = temporaryBeside(place);
  try {
    const file = await open(temp, "wx", 0o644);
    try {
      await addFile(file, "oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
      await addFile(file, "index.json", index);
      await addFile(file, blobName(digest), image.manifest);
      const written = new Set<Digest>([digest]);
      for (const blob of image.blobs) {
        if (written.has(blob.descriptor.digest)) continue;
        written.add(blob.descriptor.digest);
        await addBlob(file, blob, operation);
      }
      await file.writeFile(ARCHIVE_END);
      await file.sync();
    } finally {
      await file.close();
    }
    // What came to stand there while it was written counts, too.
    if ((await archivePlace(path)) !== place) throw moved(path);
    await replaceFile(temp, place, "asked for by image export; there is nothing, or a file, as was just seen");
    await syncDirectory(dirname(place));
    return digest;
  } catch (error) {
    await removeFile(temp, "a temporary name of this process");
    throw unwritable(path, error) ?? asBangerError(error);
  }
}

async function addFile(file: FileHandle, name: string, data: Uint8Array): Promise<void> {
  await file.writeFile(Buffer.concat([fileHeader(name, data.length), data, padding(data.length)]));
}

async function addBlob(
  file: FileHandle,
  { descriptor, open }: OutgoingBlob,
  operation: OperationContext,
): Promise<void> {
  const { digest, size } = descriptor;
  const algorithm = digestAlgorithm(digest);
  const hash = startDigest(algorithm);
  await file.writeFile(fileHeader(blobName(digest), size));
  let done = 0;
  const event = {
    id: `export:${digest}`,
    label: `writing ${digest.slice(7, 19)}`,
    total: size,
    unit: "bytes",
  } as const;
  for await (const chunk of open()) {
    operation.signal.throwIfAborted();
    done += chunk.length;
    if (done > size) throw sizeMismatch(descriptor, done);
    hash.update(chunk);
    await file.writeFile(chunk);
    operation.progress({ ...event, done, status: "running" });
  }
  if (done !== size) throw sizeMismatch(descriptor, done);
  const found = finishDigest(algorithm, hash);
  if (found !== digest) throw digestMismatch(digest, found);
  await file.writeFile(padding(size));
  operation.progress({ ...event, done, status: "done" });
}

function blobName(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}
