import { formatBytes } from "../../lib/bytes.ts";
import type { Image, ImageView, OciConfig } from "../../model/image.ts";
import { facts, table } from "./table.ts";
import { ago } from "./times.ts";

type Fact = readonly [name: string, value: string];

/** All that is worth knowing of an image, for people. */
export function imageText(image: ImageView): string {
  const { packedFrom, layers, history } = image;
  const parts = [facts(generalFacts(image)), section("What its VMs run", facts(configFacts(image.config)))];
  if (layers.length > 0) parts.push(section("Layers, lowest first", layerTable(layers)));
  if (packedFrom !== undefined && packedFrom.layers.length > 0) {
    parts.push(section("Layers that it was made of, elsewhere", layerTable(packedFrom.layers)));
  }
  if (history.length > 0) {
    const rows = history.map(({ at, did, from }) => [ago(at), did, from?.name ?? ""]);
    parts.push(section("Done to it since", table(["WHEN", "WHAT", "FROM"], rows)));
  }
  return parts.join("\n\n");
}

function generalFacts(image: ImageView): Fact[] {
  const { platform, system, rootfs, workSeed, reference, digest, packedFrom } = image;
  const { os, architecture, variant } = platform;
  const init = system.init === "none" ? "none of its own: banger's agent" : system.init;
  return [
    ["Image", `${image.name} (${image.id})`],
    ["Came by", `${image.origin}, ${ago(image.createdAt)}${image.managed ? "" : "; its files are yours"}`],
    ...optional("Reference", reference),
    ...optional("Digest", digest),
    ...optional("Packed from", packedFrom && [packedFrom.reference, packedFrom.digest].filter(Boolean).join(" ")),
    ["Platform", [os, architecture, variant].filter((part) => part !== undefined).join("/")],
    ["System", `${system.osName ?? "no os-release"}; init: ${init}`],
    ["Kernel", image.kernel],
    ["Root disk", `${formatBytes(rootfs.sizeBytes)}, ${formatBytes(rootfs.usedBytes)} of it in use; ${rootfs.path}`],
    ...optional("Work seed", workSeed && `${formatBytes(workSeed.sizeBytes)}; ${workSeed.path}`),
    ["On this host", formatBytes(image.size)],
    ["Agent", agentText(image)],
    ...optional("Trouble", image.trouble.join("; ")),
  ];
}

function agentText({ name, agent, agentDigest = "", agentVersion, managed }: ImageView): string {
  if (agent === "none") return "none";
  const version = agentVersion === undefined ? "" : ` (banger ${agentVersion})`;
  if (agent === "current") return `${agentDigest}${version}, as this banger would put in`;
  const mend = managed ? `; put in this one's with: banger image refresh ${name}` : "";
  return `${agentDigest}${version}, another banger's${mend}`;
}

function configFacts(config: OciConfig): Fact[] {
  const { entrypoint, cmd, user, workingDir, env, exposedPorts, volumes, stopSignal, labels } = config;
  return [
    ["Entrypoint", words(entrypoint)],
    ["Command", words(cmd)],
    ["User", user === "" ? "root" : user],
    ["Folder", workingDir === "" ? "/" : workingDir],
    ["Environment", env.join("  ")],
    ["Ports", exposedPorts.join(", ")],
    ["Volumes", volumes.join(", ")],
    ["Stop signal", stopSignal ?? "SIGTERM"],
    [
      "Labels",
      Object.entries(labels)
        .map(([name, value]) => `${name}=${value}`)
        .join("  "),
    ],
  ];
}

function layerTable(layers: Image["layers"]): string {
  const rows = layers.map(({ digest, sizeBytes, mediaType }) => [digest, formatBytes(sizeBytes), mediaType]);
  return table(["DIGEST", "SIZE", "TYPE"], rows);
}

function section(heading: string, text: string): string {
  return `${heading}:\n${text.replaceAll(/^/gm, "  ")}`;
}

function optional(name: string, value: string | undefined): Fact[] {
  return value === undefined || value === "" ? [] : [[name, value]];
}

/** As a shell would take them. */
function words(list: readonly string[]): string {
  return list.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
}
