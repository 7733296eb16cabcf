import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { cutPowerDuring } from "./power-cut.ts";
import { PROGRAM_KERNELS, ProgramGuest } from "./program-guest.ts";
import { SERVER_PACKAGES } from "./server-packages.ts";

const DATA = "/var/lib/postgresql/15/main";
const BIN = "/usr/lib/postgresql/15/bin";
const SERVICE = "postgresql@15-main";
const PSQL = "psql -XAtq -v ON_ERROR_STOP=1 -F ' ' bench";

/** Balances of pgbench's three tables, and what its history says they should be. */
const SUMS = `select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from pgbench_tellers),
  (select sum(bbalance) from pgbench_branches), (select coalesce(sum(delta), 0) from pgbench_history)`;

/** pgbench, and beside it one who reads: what a reader sees is committed, and so it is on disk. */
const LOAD = `
runuser -u postgres -- ${BIN}/pgbench -c 4 -T 3600 -n bench >/dev/null 2>&1 &
while sleep 0.2; do runuser -u postgres -- ${PSQL} -c 'select count(*) from pgbench_history' >&2; done`;

for (const kernel of PROGRAM_KERNELS) {
  suite(`PostgreSQL under pgbench on ${kernel}`, { timeout: 2_400_000 }, () => {
    let guest: ProgramGuest;

    before(async () => {
      guest = await ProgramGuest.start({ kernel, packages: SERVER_PACKAGES });
      await guest.run(`systemctl stop ${SERVICE}; runuser -u postgres -- ${BIN}/pg_checksums --enable -D ${DATA}`);
      await guest.run(`systemctl start ${SERVICE}`);
      const make = `createdb bench; psql -Xq -c 'create extension amcheck' bench; ${BIN}/pgbench -i -q -s 1 bench`;
      await guest.run(make, { user: "postgres" });
    });

    after(() => guest[Symbol.asyncDispose]());

    const query = (sql: string): Promise<string> => guest.run(`${PSQL} -c "${sql}"`, { user: "postgres" });
    const balances = async (): Promise<ReadonlySet<string>> => new Set((await query(SUMS)).split(" "));
    const rows = async (): Promise<number> => Number(await query("select count(*) from pgbench_history"));
    const ready = (): Promise<string> =>
      guest.run(`for n in $(seq 300); do pg_isready -q && exit; sleep 1; done; exit 1`, { user: "postgres" });
    const amcheck = (): Promise<string> =>
      guest.run(`${BIN}/pg_amcheck --heapallindexed --parent-check bench`, { user: "postgres" });

    test("it does its transactions, and keeps them when the VM is stopped and started", async (t) => {
      t.diagnostic(
        (await guest.run(`${BIN}/pgbench -c 2 -t 50 -n bench`, { user: "postgres" })).split("\n").at(-1) ?? "",
      );
      assert.equal(await rows(), 100);
      await guest.host.ok(["vm", "stop", "--timeout", "120", guest.name]);
      await guest.startAgain();
      await ready();
      assert.equal(await rows(), 100);
      assert.equal((await balances()).size, 1);
      assert.doesNotMatch(
        await guest.run(`journalctl -b -u ${SERVICE}; tail -n 20 /var/log/postgresql/*.log`),
        /recover/,
      );
    });

    test("power cuts under load lose nothing that was committed", async (t) => {
      for (let cut = 1, least = await rows(); cut <= 3; cut += 1) {
        const seen = await cutPowerDuring(guest, LOAD, least + 20);
        await guest.startAgain();
        await ready();
        const kept = await rows();
        t.diagnostic(`cut ${cut}: ${seen} transactions seen, ${kept} kept`);
        assert.ok(kept >= seen, `${kept} of ${seen}`);
        assert.equal((await balances()).size, 1, "balances agree");
        least = kept;
      }
      assert.match(await guest.run("cat /var/log/postgresql/*.log"), /automatic recovery in progress/);
      await amcheck();
    });

    test("its data's checksums are right after all that", async () => {
      await guest.run(`systemctl stop ${SERVICE}`);
      const said = await guest.run(`${BIN}/pg_checksums --check -D ${DATA}`, { user: "postgres" });
      assert.match(said, /^Bad checksums: +0$/m);
    });

    test("what judges it finds a balance and a byte that are wrong", async () => {
      await guest.run(`systemctl start ${SERVICE}`);
      await ready();
      await query("update pgbench_tellers set tbalance = tbalance + 1 where tid = 1");
      assert.ok((await balances()).size > 1);
      const file = await query("select pg_relation_filepath('pgbench_accounts')");
      await guest.run(
        `systemctl stop ${SERVICE}; printf X | dd of=${DATA}/${file} bs=1 seek=20000 conv=notrunc status=none`,
      );
      await assert.rejects(
        guest.run(`${BIN}/pg_checksums --check -D ${DATA}`, { user: "postgres" }),
        /Bad checksums: +1\n/,
      );
    });
  });
}
