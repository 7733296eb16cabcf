import { KERNEL_FEATURES, type FeatureState, type KernelAbilities, type KernelFeature } from "../../model/kernel.ts";

/** What a kernel's `.config` says of what a guest needs. */
export function featuresOf(config: string): NonNullable<KernelAbilities["features"]> {
  const set = new Map<string, string>();
  for (const line of config.split("\n")) {
    const match = /^(CONFIG_\w+)=(.*)$/.exec(line);
    if (match !== null) set.set(match[1] ?? "", match[2] ?? "");
  }
  const states: readonly (readonly [string, FeatureState])[] = Object.entries(KERNEL_FEATURES).map(
    ([feature, option]) => [feature, stateOf(set.get(option))],
  );
  return Object.fromEntries(states) as Record<KernelFeature, FeatureState>;
}

function stateOf(value: string | undefined): FeatureState {
  if (value === "y") return "builtin";
  return value === "m" ? "module" : "absent";
}
