import type { TestHost } from "./test-host.ts";
import { LAB, runIn } from "./network-lab.ts";

/** What a VM says of its network, as far as tests ask. */
export interface LabVm {
  readonly id: string;
  readonly pid: number;
  readonly network: {
    readonly mode: string;
    readonly via?: string;
    readonly device: string;
    readonly address: string;
    readonly gateway: string;
    readonly why: string;
    readonly processes?: readonly { readonly pid: number }[];
  };
}

/** A VM of the busybox image in a lab, and what it can reach. */
export class LabGuest {
  readonly name: string;
  readonly #host: TestHost;

  private constructor(host: TestHost, name: string) {
    this.#host = host;
    this.name = name;
  }

  /** Creates the VM, with a web server in it that says its name. */
  static async create(host: TestHost, name: string, ...options: readonly string[]): Promise<LabGuest> {
    const spec = ["--image", "busybox", "--memory", "128M", "--vcpus", "1", "--nat", ...options];
    await host.ok(["vm", "create", "--name", name, ...spec]);
    const guest = new LabGuest(host, name);
    await guest.sh(`mkdir -p /www; echo guest ${name} > /www/index.html; busybox httpd -h /www -p 80`);
    return guest;
  }

  inspect(): Promise<LabVm> {
    return this.#host.json<LabVm>(["vm", "inspect", this.name]);
  }

  async address(): Promise<string> {
    return (await this.inspect()).network.address.split("/")[0] ?? "";
  }

  sh(script: string): Promise<string> {
    return this.#host.ok(["vm", "exec", this.name, "--", "sh", "-c", script]);
  }

  /** What a web server answers this guest; empty where it is not reached. */
  async get(address: string, port: number = LAB.port): Promise<string> {
    const asking = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 3 ${address} ${port} 2>/dev/null`;
    return (await this.sh(`${asking} | busybox tail -n 1`)).trim();
  }
}

const ASK = `fetch(process.argv[1], { signal: AbortSignal.timeout(4000) }).then((r) => r.text()).then(console.log)`;

/** What a web server answers who asks from somewhere in a lab; empty where it is not reached. */
export async function getFrom(where: readonly string[], address: string, port: number): Promise<string> {
  const url = `http://${address}:${port}/`;
  return (await runIn(where, process.execPath, ["-e", ASK, url]).catch(() => "")).trim();
}
