package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

const (
	localtimeName = "etc/localtime"
	timezoneName  = "etc/timezone"
	zonesFolder   = "usr/share/zoneinfo"
)

var (
	zonePattern = regexp.MustCompile(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$`)
	rulePattern = regexp.MustCompile(`^[A-Za-z0-9<>+,./:-]{1,100}$`)
)

func (k *Keeper) setZone(_ context.Context, notes *notes, wanted Wanted) (map[string]string, error) {
	zone := wanted.Zone
	if zone.Name == "" {
		return nil, errors.Join(notes.putBack(localtimeName), notes.putBack(timezoneName))
	}
	if !zonePattern.MatchString(zone.Name) || zone.Rule != "" && !rulePattern.MatchString(zone.Rule) {
		return nil, fmt.Errorf("%.80q is not a time zone", zone.Name)
	}
	info, err := os.Stat(k.path(filepath.Join(zonesFolder, zone.Name)))
	if err == nil && info.Mode().IsRegular() {
		err := notes.put(localtimeName, content{Link: "/" + filepath.Join(zonesFolder, zone.Name)})
		// Debian's, and of a few programs; systemd's guests have it no more.
		if _, missing := os.Lstat(k.path(timezoneName)); missing == nil {
			err = errors.Join(err, notes.put(timezoneName, content{File: []byte(zone.Name + "\n")}))
		}
		return nil, err
	}
	err = errors.Join(notes.putBack(localtimeName), notes.putBack(timezoneName))
	if zone.Rule == "" {
		return nil, errors.Join(err, fmt.Errorf("the guest knows no time zone %s: install tzdata in it", zone.Name))
	}
	return map[string]string{"TZ": zone.Rule}, err
}
