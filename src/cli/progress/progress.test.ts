import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { ProgressEvent } from "../../lib/progress.ts";
import { bars } from "./bars.ts";
import { lines } from "./lines.ts";
import { endLine, liveLine, logLine } from "./progress-line.ts";

const pulling: ProgressEvent = {
  id: "layer:a",
  label: "pulling layer ab12",
  done: 45 * 1024 ** 2,
  total: 90 * 1024 ** 2,
  unit: "bytes",
  status: "running",
};

function terminal(rows: number, columns: number) {
  const stream = Object.assign(new PassThrough(), { isTTY: true, rows, columns });
  return { stream, text: () => String(stream.read() ?? "") };
}

test("a line says how far, in its unit", () => {
  assert.equal(liveLine(pulling, 0, 80), "| pulling layer ab12  [============>           ]  45 MiB of 90 MiB");
  assert.equal(logLine(pulling), "pulling layer ab12: 45 MiB of 90 MiB (50%)");
  assert.equal(logLine({ id: "boot", label: "booting", status: "running" }), "booting …");
  assert.equal(
    endLine({ ...pulling, status: "done", note: "63 MiB in 1.2 s" }),
    "done  pulling layer ab12: 63 MiB in 1.2 s",
  );
  assert.equal(endLine({ id: "x", label: "booting", status: "failed" }), "failed  booting");
});

test("no line is wider than the terminal, and no number breaks a bar", () => {
  for (const columns of [20, 40, 80]) {
    for (const [done, total] of [
      [0, 0],
      [5, 3],
      [-1, 3],
      [3, 3],
      [Number.NaN, 1],
    ] as const) {
      const line = liveLine({ ...pulling, label: "x".repeat(200), done, total }, 1, columns);
      assert.ok(line.length < columns, `${line.length} of ${columns}`);
    }
  }
});

test("in a log an id has a line when it begins, when it ends, and seldom between", () => {
  const { stream, text } = terminal(24, 80);
  let now = 0;
  const view = lines(stream, () => now);
  for (const at of [0, 100, 4_900, 5_100, 5_200]) {
    now = at;
    view.sink(pulling);
  }
  view.sink({ ...pulling, status: "done" });
  assert.deepEqual(text().trim().split("\n"), [
    "pulling layer ab12: 45 MiB of 90 MiB (50%)",
    "pulling layer ab12: 45 MiB of 90 MiB (50%)",
    "done  pulling layer ab12",
  ]);
});

test("bars fit the terminal, what has ended stays above, and the cursor comes back", () => {
  const { stream, text } = terminal(4, 80);
  const view = bars(stream);
  view.sink({ id: "0", label: "first", status: "done" });
  for (let id = 1; id <= 9; id += 1) view.sink({ id: String(id), label: `job ${id}`, status: "running" });
  text();
  view.finish();
  const last = text();
  assert.ok(last.endsWith("\u001B[?25h"));
  const fresh = bars(stream);
  for (let id = 1; id <= 9; id += 1) fresh.sink({ id: String(id), label: `job ${id}`, status: "running" });
  fresh.sink({ id: "1", label: "job 1", status: "done" });
  fresh.finish();
  const drawn = text();
  assert.ok(drawn.includes("done  job 1\n"));
  fresh.finish();
  assert.equal(text(), "");
});

test("more ids than the terminal has lines are counted", async () => {
  const { stream } = terminal(4, 80);
  const drawings: string[] = [];
  stream.on("data", (chunk: Buffer) => drawings.push(chunk.toString()));
  const view = bars(stream);
  for (let id = 1; id <= 9; id += 1) view.sink({ id: String(id), label: `job ${id}`, status: "running" });
  while (!drawings.some((drawing) => drawing.includes("and 7 more"))) {
    const { promise, resolve } = Promise.withResolvers<void>();
    stream.once("data", () => resolve());
    await promise;
  }
  view.finish();
  assert.ok(drawings.every((drawing) => drawing.split("\n").length <= 4));
});
