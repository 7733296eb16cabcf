package machine

import "strings"

// OwnUnit is the name that one of our units of systemd has for this boot. A unit of a name that is known beforehand could
// lie in the image's /etc, or be masked there, and would go before any in /run (systemd.unit(5), UNIT FILE LOAD PATH).
func OwnUnit(name, bootID string) string {
	if bootID == "" {
		return name + ".service"
	}
	// Four thousand million names are more than an image can hold.
	first, _, _ := strings.Cut(bootID, "-")
	return name + "-" + first + ".service"
}
