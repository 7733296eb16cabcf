import assert from "node:assert/strict";
import { test } from "node:test";
import headless from "@xterm/headless";
import { openScreen } from "./repaint.ts";

const SIZE = { rows: 8, cols: 40 };

interface Seen {
  readonly lines: readonly string[];
  readonly cursor: readonly [number, number];
  readonly isAlternate: boolean;
  readonly modes: unknown;
  readonly colours: readonly number[];
}

/** What a terminal shows that was given these bytes. */
async function shownBy(bytes: string | Uint8Array, size = SIZE): Promise<Seen> {
  const terminal = new headless.Terminal({ ...size, scrollback: 0, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(bytes, resolve));
  const { active } = terminal.buffer;
  const rows = Array.from({ length: size.rows }, (_, y) => active.getLine(y));
  return {
    lines: rows.map((row) => row?.translateToString(true) ?? ""),
    cursor: [active.cursorX, active.cursorY],
    isAlternate: active.type === "alternate",
    modes: terminal.modes,
    colours: rows.map((row) => row?.getCell(0)?.getFgColor() ?? -2),
  };
}

async function repainted(printed: string, pieceBytes = 7): Promise<string> {
  const screen = await openScreen(SIZE);
  const bytes = Buffer.from(printed);
  for (let at = 0; at < bytes.length; at += pieceBytes) await screen.print(bytes.subarray(at, at + pieceBytes));
  const text = screen.repaint();
  screen.close();
  return text;
}

const SCREENS = {
  "lines that have scrolled": Array.from({ length: 50 }, (_, n) => `line ${n}`).join("\r\n"),
  "colours and a cursor": "\u001b[31mred\u001b[0m plain\r\n\u001b[42mgreen\u001b[0m\u001b[5;3Hhere",
  "a program on the alternate screen":
    "shell$ vi\r\n\u001b[?1049h\u001b[2J\u001b[Htext\r\n~\r\n~\u001b[8;1H-- INSERT --\u001b[1;3H",
  "wide characters": "日本語 ü\r\n✓ done",
  "modes for keys, mouse and paste": "\u001b[?1h\u001b=\u001b[?2004h\u001b[?1002h",
  margins: "\u001b[2;5r\u001b[3;1Hinside",
};

for (const [name, printed] of Object.entries(SCREENS)) {
  test(`who comes late sees ${name} as it is`, async () => {
    assert.deepEqual(await shownBy(await repainted(printed)), await shownBy(printed));
  });
}

test("what is shown elsewhere is told from it", async () => {
  const painted = await shownBy(await repainted("one"));
  assert.notDeepEqual(painted, await shownBy("two"));
  assert.notDeepEqual(painted, await shownBy("one\u001b[H"));
});

test("a screen that was full of something else is drawn over", async () => {
  const before = `\u001b[?1049h\u001b[3;4r\u001b[41m${"x".repeat(400)}`;
  assert.deepEqual((await shownBy(before + (await repainted("clean")))).lines, (await shownBy("clean")).lines);
});

test("a cursor that is hidden, its style, and how the mouse is told stay so", async () => {
  const text = await repainted("\u001b[?25l\u001b[?1006h\u001b[5 q");
  for (const kept of ["\u001b[?25l", "\u001b[?1006h", "\u001b[5 q"]) assert.ok(text.includes(kept), kept);
  assert.ok(!(await repainted("\u001b[?25l\u001bcplain")).includes("\u001b[?25"));
});

test("margins are drawn with their cursor", async () => {
  const after = "\r\n\n\n\n\nx";
  const printed = SCREENS.margins;
  assert.deepEqual(await shownBy((await repainted(printed)) + after), await shownBy(printed + after));
});

test("history of any length becomes one screen", async () => {
  const history = Array.from({ length: 20_000 }, (_, n) => `\u001b[${(n % 8) + 1};1H\u001b[Kframe ${n}`).join("");
  const text = await repainted(history, 65_536);
  assert.ok(text.length < 1000, `${text.length} bytes`);
  assert.deepEqual(await shownBy(text), await shownBy(history));
});

test("another size is taken, and none that is out of all bounds", async () => {
  const screen = await openScreen({ rows: 65_535, cols: 65_535 });
  screen.resize({ rows: 3, cols: 10 });
  await screen.print(Buffer.from("a line that is longer\r\nend"));
  const small = { rows: 3, cols: 10 };
  assert.deepEqual((await shownBy(screen.repaint(), small)).lines, ["t is longe", "r", "end"]);
  screen.resize({ rows: 0, cols: 0 });
  screen.close();
});
