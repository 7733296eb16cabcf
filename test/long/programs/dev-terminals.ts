import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { ROOT } from "../../helpers/test-host.ts";
import { missingPrograms } from "./dev-host.ts";
import { HostTerminal } from "./host-terminal.ts";
import type { ProgramGuest } from "./program-guest.ts";

const SIZES = [
  [80, 24],
  [132, 43],
  [40, 10],
] as const;
const WIDE = "plain 漢字かな交じり文 ｗｉｄｅ 😀 naïve Ελληνικά кириллица é́ end";
const PASTED_BYTES = 64 * 1024;
const BANGER = join(ROOT, "build/bin/banger");

/** The two ways to a terminal in a guest, up to the words of the command. */
const WAYS = {
  "vm exec -t": (name: string, command: string) => [BANGER, "vm", "exec", "-t", name, "--", "sh", "-c", command],
  "vm ssh": (name: string, command: string) => [BANGER, "vm", "ssh", name, "-t", "--", command],
};

/** Programs that draw on a whole screen, by both ways to a terminal in the guest. */
export function terminalTests(guest: () => ProgramGuest): void {
  const skip = missingPrograms("tmux", "ssh");
  for (const [way, words] of Object.entries(WAYS)) {
    const open = (command: string) =>
      HostTerminal.open(guest().host, words(guest().name, `export LANG=C.UTF-8; exec ${command}`));

    test(`terminal by ${way}: tmux follows its window, and draws what it should`, { skip }, async () => {
      const server = `tmux -L ${way.replaceAll(" ", "-")}`;
      await guest().write("/root/wide.txt", Buffer.from(`${WIDE}\n`.repeat(30)), "644");
      await using terminal = await open(
        `${server} -u new-session -s tried 'cat /root/wide.txt; PS1="at-rest# " bash --norc'`,
      );
      await terminal.shows(/at-rest#/);
      const size = `${server} display -p -t tried '#{client_width}x#{client_height}'`;
      const sameAsInside = async (columns: number, rows: number): Promise<void> => {
        assert.equal(await until(() => guest().run(size), `${columns}x${rows}`), `${columns}x${rows}`);
        const inside = async () =>
          (await guest().run(`${server} capture-pane -p -t tried`))
            .split("\n")
            .map((row) => row.trimEnd())
            .join("\n");
        const wanted = await inside();
        const outside = async () => (await terminal.screen()).slice(0, -1).join("\n").trim();
        assert.equal(await until(outside, wanted), wanted);
        assert.match(wanted, /漢字かな交じり文/);
      };
      for (const [columns, rows] of SIZES) {
        await terminal.resize(columns, rows);
        await sameAsInside(columns, rows);
      }
      for (let turn = 0; turn < 100; turn += 1) await terminal.resize(60 + (turn % 50), 12 + (turn % 17));
      await terminal.resize(101, 31);
      await sameAsInside(101, 31);
      await terminal.press("C-d");
      assert.equal(await terminal.ended(), 0);
    });

    test(`terminal by ${way}: vim knows its columns, and shows wide characters`, { skip }, async () => {
      await guest().write("/root/wide.txt", Buffer.from(`${WIDE}\n`.repeat(5)), "644");
      await using terminal = await open("vim --clean /root/wide.txt");
      await terminal.shows(/wide\.txt" 5L/);
      for (const [columns, rows] of SIZES.toReversed()) {
        await terminal.resize(columns, rows);
        const size = new RegExp(`^columns ${columns} lines ${rows}\\b`, "m");
        // What vim is asked before it has heard of its new size, it answers by the old one.
        for (let tries = 60; !size.test((await terminal.screen()).join("\n")); tries -= 1) {
          assert.ok(tries > 0, (await terminal.screen()).join("\n"));
          await terminal.type(":echo 'columns' &columns 'lines' &lines");
          await setTimeout(1000);
        }
      }
      assert.equal((await terminal.screen())[0], WIDE);
      await terminal.type(":q!");
      assert.equal(await terminal.ended(), 0);
    });

    test(`terminal by ${way}: Ctrl-Z stops, fg goes on, Ctrl-C ends`, { skip }, async () => {
      await using terminal = await open("env PS1='$?# ' bash --norc");
      await terminal.shows(/^0# $|^0#/m);
      // What is typed while bash still edits its line is not echoed by the terminal, on any machine: wait for the reader.
      await terminal.type("sh -c 'echo reads; exec cat'");
      await terminal.shows(/^reads$/m);
      await terminal.type("said once");
      await terminal.shows(/said once\nsaid once/);
      await terminal.press("C-z");
      await terminal.shows(/Stopped +sh -c[^]*148#/);
      await terminal.type("fg");
      await terminal.shows(/148# fg\nsh -c/);
      await terminal.type("said again");
      await terminal.shows(/said again\nsaid again/);
      await terminal.press("C-c");
      await terminal.shows(/\^C\n130#/);
      await terminal.type("exit 7");
      assert.equal(await terminal.ended(), 7);
    });

    test(`terminal by ${way}: a paste of 64 KiB in brackets arrives as it is`, { skip }, async () => {
      await guest().run("rm -f /root/pasted");
      await using terminal = await open("vim --clean -c 'set autoindent' /root/pasted");
      await terminal.shows(/\[New\]|New File/i);
      await terminal.press("i");
      await terminal.shows(/INSERT/);
      // Each line is indented: typed rather than pasted, it would indent the next one.
      const line = `    ${WIDE}\n`;
      const text = line.repeat(Math.ceil(PASTED_BYTES / Buffer.byteLength(line)));
      await terminal.paste(text);
      await terminal.shows(new RegExp(`${text.split("\n").length},\\d`));
      await terminal.press("Escape");
      await terminal.type(":wq");
      assert.equal(await terminal.ended(), 0);
      // vim ends the last line, which is empty here, as it does any other.
      const wanted = createHash("sha256").update(`${text}\n`).digest("hex");
      assert.equal(await guest().run("sha256sum </root/pasted | cut -c-64"), wanted);
    });
  }
}

/** What is told at last, once it is what is wanted or two minutes have passed. */
async function until(tell: () => Promise<string>, wanted: string): Promise<string> {
  for (const end = Date.now() + 120_000; ; await setTimeout(250)) {
    const told = await tell();
    if (told === wanted || Date.now() > end) return told;
  }
}
