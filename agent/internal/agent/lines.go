package agent

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"banger.dev/agent/internal/line"
	"banger.dev/agent/internal/server"
	"banger.dev/agent/internal/uevent"
	"banger.dev/agent/internal/vsock"
)

// SerialPortName is the name of the virtio-serial port; the contract says so.
const SerialPortName = "banger.agent"

// GuestLines are those that the host has given this guest, by the word banger.line= of the kernel's command line. An older
// host says nothing: then it may be either, and is trusted as it was when there was no secret.
func GuestLines(word string) []Line {
	switch word {
	case "serial":
		return []Line{VirtioSerial()}
	case "vsock":
		return []Line{Vsock(server.Trusted)}
	case "guarded":
		return []Line{Vsock(server.Open), VirtioSerial()}
	}
	return []Line{Vsock(server.Trusted), VirtioSerial()}
}

// Vsock is the line on hosts that have vsock.
func Vsock(trust server.Trust) Line {
	return Line{Name: "vsock", Trust: trust, Listen: func(context.Context) (net.Listener, error) {
		if _, err := os.Stat("/dev/vsock"); err != nil {
			return nil, fmt.Errorf("the guest has no vsock: %w", err)
		}
		return vsock.Listen(vsock.AgentPort)
	}}
}

// VirtioSerial is the line on hosts that have no vsock. The port may come late: the driver learns its name in a
// message of its own, after the device.
func VirtioSerial() Line {
	return Line{Name: "virtio-serial", Listen: func(ctx context.Context) (net.Listener, error) {
		var device string
		err := uevent.Await(ctx, func() bool {
			device = findSerialPort("/sys/class/virtio-ports")
			return device != ""
		})
		if err != nil {
			return nil, err
		}
		port, err := line.OpenPort(filepath.Join("/dev", device))
		if err != nil {
			return nil, err
		}
		return line.Listen(port), nil
	}}
}

// findSerialPort needs no udev, which would make /dev/virtio-ports.
func findSerialPort(class string) string {
	names, _ := filepath.Glob(filepath.Join(class, "*", "name"))
	for _, path := range names {
		text, err := os.ReadFile(path)
		if err == nil && strings.TrimSpace(string(text)) == SerialPortName {
			return filepath.Base(filepath.Dir(path))
		}
	}
	return ""
}

// Unix is a line for tests on a host.
func Unix(path string) Line {
	return Line{Name: "unix", Listen: func(context.Context) (net.Listener, error) {
		return net.Listen("unix", path)
	}}
}

// SerialDescriptor is a line for tests on a host: an inherited socket that stands in for a port.
func SerialDescriptor(fd int) Line {
	return Line{Name: "serial", Listen: func(context.Context) (net.Listener, error) {
		port, err := line.SocketPort(fd)
		if err != nil {
			return nil, err
		}
		return line.Listen(port), nil
	}}
}
