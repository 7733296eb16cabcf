import { BangerError } from "../lib/errors.ts";

/** COMMAND_LINE_SIZE of x86 is 2048 with the final NUL (arch/x86/include/asm/setup.h); what is longer is cut silently. */
const MAX_COMMAND_LINE_BYTES = 2047;

/**
 * Returns the line if a kernel can read it whole.
 *
 * @param reservedBytes what the VMM adds to it.
 * @throws BangerError `VM_SPEC_INVALID` when it is too long or holds a line break.
 */
export function checkCommandLine(line: string, reservedBytes: number): string {
  const length = Buffer.byteLength(line) + reservedBytes;
  if (length > MAX_COMMAND_LINE_BYTES) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: `the kernel command line is too long`,
      why: `it would have ${length} bytes with its devices, and the kernel reads ${MAX_COMMAND_LINE_BYTES}`,
      fix: "pass less to the guest on its command line",
    });
  }
  // oxlint-disable-next-line no-control-regex -- these are what must not be there
  if (/[\x00-\x1f]/.test(line)) {
    throw new BangerError("VM_SPEC_INVALID", {
      what: "the kernel command line holds a control character",
      fix: "remove line breaks and tabs from what is passed to the guest",
    });
  }
  return line;
}
