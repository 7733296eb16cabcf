package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// reportOrderFile holds how large a piece of free memory must be for the host to be told of it: 2^order pages
	// (mm/page_reporting.c). All ones: not decided yet.
	reportOrderFile = "/sys/module/page_reporting/parameters/page_reporting_order"

	// reportedAtOnce is PAGE_REPORTING_CAPACITY. The kernel tells of nothing while less than so many pieces are free.
	reportedAtOnce = 32
	// keptPart of the memory may be free, and the host be told of nothing.
	keptPart = 64
	// A piece is never larger than the kernel has it, which is a huge page, nor so small that telling is all that is done.
	leastOrder, mostOrder = 2, 9
)

// GiveBack has the kernel tell the host what of its memory is freed from now on, where there is a device for that. By itself
// it tells nothing while less than 64 MiB are free in pieces of 2 MiB: what small guests have used once would stay theirs.
func GiveBack() error {
	memory, err := ReadMemory()
	if err != nil {
		return err
	}
	return lowerReportOrder(reportOrderFile, memory.Total)
}

// lowerReportOrder leaves an order that is low enough, and a kernel that tells nothing.
func lowerReportOrder(file string, memory uint64) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read how free memory is reported: %w", err)
	}
	now, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return fmt.Errorf("read how free memory is reported: %w", err)
	}
	order := reportOrder(memory, uint64(unix.Getpagesize()))
	if now <= order {
		return nil
	}
	if err := os.WriteFile(file, []byte(strconv.FormatUint(order, 10)), 0); err != nil {
		return fmt.Errorf("have free memory reported: %w", err)
	}
	return nil
}

// reportOrder is the largest for which the free memory that nobody is told of is a small part of all.
func reportOrder(memory, page uint64) uint64 {
	pieces := memory / page / keptPart / reportedAtOnce
	order := uint64(max(0, bits.Len64(pieces)-1))
	return min(max(order, leastOrder), mostOrder)
}
