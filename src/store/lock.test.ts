import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findHolder } from "../lib/lock-holder.ts";
import { tryLock } from "./lock.ts";

const HOLD = `
  const { tryLock } = await import(process.argv[1]);
  const lock = tryLock(process.argv[2]);
  process.stdout.write(lock === undefined ? "refused" : "held");
  setInterval(() => lock, 1000);
`;

test("a second process is refused, and a holder that was killed leaves nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "banger-lock-"));
  const path = join(folder, "daemon.lock");
  const module = new URL("./lock.ts", import.meta.url).href;
  const holder = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", HOLD, module, path],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  try {
    const [said] = await once(holder.stdout, "data");
    assert.equal(String(said), "held");
    assert.equal(tryLock(path), undefined);
    assert.equal((await findHolder(path))?.pid, holder.pid);

    holder.kill("SIGKILL");
    await once(holder, "exit");
    const lock = tryLock(path);
    assert.ok(lock !== undefined);
    assert.equal(await findHolder(path), undefined, "nobody but this process");
    lock[Symbol.dispose]();
    tryLock(path)?.[Symbol.dispose]();
  } finally {
    holder.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
});
