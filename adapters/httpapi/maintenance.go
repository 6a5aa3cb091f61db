package httpapi

import (
	"context"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/role"
)

// longestReason bounds the reason of an announcement, in characters, as api.yaml
// has it.
const longestReason = 500

// AnnounceMaintenance makes known that the own member will be busy.
func (s *Server) AnnounceMaintenance(_ context.Context, request openapi.AnnounceMaintenanceRequestObject) (openapi.AnnounceMaintenanceResponseObject, error) {
	member, reason, during, err := announcement(request.Params)
	if err != nil {
		return nil, err
	}
	if s.sources.Maintenance == nil {
		return nil, notHere("announce", "maintenance")
	}
	id, err := s.sources.Maintenance.Announce(member, reason, during)
	if err != nil {
		return nil, err
	}
	return openapi.AnnounceMaintenance200JSONResponse{Id: id}, nil
}

// WithdrawMaintenance ends an announcement.
func (s *Server) WithdrawMaintenance(_ context.Context, request openapi.WithdrawMaintenanceRequestObject) (openapi.WithdrawMaintenanceResponseObject, error) {
	if s.sources.Maintenance == nil {
		return nil, notHere("withdraw", "maintenance")
	}
	s.sources.Maintenance.Withdraw(request.Id)
	return openapi.WithdrawMaintenance204Response{}, nil
}

// announcement reads the parameters and reports everything that is wrong.
func announcement(p openapi.AnnounceMaintenanceParams) (member cluster.ID, reason string, during time.Duration, err error) {
	var ps fault.Problems
	member = memberID(p.Member, &ps)
	reason = reasonOf(p.Reason, &ps)
	longest := int(role.Longest / time.Second)
	if p.Seconds < 1 || p.Seconds > longest {
		ps = append(ps, fault.Problem{Key: "seconds", Value: strconv.Itoa(p.Seconds), Detail: "is out of range", Remedy: fmt.Sprintf("use 1 to %d", longest)})
	}
	return member, reason, time.Duration(p.Seconds) * time.Second, ps.OrNil()
}

// memberID reads the id of a member, and adds to ps if it is none.
func memberID(text string, ps *fault.Problems) cluster.ID {
	id, err := strconv.ParseUint(text, 16, 64)
	if err != nil || id == 0 {
		*ps = append(*ps, fault.Problem{Key: "member", Value: text, Detail: "is not the id of a member", Remedy: "hexadecimal, as etcd prints it"})
	}
	return cluster.ID(id)
}

// reasonOf is a reason on one line; it adds to ps if there is none, or too much.
func reasonOf(text string, ps *fault.Problems) string {
	reason := oneLine(text)
	if reason == "" || utf8.RuneCountInString(reason) > longestReason {
		*ps = append(*ps, fault.Problem{Key: "reason", Detail: "must say why", Remedy: fmt.Sprintf("1 to %d characters", longestReason)})
	}
	return reason
}
