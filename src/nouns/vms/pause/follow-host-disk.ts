import { once } from "node:events";
import { setTimeout as after } from "node:timers/promises";
import type { PausedBecause } from "../../../model/paused-because.ts";
import type { Vm } from "../../../model/vm.ts";
import type { DiskError } from "../../../vmm/driver.ts";
import {
  diskManners,
  fullDisk,
  judgeRoom,
  leastRoom,
  mustBeGuarded,
  type DiskManners,
  type DiskVerdict,
} from "../live/host-disk-full.ts";
import type { LiveVm } from "../live/live-vms.ts";
import { pauseVm, resumeVm } from "./pause-vm.ts";
import { noteStall } from "../live/note-stall.ts";
import type { VmContext } from "../vm-context.ts";

/** Linux tells nobody when space is freed: between two looks at it, while a VM waits for it or must be kept from a full disk. */
const LOOK_MS = 1_000;
/** One that stops again as soon as it goes on, with space left, waits twice as long each time, up to this. */
const LONGEST_REST_MS = 60_000;
/** Between two lines in the log about errors of one VM's disks. */
const TELL_MS = 60_000;

/**
 * For as long as a machine lives: writes down when it stopped because the host's disk was full, lets it go on when there is
 * room again, and pauses one beforehand that would not survive it.
 */
export function followHostDisk(context: VmContext, vmId: string, live: LiveVm): void {
  const watch = new HostDiskWatch(context, vmId, live, diskManners(live.machine));
  live.machine.ownStops?.onDiskError((error) => watch.hear(error));
  watch.run().catch((error: unknown) => {
    if (!live.lifetime.aborted) context.log.error({ err: error, vm: vmId }, "its disks' room is watched no longer");
  });
}

class HostDiskWatch {
  readonly #context: VmContext;
  readonly #vmId: string;
  readonly #live: LiveVm;
  readonly #manners: DiskManners;
  #restMs = LOOK_MS;
  #wentOnAt = -Infinity;
  #toldAt = -Infinity;

  constructor(context: VmContext, vmId: string, live: LiveVm, manners: DiskManners) {
    this.#context = context;
    this.#vmId = vmId;
    this.#live = live;
    this.#manners = manners;
  }

  /** An error of a disk, as the VMM tells it. */
  hear({ disk, hasStopped, isFull, reason }: DiskError): void {
    const { log } = this.#context;
    const vm = this.#vm();
    if (vm === undefined) return;
    if (!hasStopped || !isFull) {
      this.#tell(() => log.warn({ vm: vm.name, disk, reason }, "a disk of a VM failed, and the guest was told"));
      return;
    }
    this.#stopped(vm, disk);
  }

  async run(): Promise<void> {
    const { lifetime, stall } = this.#live;
    while (!lifetime.aborted) {
      const vm = this.#vm();
      if (vm === undefined) return;
      if (stall.because !== undefined || this.#isFull(vm) || mustBeGuarded(vm, this.#manners))
        await after(this.#restMs, undefined, { signal: lifetime });
      else await aborted(AbortSignal.any([lifetime, stall.signal]));
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { because } = this.#live.stall;
    if (because !== undefined && this.#vm()?.state === "running") this.#note(because);
    const vm = this.#vm();
    const least = vm === undefined ? undefined : await leastRoom(vm.disks);
    if (vm === undefined || least === undefined) return;
    const guarded = mustBeGuarded(vm, this.#manners);
    const { disk, room } = least;
    const verdict = judgeRoom(room, this.#isFull(vm), guarded, this.#manners.canPause);
    await this.#apply(verdict, vm, disk.id);
  }

  async #apply(verdict: DiskVerdict, vm: Vm, disk: string): Promise<void> {
    const { log } = this.#context;
    switch (verdict) {
      case "leave":
        return;
      case "warn":
        this.#tell(() =>
          log.error(
            { vm: vm.name, disk },
            "the host's disk is almost full: this VM cannot be paused, and will see errors",
          ),
        );
        return;
      case "pause":
        await this.#inTurn("running", async (now, signal) => {
          log.warn({ vm: now.name, disk }, "paused: the host's disk is almost full");
          const paused = await pauseVm(this.#context, now, { signal, progress: () => {} });
          this.#begin(paused, disk);
        });
        return;
      case "go-on":
        this.#wentOnAt = performance.now();
        // A start has the queue to itself until its guest has answered.
        if (vm.state === "starting") {
          await this.#goOnInStart().catch((error: unknown) =>
            log.warn({ err: error, vm: vm.name }, "with the host's disk full"),
          );
        } else
          await this.#inTurn("paused", async (now, signal) => {
            log.info({ vm: now.name }, "goes on: the host's disk has room again");
            await resumeVm(this.#context, now, { signal, progress: () => {} });
          });
    }
  }

  async #goOnInStart(): Promise<void> {
    const { stall, machine, lifetime } = this.#live;
    const { because } = stall;
    stall.end();
    try {
      await machine.resume(lifetime);
    } catch (error) {
      if (because !== undefined) stall.begin(this.#vm()?.name ?? this.#vmId, because);
      throw error;
    }
    this.#live.keepStill(false);
    this.#context.hostClock.emit("jump");
  }

  /** Does something in the VM's turn, if it still is in that state then. What fails is tried again at the next look. */
  async #inTurn(state: Vm["state"], change: (vm: Vm, signal: AbortSignal) => Promise<void>): Promise<void> {
    const { lifetime } = this.#live;
    try {
      await this.#context.queue.run(this.#vmId, lifetime, async () => {
        const now = this.#vm();
        if (now?.state === state && (state !== "paused" || this.#isFull(now))) await change(now, lifetime);
      });
    } catch (error) {
      if (!lifetime.aborted) this.#context.log.warn({ err: error, vm: this.#vmId }, "with the host's disk full");
    }
  }

  #stopped(vm: Vm, disk: string): void {
    const again = performance.now() - this.#wentOnAt < 2 * this.#restMs + LOOK_MS;
    this.#restMs = again ? Math.min(2 * this.#restMs, LONGEST_REST_MS) : LOOK_MS;
    this.#context.log.warn({ vm: vm.name, disk }, "the VM stopped: the host's disk is full");
    this.#begin(vm, disk);
  }

  #begin(vm: Vm, disk: string): void {
    this.#note(fullDisk(vm, disk));
  }

  /** The record may lie on the full disk, too: then it is written at a later look. */
  #note(because: PausedBecause): void {
    try {
      noteStall(this.#context, this.#vmId, this.#live, because);
    } catch (error) {
      this.#tell(() =>
        this.#context.log.error({ err: error, vm: this.#vmId }, "why a VM stands still could not be written down"),
      );
    }
  }

  #isFull(vm: Vm): boolean {
    return (vm.pausedBecause ?? this.#live.stall.because)?.kind === "host-disk-full";
  }

  #tell(words: () => void): void {
    if (performance.now() - this.#toldAt < TELL_MS) return;
    this.#toldAt = performance.now();
    words();
  }

  /** The VM as it is written down now, while this is its machine. */
  #vm(): Vm | undefined {
    return this.#context.live.get(this.#vmId) === this.#live ? this.#context.store.vms.find(this.#vmId) : undefined;
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
