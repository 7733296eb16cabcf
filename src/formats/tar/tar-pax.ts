import type { ByteString } from "../../model/byte-string.ts";
import { formatInvalid, formatLimit } from "../format-error.ts";

/** Bound on an extended header and on a GNU long name: what Go's archive/tar and others take. */
export const MAX_EXTENDED_BYTES = 1024 ** 2;

/** Records of an extended header. The same keyword again replaces the one before, except in GNU's sparse map 0.0. */
export interface PaxRecords {
  readonly values: ReadonlyMap<ByteString, Buffer>;
  /** GNU.sparse.offset and GNU.sparse.numbytes in their order, as pairs: format 0.0 repeats the keywords. */
  readonly sparsePairs: readonly number[];
}

const SPARSE_PAIR: readonly string[] = ["GNU.sparse.offset", "GNU.sparse.numbytes"];

/**
 * Reads records of the form `LENGTH KEYWORD=VALUE\n`, where the length counts the whole record (POSIX.1-2017, pax,
 * "pax Extended Header"). Values are copied: the block may be reused.
 *
 * @throws FormatError for any record whose length, separator or end is wrong.
 */
export function parsePax(data: Buffer): PaxRecords {
  const values = new Map<ByteString, Buffer>();
  const sparsePairs: number[] = [];
  for (let at = 0; at < data.length;) {
    const { keyword, value, end } = parseRecord(data, at);
    at = end;
    if (!SPARSE_PAIR.includes(keyword)) {
      values.set(keyword, value);
      continue;
    }
    if (keyword !== SPARSE_PAIR[sparsePairs.length % 2]) throw formatInvalid("a sparse map's records are out of order");
    sparsePairs.push(paxInteger(value, keyword));
  }
  return { values, sparsePairs };
}

/** @throws FormatError unless the value is a decimal number from 0 to 2^53 - 1. */
export function paxInteger(value: Buffer, keyword: string): number {
  const text = value.toString("latin1");
  const number = /^0*[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw formatInvalid(`PAX record ${keyword} is not a number in range`);
  return number;
}

/** Seconds and nanoseconds of a PAX time: decimal, perhaps negative, perhaps with a fraction, which may be long. */
export function paxTime(value: Buffer, keyword: string): { seconds: number; nanoseconds: number } {
  const match = /^(-?)0*([0-9]{1,16})(?:\.([0-9]*))?$/.exec(value.toString("latin1"));
  const whole = Number(match?.[2] ?? Number.NaN);
  if (match === null || !Number.isSafeInteger(whole)) throw formatInvalid(`PAX record ${keyword} is not a time`);
  const fraction = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return { seconds: whole, nanoseconds: fraction };
  return fraction === 0
    ? { seconds: whole === 0 ? 0 : -whole, nanoseconds: 0 }
    : { seconds: -whole - 1, nanoseconds: 1e9 - fraction };
}

/** @throws FormatError if the value holds a NUL, which no name can. */
export function paxName(value: Buffer, keyword: string): ByteString {
  if (value.includes(0)) throw formatInvalid(`PAX record ${keyword} holds a NUL`);
  return value.toString("latin1");
}

/** @throws FormatError `limit` if an extended header or long name is larger than {@link MAX_EXTENDED_BYTES}. */
export function checkExtendedSize(size: number): void {
  if (size > MAX_EXTENDED_BYTES) {
    throw formatLimit(`an extended header or long name of ${size} bytes; at most ${MAX_EXTENDED_BYTES} are taken`);
  }
}

function parseRecord(data: Buffer, at: number): { keyword: ByteString; value: Buffer; end: number } {
  let length = 0;
  let digits = at;
  for (; digits < data.length && digits < at + 8; digits++) {
    const digit = (data[digits] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  const end = at + length;
  if (digits === at || data[digits] !== 0x20) throw formatInvalid("a PAX record does not begin with its length");
  if (end > data.length || end <= digits + 1) throw formatInvalid("a PAX record's length is wrong");
  if (data[end - 1] !== 0x0a) throw formatInvalid("a PAX record does not end where its length says");
  const equals = data.indexOf(0x3d, digits + 1);
  if (equals === -1 || equals >= end - 1 || equals === digits + 1) throw formatInvalid("a PAX record has no keyword");
  const keyword = data.toString("latin1", digits + 1, equals);
  if (keyword.includes("\0")) throw formatInvalid("a PAX keyword holds a NUL");
  return { keyword, value: Buffer.from(data.subarray(equals + 1, end - 1)), end };
}
