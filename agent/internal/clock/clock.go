// Package clock turns the guest's wall clock as the host asks for it: the host measures and decides, the guest acts.
package clock

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Bits of struct timex: include/uapi/linux/timex.h.
const (
	adjFrequency = 0x0002
	adjSetOffset = 0x0100
	adjTick      = 0x4000

	staUnsync = 0x0040
)

const (
	// nominalTick is the length of one of the kernel's ticks at USER_HZ, in microseconds.
	nominalTick = 10_000
	// ppbPerTick is what one microsecond of tick is worth: 100 parts in a million.
	ppbPerTick = 100_000
	// frequencyPerPPB: struct timex counts 2^-16 parts in a million.
	frequencyPerPPB = 65.536

	// MaxRatePPB bounds how much faster or slower a clock is made to run: 5 parts in a hundred. The kernel takes ten.
	MaxRatePPB = 50_000_000
	// MaxSlew bounds how long a clock is turned without being asked again.
	MaxSlew = time.Minute
)

// Adjustment is what is done to the clock.
type Adjustment struct {
	// Step is added to it at once.
	Step time.Duration
	// RatePPB is how much faster than by itself it is to run from now on; nil leaves that as it is.
	RatePPB *int64
	// Slew is added to it little by little, over SlewOver; then it runs at its rate again, whether or not a host asks.
	Slew, SlewOver time.Duration
}

// State is how the clock stood before an adjustment.
type State struct {
	Now     time.Time
	RatePPB int64
	// KeptByGuest: a program of the guest's keeps the clock, as ntpd(8), chronyd(8) and systemd-timesyncd(8) do.
	KeptByGuest bool
}

// Clock is the guest's own. The zero value is ready.
type Clock struct {
	mu   sync.Mutex
	rate int64
	// begun: the clock runs at the rate above, and not at what an earlier agent left that ended in the middle of a slew.
	begun bool
	// back ends a slew.
	back *time.Timer
	// tick is the length that was set last.
	tick int64
}

// Adjust tells how the clock stands, and turns it unless somebody in the guest does; a step is always taken.
func (c *Clock) Adjust(want Adjustment) (State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	var timex unix.Timex
	if _, err := unix.Adjtimex(&timex); err != nil {
		return State{}, fmt.Errorf("read the clock's state: %w", err)
	}
	state := State{Now: now, RatePPB: c.rate, KeptByGuest: timex.Status&staUnsync == 0}
	if want.Step != 0 {
		if err := step(want.Step); err != nil {
			return state, err
		}
	}
	if state.KeptByGuest {
		return state, c.yield(timex)
	}
	if want.RatePPB == nil && want.Slew == 0 && c.begun {
		return state, nil
	}
	c.begun = true
	if want.RatePPB != nil {
		c.rate = max(-MaxRatePPB, min(MaxRatePPB, *want.RatePPB))
	}
	return state, c.turn(want)
}

// turn runs the clock at its rate, and for a while at another where there is something to slew.
func (c *Clock) turn(want Adjustment) error {
	c.stopSlew()
	rate := c.rate
	if want.Slew != 0 && want.SlewOver > 0 {
		over := min(want.SlewOver, MaxSlew)
		rate += int64(float64(want.Slew) / float64(over) * 1e9)
		rate = max(-MaxRatePPB, min(MaxRatePPB, rate))
		c.back = time.AfterFunc(over, c.endSlew)
	}
	return c.setRate(rate)
}

// yield leaves the clock to whoever keeps it in the guest, without a slew that nothing would end. Such a program sets the
// frequency itself, but many never touch the tick.
func (c *Clock) yield(now unix.Timex) error {
	isSlewing := c.back != nil
	c.stopSlew()
	tick, isOurs := tickAfterSlew(isSlewing, now.Tick, c.tick, c.rate)
	if !isOurs {
		return nil
	}
	if _, err := unix.Adjtimex(&unix.Timex{Modes: adjTick, Tick: tick}); err != nil {
		return fmt.Errorf("end a slew: %w", err)
	}
	c.tick = tick
	return nil
}

// tickAfterSlew is the length of a tick without the slew, and whether it is to be set: not where another program has
// changed it.
func tickAfterSlew(isSlewing bool, now, ours, ratePPB int64) (int64, bool) {
	tick, _ := split(ratePPB)
	tick += nominalTick
	return tick, isSlewing && now == ours && now != tick
}

func (c *Clock) stopSlew() {
	if c.back != nil {
		c.back.Stop()
		c.back = nil
	}
}

func (c *Clock) endSlew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.back == nil {
		return // Another adjustment came first.
	}
	var timex unix.Timex
	if _, err := unix.Adjtimex(&timex); err == nil && timex.Status&staUnsync == 0 {
		_ = c.yield(timex)
		return
	}
	c.back = nil
	_ = c.setRate(c.rate)
}

func step(by time.Duration) error {
	// Microseconds must not be negative: seconds take the sign. In nanoseconds (ADJ_NANO) all that the kernel tells anybody
	// from then on would be in them, too, and simple tools do not know that.
	seconds, rest := by/time.Second, by%time.Second
	if rest < 0 {
		seconds--
		rest += time.Second
	}
	timex := unix.Timex{Modes: adjSetOffset, Time: unix.Timeval{Sec: int64(seconds), Usec: rest.Microseconds()}}
	if _, err := unix.Adjtimex(&timex); err != nil {
		return fmt.Errorf("step the clock by %s: %w", by, err)
	}
	return nil
}

func (c *Clock) setRate(ppb int64) error {
	tick, frequency := split(ppb)
	timex := unix.Timex{Modes: adjTick | adjFrequency, Tick: nominalTick + tick, Freq: frequency}
	if _, err := unix.Adjtimex(&timex); err != nil {
		return fmt.Errorf("turn the clock by %d parts in a billion: %w", ppb, err)
	}
	c.tick = nominalTick + tick
	return nil
}

// split parts a rate into what the length of a tick gives, in microseconds, and what is left to the frequency.
func split(ppb int64) (tick, frequency int64) {
	tick = ppb / ppbPerTick
	return tick, int64(float64(ppb%ppbPerTick) * frequencyPerPPB)
}
