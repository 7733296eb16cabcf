/**
 * Whether of two modules of one name the one at a path is taken, as depmod does by itself: what lies below `updates/` goes
 * before what the kernel's package holds (depmod.d(5), `search updates built-in`). Else the order of paths decides, so that
 * the choice does not hang on the order in which a folder is read.
 *
 * @param path below the folder of modules, as the other's.
 */
export function isChosenOver(path: string, other: string): boolean {
  const isUpdate = path.startsWith("updates/");
  return isUpdate === other.startsWith("updates/") ? path < other : isUpdate;
}
