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

func TestASlewEndsWhereTheGuestKeepsTheClockAndAnothersTickIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		isSlewing          bool
		now, ours, ratePPB int64
		want               int64
		isSet              bool
	}{
		"a slew is under way":                      {true, 10_500, 10_500, 0, 10_000, true},
		"backwards":                                {true, 9_500, 9_500, 0, 10_000, true},
		"the clock has a rate beside it":           {true, 10_203, 10_203, 301_000, 10_003, true},
		"the rate is the frequency's alone":        {true, 10_200, 10_200, 99_999, 10_000, true},
		"another program has set the tick":         {true, 10_100, 10_500, 0, 10_000, false},
		"another program has put it back":          {true, 10_000, 10_500, 0, 10_000, false},
		"the slew is so slow that the tick is not": {true, 10_000, 10_000, 50_000, 10_000, false},
		"there is none":                            {false, 10_003, 10_003, 301_000, 10_003, false},
		"there is none, and the tick is another's": {false, 10_100, 10_003, 0, 10_000, false},
	} {
		tick, isSet := tickAfterSlew(c.isSlewing, c.now, c.ours, c.ratePPB)
		if tick != c.want || isSet != c.isSet {
			t.Errorf("%s: %d, %t; want %d, %t", name, tick, isSet, c.want, c.isSet)
		}
	}
}
