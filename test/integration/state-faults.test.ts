import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { DATABASE_FAULTS, restoreDatabase, saveDatabase } from "../helpers/database-faults.ts";
import { madeUpState } from "../helpers/made-up-state.ts";
import { seededNumbers } from "../helpers/seeded-numbers.ts";
import { TestHost } from "../helpers/test-host.ts";

const ROUNDS = Number(process.env["BANGER_FAULT_ROUNDS"] ?? 8);
const SEED = Number(process.env["BANGER_FAULT_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

test(`no byte is lost by daemons that are killed over databases that are not theirs (seed ${SEED})`, async () => {
  await using host = await TestHost.start();
  const next = seededNumbers(SEED);
  const state = await madeUpState(host.env);
  assert.equal((await host.json<unknown[]>(["vm", "list"])).length, 2);
  await host.ok(["daemon", "stop"]);
  const before = await state.hashes();
  const former = join(host.folder, "former.db");
  await saveDatabase(state.layout, former);
  const faults = Object.entries(DATABASE_FAULTS);
  for (let round = 0; round < ROUNDS; round += 1) {
    const [name = "", inflict] = faults[Math.floor(next() * faults.length)] ?? [];
    const said = `round ${round}: ${name}`;
    const good = join(host.folder, "good.db");
    await saveDatabase(state.layout, good);
    await inflict?.(state.layout, former, next);
    // Killed as it starts, or after it has refused.
    const delay = Math.floor(next() * 400);
    const asked = host.banger(["vm", "list"], { timeoutMs: 60_000 });
    await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, delay))]);
    for (const pid of await host.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    }
    await asked;
    assert.deepEqual(await state.hashes(), before, said);
    const recovered = next() < 0.5 ? undefined : await host.banger(["daemon", "recover"]);
    if (recovered !== undefined && recovered.code !== 0) assert.match(recovered.stderr, /nothing to recover/, said);
    await host.banger(["daemon", "stop"]);
    // Of what reads well, but for a damaged row, nothing is rebuilt.
    if (recovered?.code !== 0) await restoreDatabase(state.layout, good);
    const vms = await host.json<{ name: string }[]>(["vm", "list"]);
    assert.deepEqual(vms.map((vm) => vm.name).toSorted(), ["box-0", "box-1"], said);
    await host.ok(["daemon", "stop"]);
    assert.deepEqual(await state.hashes(), before, said);
  }
});
