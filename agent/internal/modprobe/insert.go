package modprobe

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
)

// moduleInitCompressedFile is MODULE_INIT_COMPRESSED_FILE of include/uapi/linux/module.h: the kernel unpacks by itself.
const moduleInitCompressedFile = 4

// Insert gives a module's file to the kernel. One that is there already is no failure.
func Insert(path string) error {
	file, err := files.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	flags := 0
	if !strings.HasSuffix(path, ".ko") {
		flags = moduleInitCompressedFile
	}
	err = unix.FinitModule(int(file.Fd()), "", flags)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}
