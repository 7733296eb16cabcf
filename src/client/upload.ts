import { readJson, successOf } from "./answers.ts";
import type { Exchange } from "./http-exchange.ts";

/**
 * A body of bytes whose length nobody knows yet. The connection is kept after the answer: a server that closed it while we
 * still send would have us find that it is closed before we find what it said.
 */
const FIELDS = {
  "Content-Type": "application/octet-stream",
  "Transfer-Encoding": "chunked",
  Connection: "keep-alive",
};

/**
 * Sends a body as its source gives it, no faster than it is taken, and returns the answer. One that comes before all was
 * sent, as a refusal does, ends the sending.
 *
 * @param open makes the request; it is closed here.
 * @throws what the source threw: then the request is cut off, and the server knows that it was not all.
 */
export async function upload(
  body: AsyncIterable<Uint8Array>,
  open: (fields: Readonly<Record<string, string>>) => Promise<Exchange>,
): Promise<unknown> {
  using request = await open(FIELDS);
  let hasAnswer = false;
  const answered = (async () => {
    try {
      return await readJson(await successOf(request.answer));
    } finally {
      hasAnswer = true;
    }
  })();
  answered.catch(() => {});
  const sending = (async (): Promise<void> => {
    for await (const bytes of body) {
      if (hasAnswer || !(await request.send(bytes))) return;
    }
    request.endBody();
  })();
  sending.catch(() => {});
  // The answer of one that failed to be sent is that it failed.
  await Promise.race([answered, sending]);
  // Awaited here: the request is closed when this returns.
  return await answered;
}
