import type { Counts, ToldTest } from "./counts.ts";

/** One line of `go test -json` (cmd/test2json, type TestEvent), and of `go build -json` (ImportPath). */
export interface GoEvent {
  readonly Action: string;
  readonly Package?: string;
  readonly ImportPath?: string;
  readonly Test?: string;
  readonly Output?: string;
}

/** Counts the events of a `go test -json` as they come, and says what of them a person wants to read. */
export class GoTally {
  #passed = 0;
  readonly #failed: ToldTest[] = [];
  readonly #skipped: ToldTest[] = [];
  /** Output of tests that have not ended yet; what passes is not shown. */
  readonly #output = new Map<string, string[]>();
  readonly #packagesWithFailedTests = new Set<string>();

  get counts(): Counts {
    return { passed: this.#passed, failed: [...this.#failed], skipped: [...this.#skipped] };
  }

  /** Takes one event; returns text to print now, often none. */
  take(event: GoEvent): string {
    const id = `${event.Package ?? event.ImportPath ?? ""} ${event.Test ?? ""}`;
    if (event.Action === "output" || event.Action === "build-output") {
      this.#output.set(id, [...(this.#output.get(id) ?? []), event.Output ?? ""]);
      return event.Action === "build-output" ? this.#takeOutput(id) : "";
    }
    if (!["pass", "fail", "skip"].includes(event.Action)) return "";
    const output = this.#takeOutput(id);
    return event.Test === undefined ? this.#endPackage(event, output) : this.#endTest(event, event.Test, output);
  }

  #endTest(event: GoEvent, test: string, output: string): string {
    if (event.Action === "pass") {
      this.#passed += 1;
      return "";
    }
    if (event.Action === "skip") {
      this.#skipped.push({ name: test, reason: skipReason(output) });
      return "";
    }
    this.#failed.push({ name: `${event.Package ?? ""}: ${test}`, reason: output.trimEnd() });
    this.#packagesWithFailedTests.add(event.Package ?? "");
    return output;
  }

  /** A package fails without a failed test when it does not build, or when its test program dies. */
  #endPackage(event: GoEvent, output: string): string {
    const { Package: name = "" } = event;
    if (event.Action === "fail" && !this.#packagesWithFailedTests.has(name)) {
      this.#failed.push({ name, reason: output.trimEnd() });
    }
    if (event.Action === "skip") return ""; // It has no tests.
    return event.Action === "pass" ? output.replace(/^PASS\n/, "") : output;
  }

  #takeOutput(id: string): string {
    const output = (this.#output.get(id) ?? []).join("");
    this.#output.delete(id);
    return output;
  }
}

/** t.Skip's words stand on a line of their own: `    file_test.go:12: no /dev/vsock here`. */
function skipReason(output: string): string {
  return /^\s+\S+_test\.go:\d+: (.+)$/m.exec(output)?.[1] ?? "";
}
