// Package netif gives a network interface its address by rtnetlink(7), where the kernel has not done so itself.
package netif

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Plan is what an interface shall have.
type Plan struct {
	Address netip.Prefix
	// Gateway is invalid where there is none.
	Gateway netip.Addr
}

// FirstNIC names the first interface that stands for a device; empty if there is none.
func FirstNIC() string {
	devices, _ := filepath.Glob("/sys/class/net/*/device")
	slices.Sort(devices)
	if len(devices) == 0 {
		return ""
	}
	return filepath.Base(filepath.Dir(devices[0]))
}

// HasAddress tells whether somebody has configured it already: the kernel, where it knows `ip=`.
func HasAddress(name string) bool {
	nic, err := net.InterfaceByName(name)
	if err != nil {
		return false
	}
	addresses, err := nic.Addrs()
	return err == nil && slices.ContainsFunc(addresses, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && prefix.Addr().Is4()
	})
}

// Up brings an interface up. The kernel gives `lo` its addresses by itself.
func Up(name string) error {
	index, err := indexOf(name)
	if err != nil {
		return err
	}
	return request("bring up "+name, unix.RTM_NEWLINK, 0, linkMessage(index, unix.IFF_UP))
}

// Apply gives an interface an address, and makes its gateway the default route.
func Apply(name string, plan Plan) error {
	index, err := indexOf(name)
	if err != nil {
		return err
	}
	if err := Up(name); err != nil {
		return err
	}
	what := fmt.Sprintf("give %s the address %s", name, plan.Address)
	err = request(what, unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, addressMessage(index, plan.Address))
	if err != nil || !plan.Gateway.IsValid() {
		return err
	}
	what = fmt.Sprintf("route by %s", plan.Gateway)
	return request(what, unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, routeMessage(index, plan.Gateway))
}

func indexOf(name string) (uint32, error) {
	nic, err := net.InterfaceByName(name)
	if err != nil {
		return 0, fmt.Errorf("find interface %s: %w", name, err)
	}
	return uint32(nic.Index), nil
}

// linkMessage is struct ifinfomsg: family, pad, type, index, flags, change.
func linkMessage(index, flags uint32) []byte {
	out := []byte{unix.AF_UNSPEC, 0}
	out = binary.NativeEndian.AppendUint16(out, 0)
	out = binary.NativeEndian.AppendUint32(out, index)
	out = binary.NativeEndian.AppendUint32(out, flags)
	return binary.NativeEndian.AppendUint32(out, flags)
}

// addressMessage is struct ifaddrmsg: family, prefixlen, flags, scope, index; then attributes.
func addressMessage(index uint32, address netip.Prefix) []byte {
	out := []byte{family(address.Addr()), byte(address.Bits()), 0, unix.RT_SCOPE_UNIVERSE}
	out = binary.NativeEndian.AppendUint32(out, index)
	out = appendAttribute(out, unix.IFA_LOCAL, address.Addr().AsSlice())
	return appendAttribute(out, unix.IFA_ADDRESS, address.Addr().AsSlice())
}

// routeMessage is struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags; then attributes.
func routeMessage(index uint32, gateway netip.Addr) []byte {
	out := []byte{
		family(gateway), 0, 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_BOOT, unix.RT_SCOPE_UNIVERSE, unix.RTN_UNICAST, 0, 0, 0, 0,
	}
	out = appendAttribute(out, unix.RTA_GATEWAY, gateway.AsSlice())
	return appendAttribute(out, unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, index))
}

func family(address netip.Addr) byte {
	if address.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// appendAttribute adds a struct rtattr: length, type, value; all lengths here are multiples of 4 already.
func appendAttribute(out []byte, kind uint16, value []byte) []byte {
	out = binary.NativeEndian.AppendUint16(out, uint16(unix.SizeofRtAttr+len(value)))
	out = binary.NativeEndian.AppendUint16(out, kind)
	return append(out, value...)
}

// request sends one message to the kernel and reads its acknowledgement.
func request(what string, kind, flags uint16, body []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", what, err)
		}
	}()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	message := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	message = binary.NativeEndian.AppendUint16(message, flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	message = binary.NativeEndian.AppendUint32(message, 1) // sequence number
	message = binary.NativeEndian.AppendUint32(message, 0) // port: the kernel chooses
	if err := unix.Sendto(fd, append(message, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, os.Getpagesize())
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	return acknowledgement(answer[:n])
}

// acknowledgement is a struct nlmsghdr and then a struct nlmsgerr, which begins with a negative errno or 0.
func acknowledgement(answer []byte) error {
	if len(answer) < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return errors.New("the kernel's answer is no acknowledgement")
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}
