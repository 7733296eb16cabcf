import { BangerError } from "../../lib/errors.ts";
import { isChosenOver } from "../boot/module-choice.ts";
import type { ModuleFacts } from "./module-facts.ts";

/** What modules.dep may come to: 600 KB with a distribution's 4,000 modules. Modules come from outside, too. */
const MAX_DEPENDENCY_BYTES = 64 * 1024 ** 2;

/** A module with what it needs, and its place among the others. */
export interface PlacedModule extends ModuleFacts {
  /** Counted from 0, by `modules.order`: of two that claim one alias, the first is preferred. */
  readonly index: number;
  /** All modules that must be there before it, those that others need last: modprobe loads from the end. */
  readonly dependencies: readonly PlacedModule[];
}

interface Node extends PlacedModule {
  readonly direct: Node[];
  dependencies: readonly Node[];
  users: number;
  rank: number;
}

/**
 * Puts modules in the order of the kernel's build, and finds what each of them depends on: who exports the symbols that it
 * takes. Modules that need one another in a circle have no order, and get none of the circle as dependencies. Of several of
 * one name only the chosen is there.
 *
 * @param order lines of `modules.order`; modules that it does not name come last, by their paths.
 * @throws BangerError `KERNEL_INVALID` where there are more dependencies than modules of any kernel have.
 */
export function resolveDependencies(
  modules: readonly ModuleFacts[],
  order: readonly string[],
): readonly PlacedModule[] {
  const nodes = inOrder(chosen(modules), order).map((facts, index): Node => ({
    ...facts,
    index,
    direct: [],
    dependencies: [],
    users: 0,
    rank: -1,
  }));
  const owners = new Map<string, Node>();
  for (const node of nodes) for (const symbol of node.exports) owners.set(symbol, node);
  for (const node of nodes) {
    const direct = new Set(node.needs.map((symbol) => owners.get(symbol)).filter((owner) => owner !== undefined));
    direct.delete(node);
    node.direct.push(...direct);
    for (const owner of direct) owner.users += 1;
  }
  rank(nodes);
  let left = MAX_DEPENDENCY_BYTES;
  for (const node of nodes) {
    node.dependencies = reachable(node, left);
    left -= node.dependencies.reduce((sum, { path }) => sum + path.length, 0);
    if (left < 0) throw tooEntangled(node.path);
  }
  return nodes;
}

function chosen(modules: readonly ModuleFacts[]): readonly ModuleFacts[] {
  const byName = new Map<string, ModuleFacts>();
  for (const module of modules) {
    const other = byName.get(module.name);
    if (other === undefined || isChosenOver(module.path, other.path)) byName.set(module.name, module);
  }
  return [...byName.values()];
}

function inOrder(modules: readonly ModuleFacts[], order: readonly string[]): ModuleFacts[] {
  const places = new Map(order.map((line, index) => [line, index]));
  const placeOf = ({ path }: ModuleFacts): number => places.get(uncompressed(path)) ?? order.length;
  return modules.toSorted((a, b) => placeOf(a) - placeOf(b) || (a.path < b.path ? -1 : 1));
}

/** `modules.order` is of the build, where nothing is packed yet. */
function uncompressed(path: string): string {
  return path.replace(/\.ko\.(?:gz|xz|zst)$/, ".ko");
}

/** Topologically: a module comes before all that it needs. The same order as depmod's, whose choices are as good as others. */
function rank(nodes: readonly Node[]): void {
  const users = nodes.map((node) => node.users);
  const free = nodes.filter((node) => node.users === 0);
  let ranked = 0;
  for (let node = free.pop(); node !== undefined; node = free.pop()) {
    node.rank = ranked;
    ranked += 1;
    for (const owner of node.direct) {
      users[owner.index] = (users[owner.index] ?? 0) - 1;
      if (users[owner.index] === 0) free.push(owner);
    }
  }
}

/** @param left how many bytes the paths of what is found may take; it stops past that. */
function reachable(node: Node, left: number): Node[] {
  const found = new Set<Node>();
  const open = [...node.direct];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === node || found.has(next) || next.rank === -1) continue;
    found.add(next);
    left -= next.path.length;
    if (left < 0) break;
    for (const owner of next.direct) open.push(owner);
  }
  return [...found].sort((a, b) => a.rank - b.rank);
}

function tooEntangled(path: string): BangerError {
  return new BangerError("KERNEL_INVALID", {
    what: "these kernel modules depend on too many others",
    why: `a list of their dependencies would be larger than ${MAX_DEPENDENCY_BYTES} bytes, at ${path}`,
    fix: "give a copy of /lib/modules/RELEASE",
  });
}
