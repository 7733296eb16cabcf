import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sshConfig } from "./dev-guest.ts";
import { missingPrograms } from "./dev-host.ts";
import type { ProgramGuest } from "./program-guest.ts";

const UNIT = `[Unit]
Description=tried by ansible
[Service]
ExecStart=/usr/bin/tried
[Install]
WantedBy=multi-user.target
`;
const CONTROL = `Package: tried
Version: 1.0
Architecture: all
Maintainer: Nobody <nobody@localhost>
Depends: bash
Description: a program that does nothing, for long
`;

const PLAYBOOK = `- hosts: all
  tasks:
    - apt: { deb: "{{ deb }}" }
    - copy: { src: "{{ unit }}", dest: /etc/systemd/system/tried.service, mode: "0640" }
    - service: { name: tried, state: started, enabled: true, daemon_reload: true }
`;
const REBOOT = `- hosts: all
  tasks:
    - slurp: { src: /proc/sys/kernel/random/boot_id }
      register: before
    - reboot: { reboot_timeout: 900, connect_timeout: 20, msg: "by ansible" }
    - slurp: { src: /proc/sys/kernel/random/boot_id }
      register: after
    - assert: { that: "before.content != after.content" }
    - service: { name: tried, state: started }
    - service: { name: tried, state: stopped }
    - apt: { name: tried, state: absent, purge: true }
`;

/** ansible on the host, against the guest. */
export function ansibleTests(guest: () => ProgramGuest): void {
  const skip = missingPrograms("ansible-playbook", "ssh", "dpkg-deb");

  /** Runs a playbook, and gives back all that it said. */
  async function play(name: string, text: string): Promise<{ readonly code: number | null; readonly said: string }> {
    const { host } = guest();
    await writeFile(join(host.folder, name), text);
    const files = { deb: "/root/tried.deb", unit: join(host.folder, "tried.service") };
    const variables = Object.entries(files).flatMap(([key, value]) => ["-e", `${key}=${value}`]);
    const { code, stdout, stderr } = await host.run("ansible-playbook", [...variables, name], { timeoutMs: 1_500_000 });
    return { code, said: stdout.toString("utf8") + stderr };
  }

  test("apt, copy and service do what they say, and nothing the second time", { skip }, async () => {
    const { host } = guest();
    await prepare(guest());
    const copy = `- hosts: all\n  tasks:\n    - copy: { src: ${join(host.folder, "tried.deb")}, dest: /root/tried.deb }\n`;
    const first = await play("first.yml", copy + PLAYBOOK);
    assert.equal(first.code, 0, first.said);
    assert.match(first.said, /changed=4 +unreachable=0 +failed=0/);
    assert.equal(
      await guest().run("systemctl is-active tried; stat -c %a /etc/systemd/system/tried.service"),
      "active\n640",
    );
    const second = await play("first.yml", copy + PLAYBOOK.replace(", daemon_reload: true", ""));
    assert.match(second.said, /changed=0 +unreachable=0 +failed=0/);
  });

  test("reboot sees it come back, and goes on with it", { skip }, async () => {
    const { code, said } = await play("reboot.yml", REBOOT);
    assert.equal(code, 0, said);
    // The reboot, the service's stop and the package's removal; that the service ran was no change.
    assert.match(said, /changed=3 +unreachable=0 +failed=0/);
    const { reboots } = await guest().host.json<{ reboots?: { count: number } }>(["vm", "inspect", guest().name]);
    assert.equal(reboots?.count, 1);
    assert.equal(await guest().run("dpkg -l tried 2>&1 | grep -c ^ii || true"), "0");
  });

  test("a playbook that cannot be done fails", { skip }, async () => {
    const { code, said } = await play("bad.yml", "- hosts: all\n  tasks:\n    - apt: { name: no-such-package }\n");
    assert.equal(code, 2, said);
    assert.match(said, /No package matching 'no-such-package'/);
  });
}

/** What ansible is told, and what it is to bring. */
async function prepare(guest: ProgramGuest): Promise<void> {
  const { host } = guest;
  await mkdir(join(host.folder, "deb/DEBIAN"), { recursive: true });
  await mkdir(join(host.folder, "deb/usr/bin"), { recursive: true });
  await writeFile(join(host.folder, "deb/DEBIAN/control"), CONTROL);
  await writeFile(join(host.folder, "deb/usr/bin/tried"), "#!/bin/bash\nexec sleep infinity\n", { mode: 0o755 });
  assert.equal((await host.run("dpkg-deb", ["--build", "--root-owner-group", "deb", "tried.deb"])).code, 0);
  await writeFile(join(host.folder, "tried.service"), UNIT);
  await writeFile(join(host.folder, "hosts"), "programs.banger ansible_python_interpreter=/usr/bin/python3\n");
  await writeFile(
    join(host.folder, "ansible.cfg"),
    `[defaults]\ninventory = hosts\n[ssh_connection]\nssh_args = -F ${await sshConfig(guest)} -o ControlMaster=auto -o ControlPersist=60s\n`,
  );
}
