package kubernetes

import (
	"strconv"
	"strings"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

// Who holds a member's Lease is written <member>:<cluster>:<Leader|Member>, the
// ids in hexadecimal, as etcd-backup-restore writes it and etcd-druid reads it.
// Before v0.40 the cluster was left out.
const (
	leads  = "Leader"
	member = "Member"
)

type holder struct {
	member  cluster.ID
	cluster cluster.ID // 0 where it was left out
	leader  bool
}

func (h holder) String() string {
	role := member
	if h.leader {
		role = leads
	}
	return h.member.String() + ":" + h.cluster.String() + ":" + role
}

// parseHolder reads both forms; ok is false for anything else.
func parseHolder(text *string) (h holder, ok bool) {
	if text == nil {
		return holder{}, false
	}
	parts := strings.Split(*text, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return holder{}, false
	}
	role := parts[len(parts)-1]
	if role != leads && role != member {
		return holder{}, false
	}
	h.leader = role == leads
	for i, id := range []*cluster.ID{&h.member, &h.cluster}[:len(parts)-1] {
		n, err := strconv.ParseUint(parts[i], 16, 64)
		if err != nil || n == 0 {
			return holder{}, false
		}
		*id = cluster.ID(n)
	}
	return h, true
}

// same reports whether the holder is that member of that cluster, as far as it
// says.
func (h holder) same(id, of cluster.ID) bool {
	return h.member == id && (h.cluster == of || h.cluster == 0)
}
