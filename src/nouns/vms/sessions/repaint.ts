import type { Terminal } from "@xterm/headless";
import type { TerminalSize } from "../../../model/session.ts";

/** A terminal of a size that a guest makes up would take any amount of memory: a cell takes 12 bytes. */
const MAX_ROWS = 500;
const MAX_COLS = 1000;

/** What xterm's serializer leaves out, as far as programs use it: DEC private modes (xterm's ctlseqs, "DECSET"). */
const CURSOR_SHOWN = 25;
const MOUSE_ENCODINGS = [1005, 1006, 1015, 1016];

/** A terminal that nobody looks at. What a session has printed goes in, and the screen as it is comes out. */
export interface Screen {
  print(bytes: Uint8Array): Promise<void>;
  resize(size: TerminalSize): void;
  /** What draws this screen, with its modes, on any terminal of its size. */
  repaint(): string;
  close(): void;
}

/** Makes an empty screen. The emulator is loaded when the first is wanted. */
export async function openScreen(size: TerminalSize): Promise<Screen> {
  const [{ default: headless }, { default: serialize }] = await Promise.all([
    import("@xterm/headless"),
    import("@xterm/addon-serialize"),
  ]);
  const terminal = new headless.Terminal({ ...within(size), scrollback: 0, allowProposedApi: true });
  const serializer = new serialize.SerializeAddon();
  terminal.loadAddon(serializer);
  const noted = noteModes(terminal);
  return {
    print: (bytes) => new Promise((resolve) => terminal.write(bytes, resolve)),
    resize(to) {
      const { rows, cols } = within(to);
      terminal.resize(cols, rows);
    },
    repaint: () => `${CLEAN}${serializer.serialize()}${noted.sequences()}`,
    close: () => terminal.dispose(),
  };
}

/**
 * The other terminal may be in any state: soft reset (DECSTR), the normal screen, and nothing on it. Its scrollback, which is its
 * user's, is left alone.
 */
const CLEAN = "\u001b[!p\u001b[?1049l\u001b[m\u001b[H\u001b[2J";

interface Noted {
  sequences(): string;
}

function noteModes({ parser, buffer, modes }: Terminal): Noted {
  const set = new Map<number, boolean>();
  let cursorStyle: number | undefined;
  let margins: readonly [number, number] | undefined;
  const note = (params: readonly (number | number[])[], isSet: boolean): boolean => {
    for (const mode of params) {
      if (mode === CURSOR_SHOWN || MOUSE_ENCODINGS.includes(Number(mode))) set.set(Number(mode), isSet);
    }
    // Observed only: xterm's own handler goes on with it.
    return false;
  };
  const forget = (): boolean => {
    set.clear();
    [cursorStyle, margins] = [undefined, undefined];
    return false;
  };
  parser.registerCsiHandler({ prefix: "?", final: "h" }, (params) => note(params, true));
  parser.registerCsiHandler({ prefix: "?", final: "l" }, (params) => note(params, false));
  parser.registerCsiHandler({ intermediates: " ", final: "q" }, ([style]) => {
    cursorStyle = Number(style);
    return false;
  });
  parser.registerCsiHandler({ final: "r" }, ([top, bottom]) => {
    margins = Number(top) > 0 && Number(bottom) > 0 ? [Number(top), Number(bottom)] : undefined;
    return false;
  });
  parser.registerCsiHandler({ intermediates: "!", final: "p" }, forget);
  parser.registerEscHandler({ final: "c" }, forget);
  return {
    sequences() {
      const { cursorX, cursorY } = buffer.active;
      const at = `\u001b[${cursorY + 1};${cursorX + 1}H`;
      // Setting the margins moves the cursor; in origin mode its place is counted from them.
      const kept = margins !== undefined && !modes.originMode ? `\u001b[${margins[0]};${margins[1]}r${at}` : "";
      const style = cursorStyle === undefined ? "" : `\u001b[${cursorStyle} q`;
      return kept + style + [...set].map(([mode, isSet]) => `\u001b[?${mode}${isSet ? "h" : "l"}`).join("");
    },
  };
}

function within({ rows, cols }: TerminalSize): TerminalSize {
  return { rows: Math.max(1, Math.min(rows, MAX_ROWS)), cols: Math.max(2, Math.min(cols, MAX_COLS)) };
}
