import type { Check, DoctorReport } from "../../model/doctor.ts";
import { plainText } from "./plain-text.ts";

const COLOURS: Readonly<Record<Check["result"], string>> = {
  ok: "\u001B[32m",
  warn: "\u001B[33m",
  fail: "\u001B[31m",
};
const PLAIN = "\u001B[0m";

/** A line for each check; for one that is not well also why it matters, and what mends it. */
export function doctorText({ checks, canRunVms, accel }: DoctorReport, colour: boolean): string {
  const width = Math.max(0, ...checks.map(({ name }) => name.length));
  const indent = " ".repeat(6 + width + 2);
  const lines = checks.flatMap(({ name, result, summary, why, fix }) => {
    const word = colour ? `${COLOURS[result]}${result.padEnd(4)}${PLAIN}` : result.padEnd(4);
    const head = `${word}  ${name.padEnd(width)}  ${oneLine(summary)}`;
    if (result === "ok") return [head];
    return [head, `${indent}why: ${oneLine(why)}`, ...(fix === undefined ? [] : [`${indent}fix: ${oneLine(fix)}`])];
  });
  return [...lines, "", verdict(canRunVms, accel)].join("\n");
}

function verdict(canRunVms: boolean, accel: DoctorReport["accel"]): string {
  if (!canRunVms) return "VMs cannot run on this host until what failed is mended.";
  return accel === "kvm"
    ? "VMs can run on this host, by KVM."
    : "VMs can run on this host, by TCG: the processor is emulated, which is slower.";
}

function oneLine(text: string): string {
  return plainText(text).replaceAll("\n", " ");
}
