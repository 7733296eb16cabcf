import { constants } from "node:os";

/** Number of a signal by its name with or without SIG, by its number, or as RTMIN+N; 0 for what is none. */
export function signalNumber(text: string): number {
  const name = text.trim().toUpperCase().replace(/^SIG/, "");
  const realTime = /^RTMIN\+(\d{1,2})$/.exec(name);
  // glibc keeps the first two real-time signals for itself: SIGRTMIN is 34 (signal(7)).
  const number = realTime?.[1] !== undefined ? 34 + Number(realTime[1]) : Number(name);
  if (Number.isInteger(number)) return number >= 1 && number <= 64 ? number : 0;
  return Object.entries(constants.signals).find(([known]) => known === `SIG${name}`)?.[1] ?? 0;
}
