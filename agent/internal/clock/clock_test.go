package clock

import "testing"

func TestARateIsSplitIntoTickAndFrequency(t *testing.T) {
	for _, c := range []struct{ ppb, tick, frequency int64 }{
		{0, 0, 0},
		{1_000, 0, 65_536},
		{100_000, 1, 0},
		{-100_000, -1, 0},
		{250_500, 2, 3_309_568},
		{-250_500, -2, -3_309_568},
		{MaxRatePPB, 500, 0},
	} {
		tick, frequency := split(c.ppb)
		if tick != c.tick || frequency != c.frequency {
			t.Errorf("split(%d) = %d, %d; want %d, %d", c.ppb, tick, frequency, c.tick, c.frequency)
		}
	}
}
