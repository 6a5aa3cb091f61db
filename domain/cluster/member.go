// Package cluster describes an etcd cluster and its members, in etcd's own words.
package cluster

import (
	"fmt"
	"slices"
	"strings"
)

// ID is etcd's id of a member or a cluster. 0 means none.
type ID uint64

// String is the form etcd prints: lower-case hexadecimal.
func (id ID) String() string { return fmt.Sprintf("%x", uint64(id)) }

// Status is what a member says of itself.
type Status struct {
	ClusterID   ID
	MemberID    ID
	Leader      ID // 0: the member knows no leader
	Learner     bool
	Version     string
	Revision    int64 // the member's own newest revision
	RaftTerm    uint64
	RaftIndex   uint64
	RaftApplied uint64
	DBSize      int64 // bytes
	DBInUse     int64 // bytes
	DBQuota     int64 // bytes; 0 where the version does not say
	Errors      []string
}

// A status names an alarm for as long as it is raised for any member, as in
// "memberID:7 alarm:NOSPACE".
const (
	corruptAlarm = "CORRUPT"
	noSpaceAlarm = "NOSPACE"
)

// Corrupt reports whether etcd's CORRUPT alarm is raised. It is in every
// member's database then, and no full with it can be restored.
func (s Status) Corrupt() bool { return s.alarmed(corruptAlarm) }

// NoSpace reports whether etcd's NOSPACE alarm is raised: it refuses writes.
func (s Status) NoSpace() bool { return s.alarmed(noSpaceAlarm) }

func (s Status) alarmed(alarm string) bool {
	return slices.ContainsFunc(s.Errors, func(e string) bool { return strings.Contains(e, alarm) })
}

// Member is an entry of etcd's member list.
type Member struct {
	ID         ID
	Name       string
	PeerURLs   []string
	ClientURLs []string
	Learner    bool
}
