import { formatBytes } from "../../lib/bytes.ts";
import type { PausedBecause } from "../../model/paused-because.ts";
import type { VmView } from "../../model/vm.ts";
import type { WorldWishes } from "../../model/world.ts";
import { facts, table } from "./table.ts";
import { ago, duration } from "./times.ts";

type Fact = readonly [name: string, value: string];

/** All that is worth knowing of a VM, for people. */
export function vmText(vm: VmView): string {
  const parts = [facts([...stateFacts(vm), ...machineFacts(vm)])];
  if (vm.disks.length > 0) parts.push(section("Disks", table(["DEVICE", "SIZE", "MADE BY", "FILE"], diskRows(vm))));
  parts.push(section("Network", facts(networkFacts(vm))));
  if (vm.spec.service !== undefined) parts.push(section("Service", facts(serviceFacts(vm))));
  if (vm.services !== undefined && vm.services.length > 0)
    parts.push(section("Part of ready", table(...readiness(vm))));
  if (vm.failure !== undefined && vm.failure.consoleTail !== "") {
    parts.push(section("The end of its console", vm.failure.consoleTail));
  }
  return parts.join("\n\n");
}

const PAUSES: Readonly<Record<PausedBecause["kind"], string>> = {
  "host-disk-full": "host disk full",
  "vmm-stopped": "stopped by its VMM",
};

/** A VM's state, with what nobody asked for behind it. */
export function stateWords({
  state,
  pausedBecause,
  unresponsive,
}: Pick<VmView, "state" | "pausedBecause" | "unresponsive">): string {
  if (unresponsive !== undefined) return `${state}, ${unresponsive.who === "vmm" ? "VMM" : unresponsive.who} silent`;
  return pausedBecause === undefined ? state : `${state} (${PAUSES[pausedBecause.kind]})`;
}

function whyPaused(because: PausedBecause): string {
  if (because.kind === "vmm-stopped") return `its VMM says ${because.reason}, since ${ago(because.since)}`;
  const { disk, path, since } = because;
  return `no room for its ${disk} disk${path === undefined ? "" : `, ${path}`}, since ${ago(since)}; it goes on when there is`;
}

function stateFacts(vm: VmView): Fact[] {
  const { id, name, state, createdAt, startedAt, timings, failure, pausedBecause, unresponsive, reboots, lastStop } =
    vm;
  const isUp = state !== "stopped" && state !== "failed" && state !== "creating";
  const ready = timings.readyMs === undefined ? "" : `, ready after ${duration(timings.readyMs)}`;
  return [
    ["VM", `${name} (${id})`],
    ["State", stateWords(vm)],
    ...optional("Silent", unresponsive && `since ${ago(unresponsive.since)}; ${unresponsive.fix}`),
    ...optional("Why", failure?.what ?? (pausedBecause && whyPaused(pausedBecause))),
    ["Created", ago(createdAt)],
    ...optional("Started", startedAt && isUp ? `${ago(startedAt)}${ready}` : undefined),
    ...optional("Rebooted", reboots && `${times(reboots.count)}, last ${ago(reboots.lastAt)}`),
    // What a VM that failed says above need not be said twice.
    ...optional(
      "Last stop",
      lastStop && `${ago(lastStop.at)}${failure?.what === lastStop.what ? "" : `: ${lastStop.what}`}`,
    ),
  ];
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function machineFacts({ image, kernel, spec, vmm, accel, pid, machine, vmmReason, firstBoot }: VmView): Fact[] {
  const runs = vmm === null ? undefined : `${vmm} ${machine?.version ?? ""} (${accel}), pid ${pid}`;
  const env = Object.keys(spec.env).join(" ");
  return [
    ["Image", image.name],
    ["Kernel", kernel.name],
    ["CPUs", String(spec.vcpus)],
    ["Memory", formatBytes(spec.memoryBytes)],
    ["Init", spec.init],
    ...optional("Runs on", runs),
    ...optional("Why there", vmmReason),
    ...optional("First boot", firstBoot && `installed ${firstBoot.install}; ${firstBoot.log}`),
    // Their values may be secrets.
    ...optional("Variables", env),
    ...optional("Of the host", spec.world && worldText(spec.world)),
  ];
}

/** What was asked for this VM; the configuration may give it more. */
function worldText({ hostCa, hostProxy, timeZone, locale }: WorldWishes): string {
  const proxies = hostProxy === undefined || hostProxy === false ? [] : [hostProxy.http, hostProxy.https];
  const parts = [
    hostCa === undefined ? [] : hostCa ? "authorities" : "no authorities",
    hostProxy === false
      ? "no proxy"
      : [...new Set(proxies)].filter((url) => url !== undefined).map((url) => `proxy ${url}`),
    timeZone === undefined ? [] : `time zone ${timeZone}`,
    locale === undefined ? [] : `locale ${locale}`,
  ];
  return parts.flat().join(", ");
}

function diskRows({ disks }: VmView): string[][] {
  return disks.map(({ device, sizeBytes, strategy, path }) => [device, formatBytes(sizeBytes), strategy, path]);
}

function networkFacts({ network, spec }: VmView): Fact[] {
  if (network.mode === "none") return [["Network", "none; the agent needs none"]];
  const ports = spec.publish.map(
    ({ hostAddress, hostPort, guestPort }) => `${hostAddress}:${hostPort} to ${guestPort}`,
  );
  const allowed = [spec.allowHost ? "this host" : undefined, spec.allowVms ? "other VMs that may" : undefined];
  return [
    ["Made by", network.mode === "user" ? "the VMM" : network.via],
    ["Address", network.address],
    ["Names", network.dns.join(" ")],
    ["Ports", ports.join(", ")],
    ["Also reaches", allowed.filter((place) => place !== undefined).join(", ")],
    ...optional("Why so", network.why),
  ];
}

function serviceFacts({ spec, service }: VmView): Fact[] {
  const words = spec.service?.command ?? [];
  return [
    ["Command", words.length === 0 ? "the image's own" : words.join(" ")],
    ["Again", spec.service?.restart ?? ""],
    ["State", service === undefined ? "not yet told" : `${service.state}, ${ago(service.since)}`],
    ...optional("Last status", service?.exitCode?.toString()),
    ...optional("Restarts", service && service.restarts > 0 ? String(service.restarts) : undefined),
    ...optional("Trouble", service?.error),
  ];
}

function readiness({ services = [] }: VmView): [string[], string[][]] {
  const rows = services.map(({ name, kind, port, state, why, afterMs }) => [
    name,
    `${kind} ${port}`,
    afterMs === undefined ? state : `${state} after ${duration(afterMs)}`,
    why ?? "",
  ]);
  return [["NAME", "PORT", "STATE", "WHY"], rows];
}

function section(heading: string, text: string): string {
  return `${heading}:\n${text.replaceAll(/^/gm, "  ")}`;
}

function optional(name: string, value: string | undefined): Fact[] {
  return value === undefined || value === "" ? [] : [[name, value]];
}
