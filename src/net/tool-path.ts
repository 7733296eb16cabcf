/** Where distributions put nft and ip, beside what a user's PATH names. */
const SYSTEM_FOLDERS = "/usr/sbin:/sbin";

/** Folders in which the tools that make networks are looked for. */
export function toolPath(searchPath = process.env["PATH"] ?? ""): string {
  return searchPath === "" ? SYSTEM_FOLDERS : `${searchPath}:${SYSTEM_FOLDERS}`;
}
