"""tap-cable.py PID DEVICE PID DEVICE

Joins two TAP devices in the network namespaces of two processes, as a cable would: what one side's kernel sends, the
other's hears. So a namespace plays a guest, and is at the device that a VMM would open. Says "ready" when it is plugged in.
"""

import ctypes
import fcntl
import os
import select
import struct
import sys

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000


def plug(pid, device):
    with open(f"/proc/{pid}/ns/net") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI))
    return tap


one, other = plug(*sys.argv[1:3]), plug(*sys.argv[3:5])
print("ready", flush=True)
across = {one: other, other: one}
while True:
    for end in select.select([one, other], [], [])[0]:
        frame = os.read(end, 70_000)
        try:
            os.write(across[end], frame)
        except OSError:
            pass  # The other side is down: the frame is lost, as on a cable.
