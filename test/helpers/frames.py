"""Raw frames for tests of walls. What it sends and hears goes as JSON.

frames.py probe DEVICE MAC    sends each packet of a list on stdin in a frame to MAC; prints what was answered to each, by name
frames.py hear DEVICE         prints "ready", then each IPv4 packet that passes the device, a line each
frames.py listen PORT         prints "ready", then each datagram that comes to that UDP port, on any address
frames.py shout ADDRESS GROUP sends a datagram to a group or to all, out of the interface that has ADDRESS
"""

import json
import select
import socket
import struct
import sys
import time

ETH_ARP, ETH_IPV4, ETH_IPV6 = 0x0806, 0x0800, 0x86DD
ETH_ALL = 3
ICMP, TCP, UDP = 1, 6, 17
MORE_FRAGMENTS = 0x2000
# All probes go out together, so this passes once. An answer takes well under a millisecond, and two through a cable.
ANSWER_SECONDS = 1.0


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(src, dst, protocol, payload, ident, fragment=0):
    def header(check):
        return struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, check,
            socket.inet_aton(src), socket.inet_aton(dst),
        )

    return header(checksum(header(0))) + payload


def with_pseudo(src, dst, protocol, payload, at):
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, protocol, len(payload))
    return payload[:at] + struct.pack("!H", checksum(pseudo + payload)) + payload[at + 2:]


def packets(probe, number):
    """The IP packets of a probe; its number comes back in whatever answers."""
    src, dst, mark = probe["src"], probe["dst"], 40_000 + number
    if probe["kind"] == "tcp":
        syn = struct.pack("!HHIIBBHHH", mark, probe["port"], 1, 0, 0x50, 0x02, 1024, 0, 0)
        protocol, payload = TCP, with_pseudo(src, dst, TCP, syn, 16)
    elif probe["kind"] == "udp":
        datagram = struct.pack("!HHHH", mark, probe["port"], 8 + 5, 0) + b"probe"
        protocol, payload = UDP, with_pseudo(src, dst, UDP, datagram, 6)
    else:
        echo = struct.pack("!BBHHH", 8, 0, 0, mark, 1)
        protocol, payload = ICMP, echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]
    if not probe.get("fragments"):
        return [ipv4(src, dst, protocol, payload, mark)]
    first = ipv4(src, dst, protocol, payload[:8], mark, MORE_FRAGMENTS)
    return [first, ipv4(src, dst, protocol, payload[8:], mark, 1)]


def frames(probe, number, own_mac, mac):
    ether = mac + own_mac
    if probe["kind"] == "arp":
        asked = struct.pack("!HHBBH", 1, ETH_IPV4, 6, 4, 1) + own_mac + socket.inet_aton(probe["src"])
        return [b"\xff" * 6 + own_mac + struct.pack("!H", ETH_ARP) + asked + b"\0" * 6 + socket.inet_aton(probe["dst"])]
    if probe["kind"] == "ping6":
        src, dst = (socket.inet_pton(socket.AF_INET6, probe[end]) for end in ("src", "dst"))
        echo = struct.pack("!BBHHH", 128, 0, 0, 40_000 + number, 1)
        echo = echo[:2] + struct.pack("!H", checksum(src + dst + struct.pack("!II", len(echo), 58) + echo)) + echo[4:]
        header = struct.pack("!IHBB", 0x60000000, len(echo), 58, 255)
        return [ether + struct.pack("!H", ETH_IPV6) + header + src + dst + echo]
    return [ether + struct.pack("!H", ETH_IPV4) + packet for packet in packets(probe, number)]


def parse(frame):
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == ETH_IPV6 and frame[20] == 58 and frame[54] == 129:
        return {"mark": struct.unpack("!H", frame[58:60])[0], "says": "pong"}
    if kind == ETH_ARP and frame[21] == 2:
        return {"arp": socket.inet_ntoa(frame[28:32])}
    if kind != ETH_IPV4:
        return None
    packet = frame[14:]
    body = packet[(packet[0] & 15) * 4:]
    heard = {"src": socket.inet_ntoa(packet[12:16]), "dst": socket.inet_ntoa(packet[16:20]), "protocol": packet[9]}
    if packet[9] == TCP:
        heard["port"], heard["mark"] = struct.unpack("!HH", body[:4])
        heard["to"] = heard["mark"]
        heard["says"] = {0x12: "accepted", 0x14: "refused", 0x04: "refused", 0x02: "asked"}.get(body[13], "more")
    elif packet[9] == UDP:
        heard["port"], heard["mark"] = struct.unpack("!HH", body[:4])
        heard["to"], heard["says"] = heard["mark"], "datagram"
    elif packet[9] == ICMP and body[0] == 0:
        heard["mark"], heard["says"] = struct.unpack("!H", body[4:6])[0], "pong"
    elif packet[9] == ICMP and body[0] == 3:
        inner = body[8:]
        # Our own packet, quoted: the identification is the mark.
        heard["mark"], heard["says"] = struct.unpack("!H", inner[4:6])[0], "refused"
    return heard


def opened(device):
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
    link.bind((device, 0))
    return link


def probe(device, mac):
    link = opened(device)
    own_mac = link.getsockname()[4]
    probes = json.load(sys.stdin)
    for number, one in enumerate(probes):
        for frame in frames(one, number, own_mac, bytes.fromhex(mac.replace(":", ""))):
            link.send(frame)
    answers = {one["name"]: "" for one in probes}
    end = time.monotonic() + ANSWER_SECONDS
    while (left := end - time.monotonic()) > 0 and select.select([link], [], [], left)[0]:
        frame, (_, _, direction, _, _) = link.recvfrom(65_535)
        heard = parse(frame) if direction != socket.PACKET_OUTGOING else None
        if heard is None:
            continue
        for number, one in enumerate(probes):
            if one["kind"] == "arp" and heard.get("arp") == one["dst"]:
                answers[one["name"]] = "is here"
            elif one["kind"] != "arp" and heard.get("mark") == 40_000 + number:
                answers[one["name"]] = answers[one["name"]] or heard["says"]
    print(json.dumps(answers))


def hear(device):
    link = opened(device)
    print("ready", flush=True)
    while True:
        heard = parse(link.recv(65_535))
        if heard is not None and "protocol" in heard:
            print(json.dumps(heard), flush=True)


def listen(port):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", int(port)))
    print("ready", flush=True)
    while True:
        print(json.dumps({"src": server.recvfrom(2048)[1][0]}), flush=True)


def shout(address, group):
    mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    mouth.bind((address, 0))
    try:
        mouth.sendto(b"here I am", (group, 5353))
    except PermissionError:
        pass  # What a rule drops on its way out, its sender is told of.


{"probe": probe, "hear": hear, "listen": listen, "shout": shout}[sys.argv[1]](*sys.argv[2:])
