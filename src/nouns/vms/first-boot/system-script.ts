import type { SystemPlan, SystemStep } from "./system-plan.ts";

/** Begins a line that says how far the script is; `STEP_MARK 2/5 installing systemd`. */
export const STEP_MARK = "banger: step ";

/**
 * A plan as a script for the guest's own /bin/sh (POSIX). It ends at the first step that fails, with that step's exit
 * status, and is safe to run again.
 */
export function systemScript(plan: SystemPlan): string {
  const labelled = plan.steps.filter((step) => step.kind === "run").length;
  let at = 0;
  const lines = plan.steps.flatMap((step) => {
    if (step.kind === "run") at += 1;
    return stepLines(step, `${at}/${labelled}`);
  });
  return [
    "set -eu",
    "umask 022",
    "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C",
    ...Object.entries(plan.env).map(([name, value]) => `export ${name}=${quote(value)}`),
    ...lines,
    ...CHECKS[plan.init],
    "sync",
    "",
  ].join("\n");
}

function stepLines(step: SystemStep, at: string): readonly string[] {
  switch (step.kind) {
    case "run": {
      const [only = [], ...others] = step.choices;
      const mark = `echo ${quote(`${STEP_MARK}${at} ${step.label}`)}`;
      if (others.length === 0) return [mark, `${words(only)}${judge(step.passes)}`];
      const branches = step.choices.map(
        (command, i) =>
          `${i === 0 ? "if" : "elif"} command -v ${quote(command[0] ?? "")} >/dev/null; then ${words(command)}${judge(step.passes)}`,
      );
      const names = step.choices.map((command) => command[0]).join(", ");
      return [mark, ...branches, `else echo ${quote(`none of ${names} is here`)} >&2; exit 127; fi`];
    }
    case "write":
      return [
        `mkdir -p ${quote(step.path.slice(0, step.path.lastIndexOf("/")))}`,
        `printf %s ${quote(step.content)} > ${quote(step.path)}`,
        `chmod ${step.mode} ${quote(step.path)}`,
      ];
    case "remove":
      return [`rm -rf ${step.paths.join(" ")}`];
  }
}

/** What follows a command whose exit status may be one of some that are no failure. */
function judge(passes: readonly number[] = []): string {
  if (passes.length === 0) return "";
  return ` || { status=$?; case $status in ${passes.join("|")}) ;; *) exit "$status" ;; esac; }`;
}

/** That a package manager ended well does not say that an init is there. */
const CHECKS: Readonly<Record<SystemPlan["init"], readonly string[]>> = {
  systemd: [
    "[ -x /usr/lib/systemd/systemd ] || [ -x /lib/systemd/systemd ] || { echo 'there is still no systemd' >&2; exit 1; }",
  ],
  openrc: ["[ -x /sbin/openrc ] && [ -x /sbin/init ] || { echo 'there is still no OpenRC' >&2; exit 1; }"],
};

function words(command: readonly string[]): string {
  return command.map(quote).join(" ");
}

/** One word of a shell's line (POSIX.1-2017, XCU 2.2.2). */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
