import { constants, createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";
import { formatInvalid } from "../format-error.ts";
import { MAX_ZSTD_WINDOW_LOG, splitZstdFrames } from "./zstd-frames.ts";

/** Large pieces: fewer turns between the thread that inflates and the one that reads. */
const CHUNK_BYTES = 1024 ** 2;

/**
 * Unpacks gzip (several members too) or zstd (several frames too). Pieces, here and in `packed`, are good only until the
 * next is asked for: their memory is used again.
 *
 * @throws FormatError if it is damaged or cut off, or something else follows it.
 */
export async function* inflate(packed: AsyncIterable<Buffer>, compression: "gzip" | "zstd"): AsyncGenerator<Buffer> {
  const inflater: Gunzip | ZstdDecompress =
    compression === "gzip"
      ? createGunzip({ chunkSize: CHUNK_BYTES })
      : createZstdDecompress({
          chunkSize: CHUNK_BYTES,
          params: { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_LOG },
        });
  const fed = feed(compression === "gzip" ? packed : splitZstdFrames(packed), inflater);
  inflater.on("error", () => {}); // One that comes when all has been read is told of by `fed` alone.
  fed.catch((error: Error) => inflater.destroy(error));
  try {
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      yield chunk;
      release(chunk);
    }
    await fed;
  } catch (error) {
    if (isZlibError(error)) throw formatInvalid(`its ${compression} data is damaged or cut off (${error.message})`);
    throw error;
  } finally {
    inflater.destroy();
  }
}

/**
 * Hands pieces on, one ahead of the one that is being inflated, so that the thread which inflates finds the next when it is
 * done, whatever else this one does. They are copied, since their memory is used again.
 *
 * Zeros may follow gzip's last member: there zlib ends, calls nobody back, and leaves what has come to be looked at here.
 *
 * @throws FormatError if anything else follows it.
 */
async function feed(packed: AsyncIterable<Buffer>, inflater: Gunzip | ZstdDecompress): Promise<void> {
  const waiting = new Set<() => void>();
  inflater.once("end", () => waiting.forEach((resolve) => resolve()));
  const write = (piece: Buffer): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.add(resolve);
    inflater.write(piece, (error) => {
      waiting.delete(resolve);
      if (error) reject(error);
      else resolve();
    });
    promise.catch(() => {}); // It may not be waited for.
    return promise;
  };
  let memory = Buffer.alloc(0);
  let otherMemory = memory;
  let [previous, latest] = [memory, memory];
  let handedOn = 0;
  const checkRest = (): void => {
    const held = Buffer.concat([previous, latest]);
    checkPadding(held.subarray(held.length - (handedOn - inflater.bytesWritten)));
  };
  let hasEnded = false;
  let before = Promise.resolve();
  for await (const piece of packed) {
    if (hasEnded) {
      checkPadding(piece);
      continue;
    }
    if (memory.length < piece.length) memory = Buffer.allocUnsafeSlow(piece.length);
    piece.copy(memory);
    [previous, latest] = [latest, memory.subarray(0, piece.length)];
    handedOn += piece.length;
    const taken = write(latest);
    await before;
    before = taken;
    [memory, otherMemory] = [otherMemory, memory];
    // Of what it has called back for, zlib leaves something only where it ends.
    hasEnded = inflater.bytesWritten < handedOn - latest.length;
    if (hasEnded) checkRest();
  }
  if (!hasEnded) {
    await before;
    checkRest();
  }
  inflater.end();
}

function checkPadding(bytes: Buffer): void {
  if (bytes.some((byte) => byte !== 0)) throw formatInvalid("something that is not zeros follows its gzip data");
}

/**
 * Gives the memory of a piece back at once. Left to itself, V8 lets tens of megabytes of such buffers pile up, then
 * stops everything to collect them: a quarter of a second in an import of 200 MB. zlib fills a buffer with several
 * pieces; it is done with it once a piece reaches its end.
 */
function release(chunk: Buffer): void {
  const { buffer } = chunk;
  const isLast = chunk.byteOffset + chunk.length === buffer.byteLength;
  if (isLast && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

function isZlibError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    /^(?:Z_|ZSTD_|ERR_ZLIB)/.test(error.code)
  );
}
